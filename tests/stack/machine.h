// Machine: the stack machine of FoundationDB's binding tester, over the store's own binding, written from
// bindings/bindingtester/spec/bindingApiTester.md and directoryLayerTester.md. Its program lies in the
// database under (PREFIX, i); what it logs there is compared with what other bindings, or other engines,
// logged.
//
// Differences that the specification allows: reads and commits are awaited where they are asked for; only
// GET_VERSIONSTAMP leaves something unfinished on the stack. TENANT_ instructions are not known.
//
// Threads: all machines of one run live on one executor.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/executor.h"
#include "store/database.h"
#include "store/directory.h"
#include "store/tuple.h"

namespace everframe::stack {

// What the machines of one run share.
struct Run {
  store::Database& database;
  platform::Executor& executor;
  std::map<std::string, std::shared_ptr<store::Transaction>> transactions;  // by name
  std::string failure;  // of the first machine that could not go on
};

class Machine {
 public:
  Machine(Run& run, std::string prefix);

  // All of the program, and of the machines that it starts. false: see Run::failure.
  Task<bool> run();

 private:
  struct Item {
    std::size_t index;  // of the instruction that pushed it
    store::Element value;
    std::shared_ptr<store::StampPromise> stamp;  // if there: `value` is not known yet
  };
  struct Instruction {
    std::string op;
    std::optional<store::Element> argument;
    bool on_database = false;
    bool snapshot = false;
  };
  template <class T>
  using Body = Function<Task<Result<T>>(store::Transaction&)>;

  Task<bool> execute(const Instruction& instruction);
  bool execute_stack(const Instruction& instruction);
  bool execute_tuple(const Instruction& instruction);
  bool execute_write(const Instruction& instruction);
  bool execute_transaction(const Instruction& instruction);
  Task<bool> execute_read(const Instruction& instruction);
  Task<bool> execute_range(const Instruction& instruction);
  Task<bool> execute_database_write(const Instruction& instruction);
  Task<bool> execute_commit(const Instruction& instruction);
  Task<bool> execute_version(const Instruction& instruction);
  Task<bool> execute_threads(const Instruction& instruction);
  bool execute_conflict(const Instruction& instruction);

  // ---- machine_directory.cpp: DIRECTORY_ instructions ----
  // A directory layer: the root's, one of the program's own, or a partition's, at `base`.
  struct Level {
    Level(std::uint64_t seed, store::DirectoryOptions options, store::DirectoryPath at)
        : directories(seed, std::move(options)), base(std::move(at)) {}
    store::Directories directories;
    store::DirectoryPath base;
  };
  // What the directory list holds: a layer, a directory, or a subspace alone.
  struct Place {
    std::shared_ptr<Level> level;   // in which its subdirectories are; none: a subspace
    std::shared_ptr<Level> parent;  // of a partition: in which it lies itself
    std::optional<store::DirectoryPath> path;
    std::string layer;
    std::optional<store::Subspace> contents;  // of a layer and a partition none
  };
  Task<bool> execute_directory(const Instruction& instruction);
  Task<> work_on_directory(const Instruction& instruction, const Place& here);
  Task<store::Directory> make_directory(const Instruction& instruction, const Place& here,
                                        std::shared_ptr<Level>& level);
  Task<> tell_directory(const Instruction& instruction, const Place& here);
  Task<> log_directory(const Place& here);
  Task<bool> directory_exists(const Instruction& instruction, const Place& here, store::DirectoryPath path);
  Task<std::vector<std::string>> directory_names(const Instruction& instruction, const Place& here,
                                                 store::DirectoryPath path);
  bool work_on_subspace(const std::string& op, const Place& here);
  std::shared_ptr<Level> new_level(store::DirectoryOptions options, store::DirectoryPath base);
  Place place_of(const store::Directory& directory, const std::shared_ptr<Level>& level);
  // `path` beneath a place, as `level` has it.
  static store::DirectoryPath beneath(const Place& place, const Level& level,
                                      const store::DirectoryPath& path);
  template <class T>
  Task<T> in_directories(const Instruction& instruction, Body<T> body);
  store::Tuple pop_tuple();
  store::DirectoryPath pop_path();
  store::DirectoryPath pop_path_if_any();
  void pack_with_versionstamp();

  Task<> log_stack();
  Task<> settle(std::size_t depth);  // waits for what the top items still lack
  // Runs `body` in the current transaction, or in one of its own that is committed and retried.
  template <class T>
  Task<Result<T>> on(bool database, Body<T> body) {
    if (database) co_return co_await run_.database.run<T>(run_.executor, std::move(body));
    const auto held = run_.transactions.at(transaction_);
    co_return co_await body(*held);
  }

  store::Element pop();
  std::int64_t pop_int();
  std::string pop_bytes();
  void push(store::Element value);
  void push_bytes(std::string bytes);
  void push_error(int code);
  void push_void(const Result<void>& result);
  store::Transaction& transaction();
  [[noreturn]] void refuse(const std::string& why) const;

  Run& run_;
  const std::string prefix_;
  std::string transaction_;  // the current one's name
  std::int64_t last_version_ = 0;
  std::size_t index_ = 0;
  std::vector<Item> stack_;  // the top is last
  int running_ = 0;          // machines that this one started
  std::vector<std::optional<Place>> places_;
  std::size_t place_ = 0;        // the current one
  std::size_t error_place_ = 0;  // instead of one that could not be made
};

// UNIT_TESTS: what the stack machine cannot test: options, watches, cancellation, retry limits, time-outs and
// size limits. The rows that it leaves are those of FoundationDB's own bindings. An Error says what was
// wrong.
Task<Result<void>> unit_tests(Run& run);

}  // namespace everframe::stack
