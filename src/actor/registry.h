// Registry: who is there, by name and by id: the process's tree of actors. Names are those of child specs; of
// several actors of one name the eldest is found. An actor is listed from its start_child to its end for
// good, over all its restarts. Any thread; the lock is held for one look-up or one listing.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "actor/actor.h"

namespace everframe::actor {

enum class ActorId : std::uint64_t {};  // 0 is none; never reused within a process

inline constexpr std::size_t REPORTS_KEPT = 64;  // crash reports, the newest

class Registry {
 public:
  struct Entry {
    ActorId id{};
    ActorId parent{};  // 0: of the root
    std::string name;
    bool is_actor = false;  // else a supervisor
    CellFigures figures;    // of an actor
  };
  struct Report {
    std::string name;
    Time at{};
    Ending ending;
  };

  ActorId add(ActorId parent, std::string name, std::weak_ptr<Cell> cell);  // no cell: a supervisor
  void remove(ActorId id);
  void report(std::string name, Time at, Ending ending);

  // The address of an actor that takes such messages; a Ref to nobody if there is none of that name.
  template <class Message>
  Ref<Message> find(const std::string& name) const {
    return Ref<Message>(std::dynamic_pointer_cast<detail::TypedCell<Message>>(cell(name)));
  }
  template <class Message>
  Ref<Message> find(ActorId id) const {
    return Ref<Message>(std::dynamic_pointer_cast<detail::TypedCell<Message>>(cell(id)));
  }

  ActorId id(const std::string& name) const;  // of an actor; 0: there is none

  std::vector<Entry> list() const;      // by id: parents before their children
  std::vector<Report> reports() const;  // the oldest first

 private:
  struct Row {
    ActorId parent{};
    std::string name;
    std::weak_ptr<Cell> cell;
    bool is_actor = false;
  };
  std::shared_ptr<Cell> cell(const std::string& name) const;
  std::shared_ptr<Cell> cell(ActorId id) const;

  mutable std::mutex mutex_;
  std::map<ActorId, Row> rows_;
  std::multimap<std::string, ActorId> by_name_;
  ActorId last_{};
  std::deque<Report> reports_;
};

// Where a supervisor's children are listed.
struct Place {
  Registry* registry = nullptr;  // outlives the supervisor; none: nowhere
  std::string name{};            // the supervisor's own
  ActorId parent{};              // the supervisor above it
};

}  // namespace everframe::actor
