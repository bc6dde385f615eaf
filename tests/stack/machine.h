// Machine: the stack machine of FoundationDB's binding tester, over the store's own binding, written from
// bindings/bindingtester/spec/bindingApiTester.md. Its program lies in the database under (PREFIX, i); what
// it logs there is compared with what other bindings, or other engines, logged.
//
// Differences that the specification allows: reads and commits are awaited where they are asked for; only
// GET_VERSIONSTAMP leaves something unfinished on the stack. DIRECTORY_ and TENANT_ instructions are not
// known.
//
// Threads: all machines of one run live on one executor.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/executor.h"
#include "store/database.h"
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
  Machine(Run& run, std::string prefix) : run_(run), prefix_(std::move(prefix)), transaction_(prefix_) {}

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
  void pack_with_versionstamp();

  Task<> log_stack();
  Task<> settle(std::size_t depth);  // waits for what the top items still lack
  template <class T>
  Task<Result<T>> on(bool database, Body<T> body);

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
};

// UNIT_TESTS: what the stack machine cannot test: options, watches, cancellation, retry limits, time-outs and
// size limits. The rows that it leaves are those of FoundationDB's own bindings. An Error says what was
// wrong.
Task<Result<void>> unit_tests(Run& run);

}  // namespace everframe::stack
