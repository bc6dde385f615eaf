// StoreHistory: every transaction that the servers of a run made, recorded between them and the engine: what
// it read and was answered, what it wrote, whether it was told to have committed. Each one that writes also
// writes a mark, a key of its own whose value the engine makes its versionstamp: so the store itself tells
// afterwards, also of commits whose result nobody learnt, whether they happened and in which order.
//
// Threads: one. The table of C functions has no state of its own, so the history that records is the
// process's current one.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/fdb_api.h"

namespace everframe::sim {

inline constexpr std::string_view MARKS = "\x01mark/";  // before the keys of any world

class StoreHistory {
 public:
  struct Operation {
    enum class Kind { GET, RANGE, SET, CLEAR_RANGE, ADD } kind;
    std::string key;
    std::string other;  // a range's end, or the value
    bool snapshot = false;
    bool reverse = false;
    int limit = 0;
    // What was answered:
    bool answered = false;
    std::optional<std::string> value;
    std::vector<std::pair<std::string, std::string>> rows;
    bool more = false;

    bool reads() const { return kind == Kind::GET || kind == Kind::RANGE; }
  };
  enum class Fate { OPEN, COMMITTED, REFUSED, UNKNOWN };
  struct Attempt {
    std::uint64_t number = 0;
    std::uint64_t client = 0;  // which opening of the store made it
    std::uint64_t begun = 0;   // moments of the history: it counts begins and answers
    std::uint64_t answered = 0;
    bool commit_asked = false;
    bool writes = false;
    Fate fate = Fate::OPEN;
    std::vector<Operation> operations;
  };

  StoreHistory();
  ~StoreHistory();
  StoreHistory(const StoreHistory&) = delete;
  StoreHistory& operator=(const StoreHistory&) = delete;

  // The engine's table with the recording around it. For as long as the process lives.
  static const platform::FdbApi& api();
  static std::string mark_of(std::uint64_t attempt);

  const std::deque<Attempt>& attempts() const { return attempts_; }
  void pause() { recording_ = false; }

 private:
  struct Table;
  struct Pending {
    std::uint64_t attempt = 0;
    std::size_t operation = 0;
    bool is_commit = false;
  };
  Attempt* attempt_of(FDBTransaction* transaction);
  void begin(FDBTransaction* transaction, std::uint64_t client);
  Operation* add(FDBTransaction* transaction, Operation operation);

  bool recording_ = true;
  std::deque<Attempt> attempts_;
  std::map<FDBTransaction*, std::uint64_t> current_;
  std::map<FDBDatabase*, std::uint64_t> clients_;
  std::map<FDBFuture*, Pending> pending_;
  std::uint64_t moments_ = 0;
  std::uint64_t openings_ = 0;
};

}  // namespace everframe::sim
