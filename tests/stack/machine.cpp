#include "machine.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace everframe::stack {

using store::ByteString;
using store::Element;
using store::Integer;
using store::KeyRange;
using store::KeySelector;
using store::KeyValue;
using store::KeyValues;
using store::Tuple;

namespace {

constexpr std::size_t LOGGED_BYTES_MAX = 40'000;  // the specification's
constexpr std::size_t LOGGED_ROWS_MAX = 100;      // a transaction
constexpr const char* NOT_PRESENT = "RESULT_NOT_PRESENT";

bool cut_suffix(std::string& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.resize(text.size() - suffix.size());
  return true;
}

// The first key behind all that begin with `prefix`.
std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) throw std::runtime_error("a prefix of nothing but FF has no end");
  prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

// Integers of any length, as the tuple layer has them: a sign, and a magnitude of bytes, big-endian.
struct Number {
  bool negative = false;
  std::string magnitude;  // no leading zeros
};

Number number_of(const Element& element) {
  if (const auto* big = std::get_if<store::BigInteger>(&element)) return {big->negative, big->magnitude};
  const auto& integer = std::get<Integer>(element);
  std::string magnitude;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const char byte = static_cast<char>(integer.magnitude >> shift);
    if (byte != 0 || !magnitude.empty()) magnitude.push_back(byte);
  }
  return {integer.negative, std::move(magnitude)};
}

bool is_below(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// a + sign * b, where sign -1 wants a >= b.
std::string combined(const std::string& a, const std::string& b, int sign) {
  const std::size_t size = std::max(a.size(), b.size()) + 1;
  std::string out(size, '\0');
  int carry = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto digit = [i](const std::string& from) {
      return i < from.size() ? static_cast<int>(static_cast<std::uint8_t>(from[from.size() - 1 - i])) : 0;
    };
    const int sum = digit(a) + sign * digit(b) + carry;
    out[size - 1 - i] = static_cast<char>(sum & 0xff);
    carry = sum < 0 ? -1 : sum >> 8;
  }
  out.erase(0, std::min(out.find_first_not_of('\0'), out.size()));
  return out;
}

Element difference(const Element& left, const Element& right) {
  const Number a = number_of(left);
  const Number b = number_of(right);
  Number out;
  if (a.negative != b.negative) {
    out = {a.negative, combined(a.magnitude, b.magnitude, 1)};
  } else if (is_below(a.magnitude, b.magnitude)) {
    out = {!a.negative, combined(b.magnitude, a.magnitude, -1)};
  } else {
    out = {a.negative, combined(a.magnitude, b.magnitude, -1)};
  }
  if (out.magnitude.size() > 8) return store::BigInteger{out.negative, out.magnitude};
  Integer small;
  for (const char byte : out.magnitude)
    small.magnitude = small.magnitude << 8 | static_cast<std::uint8_t>(byte);
  small.negative = out.negative && small.magnitude != 0;
  return small;
}

template <class Float, class Bits>
Float float_of(const std::string& bytes) {
  if (bytes.size() != sizeof(Float)) throw std::runtime_error("a float of another length");
  Bits bits = 0;
  for (const char c : bytes) bits = static_cast<Bits>(bits << 8) | static_cast<std::uint8_t>(c);
  Float out = 0;
  std::memcpy(&out, &bits, sizeof(out));
  return out;
}
template <class Bits, class Float>
std::string bytes_of_float(Float value) {
  Bits bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  std::string out;
  for (int shift = 8 * (sizeof(Bits) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(bits >> shift));
  }
  return out;
}

std::size_t incomplete_versionstamps(const Tuple& tuple) {
  std::size_t count = 0;
  for (const Element& element : tuple) {
    if (const auto* stamp = std::get_if<store::Versionstamp>(&element)) count += stamp->is_complete() ? 0 : 1;
    if (const auto* nested = std::get_if<Tuple>(&element)) count += incomplete_versionstamps(*nested);
  }
  return count;
}

store::AtomicOp atomic_op(std::string_view name) {
  static const std::map<std::string_view, int> NUMBERS = {{"ADD", 2},
                                                          {"AND", 6},
                                                          {"BIT_AND", 6},
                                                          {"OR", 7},
                                                          {"BIT_OR", 7},
                                                          {"XOR", 8},
                                                          {"BIT_XOR", 8},
                                                          {"APPEND_IF_FITS", 9},
                                                          {"MAX", 12},
                                                          {"MIN", 13},
                                                          {"SET_VERSIONSTAMPED_KEY", 14},
                                                          {"SET_VERSIONSTAMPED_VALUE", 15},
                                                          {"BYTE_MIN", 16},
                                                          {"BYTE_MAX", 17},
                                                          {"COMPARE_AND_CLEAR", 20}};
  const auto found = NUMBERS.find(name);
  if (found == NUMBERS.end()) throw std::runtime_error("unknown atomic operation " + std::string(name));
  return static_cast<store::AtomicOp>(found->second);
}

}  // namespace

void Machine::refuse(const std::string& why) const {
  throw std::runtime_error(prefix_ + ": " + why);
}

Element Machine::pop() {
  if (stack_.empty()) refuse("the stack is empty");
  if (stack_.back().stamp != nullptr) refuse("a versionstamp is popped that nobody has waited for");
  Element value = std::move(stack_.back().value);
  stack_.pop_back();
  return value;
}
std::int64_t Machine::pop_int() {
  const Element value = pop();
  if (const auto* yes = std::get_if<bool>(&value)) return *yes ? 1 : 0;
  const auto* integer = std::get_if<Integer>(&value);
  if (integer == nullptr) refuse("an integer is wanted");
  const auto magnitude = static_cast<std::int64_t>(integer->magnitude);
  return integer->negative ? -magnitude : magnitude;
}
std::string Machine::pop_bytes() {
  Element value = pop();
  if (auto* bytes = std::get_if<ByteString>(&value)) return std::move(bytes->bytes);
  if (auto* text = std::get_if<std::string>(&value)) return std::move(*text);
  refuse("a string is wanted");
}
Tuple Machine::pop_tuple() {
  Tuple tuple;
  for (std::int64_t left = pop_int(); left > 0; --left) tuple.push_back(pop());
  return tuple;
}
void Machine::push(Element value) {
  stack_.push_back({index_, std::move(value), nullptr});
}
void Machine::push_bytes(std::string bytes) {
  push(ByteString{std::move(bytes)});
}
void Machine::push_error(int code) {
  store::TuplePacker packer;
  packer.bytes("ERROR").bytes(std::to_string(code));
  push_bytes(packer.key());
}
void Machine::push_void(const Result<void>& result) {
  result ? push_bytes(NOT_PRESENT) : push_error(result.error().code);
}

store::Transaction& Machine::transaction() {
  const auto found = run_.transactions.find(transaction_);
  if (found == run_.transactions.end()) refuse("there is no transaction " + transaction_);
  return *found->second;
}

Task<bool> Machine::run() {
  KeyRange range = store::range_of(store::TuplePacker().bytes(prefix_).key());
  Body<KeyValues> read = [range](store::Transaction& t) { return t.get_range(range); };
  const auto program = co_await run_.database.run<KeyValues>(run_.executor, std::move(read));
  if (!program) {
    run_.failure = program.error().text;
    co_return false;
  }
  bool good = true;
  for (index_ = 0; good && index_ < program->size(); ++index_) {
    auto parts = store::unpack((*program)[index_].value);
    std::string op;
    try {
      if (!parts || parts->empty()) refuse("it cannot be read");
      Instruction instruction;
      instruction.op = std::get<std::string>((*parts)[0]);
      if (parts->size() > 1) instruction.argument = (*parts)[1];
      instruction.on_database = cut_suffix(instruction.op, "_DATABASE");
      instruction.snapshot = cut_suffix(instruction.op, "_SNAPSHOT");
      op = instruction.op;
      good = co_await execute(instruction);
      if (!good) refuse("unknown: " + std::get<std::string>((*parts)[0]));
    } catch (const std::exception& problem) {
      if (run_.failure.empty())
        run_.failure = "instruction " + std::to_string(index_) + " (" + op + "): " + problem.what();
      good = false;
    }
  }
  while (running_ > 0) co_await run_.executor.sleep(1ms);
  co_return good&& run_.failure.empty();
}

Task<bool> Machine::execute(const Instruction& instruction) {
  // What an instruction pops must be known. Only a versionstamp is known late, once its transaction has
  // committed; these wait for it, and only as deep as they pop: what lies below may not be committed yet.
  static const std::map<std::string_view, std::size_t> POPPED = {
      {"WAIT_FUTURE", 1}, {"CLEAR", 1},       {"GET", 1},      {"CONCAT", 2},
      {"SET", 2},         {"CLEAR_RANGE", 2}, {"ATOMIC_OP", 3}};
  if (instruction.op == "LOG_STACK") {
    co_await settle(stack_.size());
  } else if (const auto popped = POPPED.find(instruction.op); popped != POPPED.end()) {
    co_await settle(popped->second);
  }
  if (execute_stack(instruction) || execute_tuple(instruction) || execute_transaction(instruction) ||
      execute_conflict(instruction)) {
    co_return true;
  }
  if (!instruction.on_database && execute_write(instruction)) co_return true;
  if (instruction.op == "LOG_STACK") {
    co_await log_stack();
    co_return true;
  }
  if (instruction.op.starts_with("DIRECTORY_")) co_return co_await execute_directory(instruction);
  bool known = co_await execute_read(instruction);
  if (!known) known = co_await execute_range(instruction);
  if (!known) known = co_await execute_commit(instruction);
  if (!known) known = co_await execute_version(instruction);
  if (!known) known = co_await execute_threads(instruction);
  if (!known) known = co_await execute_database_write(instruction);
  co_return known;
}

Task<> Machine::settle(std::size_t depth) {
  const std::size_t count = std::min(depth, stack_.size());
  for (std::size_t i = stack_.size() - count; i < stack_.size(); ++i) {
    const auto promise = stack_[i].stamp;
    if (promise == nullptr) continue;
    const auto stamp = co_await promise->stamp();
    stack_[i].stamp = nullptr;
    if (stamp) {
      stack_[i].value = ByteString{std::string(stamp->bytes.begin(), stamp->bytes.end())};
    } else {
      store::TuplePacker packer;
      packer.bytes("ERROR").bytes(std::to_string(stamp.error().code));
      stack_[i].value = ByteString{packer.key()};
    }
  }
}

bool Machine::execute_stack(const Instruction& instruction) {
  const std::string& op = instruction.op;
  if (op == "PUSH") {
    push(instruction.argument.value());
  } else if (op == "DUP") {
    stack_.push_back(stack_.back());
  } else if (op == "EMPTY_STACK") {
    stack_.clear();
  } else if (op == "SWAP") {
    const auto depth = static_cast<std::size_t>(pop_int());
    if (depth >= stack_.size()) refuse("SWAP reaches below the stack");
    std::swap(stack_.back(), stack_[stack_.size() - 1 - depth]);
  } else if (op == "POP") {
    if (!stack_.empty()) stack_.pop_back();
  } else if (op == "WAIT_FUTURE") {
    // settled before
  } else if (op == "SUB") {
    const Element a = pop();
    const Element b = pop();
    push(difference(a, b));
  } else if (op == "CONCAT") {
    const Element a = pop();
    const Element b = pop();
    if (const auto* text = std::get_if<std::string>(&a)) {
      push(*text + std::get<std::string>(b));
    } else {
      push_bytes(std::get<ByteString>(a).bytes + std::get<ByteString>(b).bytes);
    }
  } else {
    return false;
  }
  return true;
}

bool Machine::execute_tuple(const Instruction& instruction) {
  const std::string& op = instruction.op;
  if (op == "TUPLE_PACK") {
    push_bytes(store::pack(pop_tuple()));
  } else if (op == "TUPLE_PACK_WITH_VERSIONSTAMP") {
    pack_with_versionstamp();
  } else if (op == "TUPLE_UNPACK") {
    const auto tuple = store::unpack(pop_bytes());
    if (!tuple) refuse(tuple.error().text);
    for (const Element& element : *tuple) push_bytes(store::pack(Tuple{element}));
  } else if (op == "TUPLE_RANGE") {
    KeyRange range = store::range_of(store::pack(pop_tuple()));
    push_bytes(std::move(range.begin));
    push_bytes(std::move(range.end));
  } else if (op == "TUPLE_SORT") {
    std::vector<std::string> packed;
    for (std::int64_t left = pop_int(); left > 0; --left) {
      const auto tuple = store::unpack(pop_bytes());
      if (!tuple) refuse(tuple.error().text);
      packed.push_back(store::pack(*tuple));
    }
    std::sort(packed.begin(), packed.end());
    for (std::string& one : packed) push_bytes(std::move(one));
  } else if (op == "ENCODE_FLOAT") {
    push(float_of<float, std::uint32_t>(pop_bytes()));
  } else if (op == "ENCODE_DOUBLE") {
    push(float_of<double, std::uint64_t>(pop_bytes()));
  } else if (op == "DECODE_FLOAT") {
    push_bytes(bytes_of_float<std::uint32_t>(std::get<float>(pop())));
  } else if (op == "DECODE_DOUBLE") {
    push_bytes(bytes_of_float<std::uint64_t>(std::get<double>(pop())));
  } else {
    return false;
  }
  return true;
}

void Machine::pack_with_versionstamp() {
  std::string prefix = pop_bytes();
  const Tuple tuple = pop_tuple();
  auto packed = store::pack_versionstamped(tuple, std::move(prefix));
  if (packed) {
    push_bytes("OK");
    push_bytes(std::move(*packed));
    return;
  }
  push_bytes(incomplete_versionstamps(tuple) > 1 ? "ERROR: MULTIPLE" : "ERROR: NONE");
}

// What has no answer: an error of it comes out of a later one.
bool Machine::execute_write(const Instruction& instruction) {
  const std::string& op = instruction.op;
  if (op == "SET") {
    const std::string key = pop_bytes();
    transaction().set(key, pop_bytes());
  } else if (op == "CLEAR") {
    transaction().clear(pop_bytes());
  } else if (op == "CLEAR_RANGE") {
    KeyRange range;
    range.begin = pop_bytes();
    range.end = pop_bytes();
    transaction().clear(range);
  } else if (op == "CLEAR_RANGE_STARTS_WITH") {
    KeyRange range;
    range.begin = pop_bytes();
    range.end = behind(range.begin);
    transaction().clear(range);
  } else if (op == "ATOMIC_OP") {
    const auto operation = atomic_op(pop_bytes());
    const std::string key = pop_bytes();
    transaction().atomic(operation, key, pop_bytes());
  } else {
    return false;
  }
  return true;
}

bool Machine::execute_transaction(const Instruction& instruction) {
  const std::string& op = instruction.op;
  const auto begin = [this] {
    run_.transactions[transaction_] =
        std::make_shared<store::Transaction>(run_.database.begin(run_.executor));
  };
  if (op == "NEW_TRANSACTION") {
    begin();
  } else if (op == "USE_TRANSACTION") {
    transaction_ = pop_bytes();
    if (!run_.transactions.contains(transaction_)) begin();
  } else if (op == "RESET") {
    transaction().reset();
  } else if (op == "CANCEL") {
    transaction().cancel();
  } else if (op == "SET_READ_VERSION") {
    transaction().set_read_version(last_version_);
  } else if (op == "DISABLE_WRITE_CONFLICT") {
    constexpr int NEXT_WRITE_NO_WRITE_CONFLICT_RANGE = 30;
    if (const auto set = transaction().set_option(NEXT_WRITE_NO_WRITE_CONFLICT_RANGE); !set) {
      push_error(set.error().code);
    }
  } else if (op == "GET_VERSIONSTAMP") {
    stack_.push_back(
        {index_, Element(), std::make_shared<store::StampPromise>(transaction().versionstamp())});
  } else {
    return false;
  }
  return true;
}

bool Machine::execute_conflict(const Instruction& instruction) {
  const std::string& op = instruction.op;
  const bool is_key = op.ends_with("_CONFLICT_KEY");
  if (!is_key && !op.ends_with("_CONFLICT_RANGE")) return false;
  const auto kind =
      op.starts_with("READ_") ? store::Transaction::Conflict::READ : store::Transaction::Conflict::WRITE;
  KeyRange range;
  range.begin = pop_bytes();
  range.end = is_key ? range.begin + '\0' : pop_bytes();
  if (const auto added = transaction().add_conflict_range(range, kind); !added) {
    push_error(added.error().code);
  } else {
    push_bytes(is_key ? "SET_CONFLICT_KEY" : "SET_CONFLICT_RANGE");
  }
  return true;
}

Task<bool> Machine::execute_read(const Instruction& instruction) {
  const std::string& op = instruction.op;
  const bool snapshot = instruction.snapshot;
  if (op == "GET") {
    const std::string key = pop_bytes();
    Body<std::optional<std::string>> read = [key, snapshot](store::Transaction& t) {
      return t.get(key, snapshot);
    };
    auto value = co_await on<std::optional<std::string>>(instruction.on_database, std::move(read));
    if (!value) {
      push_error(value.error().code);
    } else {
      push_bytes(value->value_or(NOT_PRESENT));
    }
  } else if (op == "GET_KEY") {
    KeySelector selector;
    selector.key = pop_bytes();
    selector.or_equal = pop_int() != 0;
    selector.offset = static_cast<int>(pop_int());
    const std::string prefix = pop_bytes();
    Body<std::string> read = [selector, snapshot](store::Transaction& t) {
      return t.get_key(selector, snapshot);
    };
    auto key = co_await on<std::string>(instruction.on_database, std::move(read));
    if (!key) {
      push_error(key.error().code);
    } else if (key->starts_with(prefix)) {
      push_bytes(std::move(*key));
    } else {
      push_bytes(*key < prefix ? prefix : behind(prefix));
    }
  } else if (op == "GET_ESTIMATED_RANGE_SIZE" || op == "GET_RANGE_SPLIT_POINTS") {
    const bool size = op == "GET_ESTIMATED_RANGE_SIZE";
    KeyRange range;
    range.begin = pop_bytes();
    range.end = pop_bytes();
    const std::int64_t chunk = size ? 0 : pop_int();
    Result<void> asked;
    if (size) {
      const auto bytes = co_await transaction().estimated_bytes(range);
      if (!bytes) asked = tl::unexpected<Error>(bytes.error());
    } else {
      const auto points = co_await transaction().split_points(range, chunk);
      if (!points) asked = tl::unexpected<Error>(points.error());
    }
    asked ? push_bytes("GOT_" + op.substr(4)) : push_error(asked.error().code);
  } else if (op == "GET_APPROXIMATE_SIZE") {
    const auto bytes = co_await transaction().approximate_bytes();
    bytes ? push_bytes("GOT_APPROXIMATE_SIZE") : push_error(bytes.error().code);
  } else {
    co_return false;
  }
  co_return true;
}

Task<bool> Machine::execute_range(const Instruction& instruction) {
  const std::string& op = instruction.op;
  const bool selectors = op == "GET_RANGE_SELECTOR";
  const bool by_prefix = op == "GET_RANGE_STARTS_WITH";
  if (!selectors && !by_prefix && op != "GET_RANGE") co_return false;
  KeySelector begin;
  KeySelector end;
  const auto pop_selector = [&](KeySelector& selector) {
    selector.key = pop_bytes();
    if (!selectors) return;
    selector.or_equal = pop_int() != 0;
    selector.offset = static_cast<int>(pop_int());
  };
  pop_selector(begin);
  if (by_prefix) {
    end.key = behind(begin.key);
  } else {
    pop_selector(end);
  }
  store::RangeOptions options;
  options.limit = static_cast<std::size_t>(pop_int());
  options.reverse = pop_int() != 0;
  options.snapshot = instruction.snapshot;
  const auto mode = static_cast<store::StreamingMode>(pop_int());
  const std::string prefix = selectors ? pop_bytes() : std::string();
  Body<KeyValues> read = [begin, end, options, mode](store::Transaction& t) {
    return t.get_range(begin, end, options, mode);
  };
  const auto rows = co_await on<KeyValues>(instruction.on_database, std::move(read));
  if (!rows) {
    push_error(rows.error().code);
    co_return true;
  }
  store::TuplePacker packer;
  for (const KeyValue& row : *rows) {
    if (row.key.starts_with(prefix)) packer.bytes(row.key).bytes(row.value);
  }
  push_bytes(packer.key());
  co_return true;
}

// SET_DATABASE and the like: the same pops, in a transaction of its own that is committed and retried.
Task<bool> Machine::execute_database_write(const Instruction& instruction) {
  const std::string& op = instruction.op;
  if (!instruction.on_database) co_return false;
  Function<void(store::Transaction&)> write;
  if (op == "SET") {
    const std::string key = pop_bytes();
    write = [key, value = pop_bytes()](store::Transaction& t) { t.set(key, value); };
  } else if (op == "CLEAR") {
    write = [key = pop_bytes()](store::Transaction& t) { t.clear(key); };
  } else if (op == "CLEAR_RANGE" || op == "CLEAR_RANGE_STARTS_WITH") {
    KeyRange range;
    range.begin = pop_bytes();
    range.end = op == "CLEAR_RANGE" ? pop_bytes() : behind(range.begin);
    write = [range](store::Transaction& t) { t.clear(range); };
  } else if (op == "ATOMIC_OP") {
    const auto operation = atomic_op(pop_bytes());
    const std::string key = pop_bytes();
    write = [operation, key, operand = pop_bytes()](store::Transaction& t) {
      t.atomic(operation, key, operand);
    };
  } else {
    co_return false;
  }
  const auto shared = std::make_shared<Function<void(store::Transaction&)>>(std::move(write));
  Body<bool> body = [shared](store::Transaction& t) -> Task<Result<bool>> {
    (*shared)(t);
    co_return true;
  };
  const auto done = co_await run_.database.run<bool>(run_.executor, std::move(body));
  done ? push_bytes(NOT_PRESENT) : push_error(done.error().code);
  co_return true;
}

Task<bool> Machine::execute_commit(const Instruction& instruction) {
  if (instruction.op == "COMMIT") {
    const auto held = run_.transactions.at(transaction_);
    const auto committed = co_await held->commit();
    push_void(committed);
  } else if (instruction.op == "ON_ERROR") {
    const int code = static_cast<int>(pop_int());
    const auto held = run_.transactions.at(transaction_);
    Error error;
    error.code = code;
    const auto again = co_await held->on_error(std::move(error));
    push_void(again);
  } else {
    co_return false;
  }
  co_return true;
}

Task<bool> Machine::execute_version(const Instruction& instruction) {
  if (instruction.op == "GET_READ_VERSION") {
    const auto version = co_await transaction().read_version();
    if (version) last_version_ = *version;
    version ? push_bytes("GOT_READ_VERSION") : push_error(version.error().code);
  } else if (instruction.op == "GET_COMMITTED_VERSION") {
    last_version_ = transaction().committed_version();
    push_bytes("GOT_COMMITTED_VERSION");
  } else {
    co_return false;
  }
  co_return true;
}

Task<bool> Machine::execute_threads(const Instruction& instruction) {
  const std::string& op = instruction.op;
  if (op == "START_THREAD") {
    const auto machine = std::make_shared<Machine>(run_, pop_bytes());
    ++running_;
    const auto all = [](std::shared_ptr<Machine> one) -> Task<> { co_await one->run(); };
    spawn(all(machine), [this, machine](std::exception_ptr) { --running_; });
  } else if (op == "WAIT_EMPTY") {
    KeyRange range;
    range.begin = pop_bytes();
    range.end = behind(range.begin);
    Body<bool> body = [range](store::Transaction& t) -> Task<Result<bool>> {
      store::RangeOptions one;
      one.limit = 1;
      const auto rows = co_await t.get_range(range, one);
      if (!rows) co_return tl::unexpected<Error>(rows.error());
      if (!rows->empty()) co_return fail_with(store::NOT_COMMITTED, "not empty yet");
      co_return true;
    };
    const auto done = co_await run_.database.run<bool>(run_.executor, std::move(body));
    done ? push_bytes("WAITED_FOR_EMPTY") : push_error(done.error().code);
  } else if (op == "UNIT_TESTS") {
    const auto passed = co_await unit_tests(run_);
    if (!passed) refuse(passed.error().text);
  } else {
    co_return false;
  }
  co_return true;
}

Task<> Machine::log_stack() {
  const std::string prefix = pop_bytes();
  while (!stack_.empty()) {
    std::vector<std::pair<std::string, std::string>> rows;
    while (!stack_.empty() && rows.size() < LOGGED_ROWS_MAX) {
      const Item& item = stack_.back();
      store::TuplePacker key(prefix);
      key.integer(Integer(stack_.size() - 1)).integer(Integer(item.index));
      std::string value = store::pack(Tuple{item.value});
      value.resize(std::min(value.size(), LOGGED_BYTES_MAX));
      rows.emplace_back(key.key(), std::move(value));
      stack_.pop_back();
    }
    Body<bool> body = [rows](store::Transaction& t) -> Task<Result<bool>> {
      for (const auto& [key, value] : rows) t.set(key, value);
      co_return true;
    };
    const auto done = co_await run_.database.run<bool>(run_.executor, std::move(body));
    if (!done) refuse(done.error().text);
  }
}

}  // namespace everframe::stack
