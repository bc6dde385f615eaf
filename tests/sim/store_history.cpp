#include "store_history.h"

#include "base/assert.h"
#include "embedded/engine.h"

namespace everframe::sim {

namespace {

constexpr int ADD = 2;  // fdb.options, MutationType
constexpr int SET_VERSIONSTAMPED_VALUE = 15;
constexpr fdb_error_t IO_ERROR = 1510;  // the engine had stopped before: nothing of the commit was done

StoreHistory* recording = nullptr;

std::string text(FdbBytes bytes, int length) {
  return length <= 0 ? std::string()
                     : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(length));
}

bool is_refusal(fdb_error_t code) {
  return code == IO_ERROR || embedded::api().error_predicate(50002, code) != 0;  // retryable, not committed
}

}  // namespace

StoreHistory::StoreHistory() {
  EF_ASSERT(recording == nullptr);
  recording = this;
}
StoreHistory::~StoreHistory() {
  recording = nullptr;
}

std::string StoreHistory::mark_of(std::uint64_t attempt) {
  std::string key(MARKS);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(attempt >> shift));
  return key;
}

void StoreHistory::begin(FDBTransaction* transaction, std::uint64_t client) {
  Attempt attempt;
  attempt.number = attempts_.size();
  attempt.client = client;
  attempt.begun = ++moments_;
  current_[transaction] = attempt.number;
  attempts_.push_back(std::move(attempt));
}

StoreHistory::Attempt* StoreHistory::attempt_of(FDBTransaction* transaction) {
  const auto found = current_.find(transaction);
  return found == current_.end() ? nullptr : &attempts_[found->second];
}

StoreHistory::Operation* StoreHistory::add(FDBTransaction* transaction, Operation operation) {
  Attempt* attempt = recording_ ? attempt_of(transaction) : nullptr;
  if (attempt == nullptr) return nullptr;
  attempt->writes = attempt->writes || !operation.reads();
  attempt->operations.push_back(std::move(operation));
  return &attempt->operations.back();
}

// The functions around the engine's.
struct StoreHistory::Table {
  static const platform::FdbApi& real() { return embedded::api(); }

  static FDBFuture* expect(FDBTransaction* transaction, FDBFuture* future, bool is_commit = false) {
    if (recording == nullptr || !recording->recording_) return future;
    const Attempt* attempt = recording->attempt_of(transaction);
    if (attempt == nullptr) return future;
    const std::size_t operation = attempt->operations.size() - (is_commit ? 0 : 1);
    recording->pending_[future] = {attempt->number, operation, is_commit};
    return future;
  }
  static Operation* read_of(FDBFuture* future) {
    if (recording == nullptr) return nullptr;
    const auto found = recording->pending_.find(future);
    if (found == recording->pending_.end() || found->second.is_commit) return nullptr;
    return &recording->attempts_[found->second.attempt].operations[found->second.operation];
  }
  static void add(FDBTransaction* transaction, Operation operation) {
    if (recording != nullptr) recording->add(transaction, std::move(operation));
  }
  static Operation operation(Operation::Kind kind, std::string key, std::string other) {
    Operation out{};
    out.kind = kind;
    out.key = std::move(key);
    out.other = std::move(other);
    return out;
  }

  static fdb_error_t create_database(const char* target, FDBDatabase** out) {
    const fdb_error_t code = real().create_database(target, out);
    if (code == 0 && recording != nullptr) recording->clients_[*out] = ++recording->openings_;
    return code;
  }
  static fdb_error_t create_transaction(FDBDatabase* database, FDBTransaction** out) {
    const fdb_error_t code = real().database_create_transaction(database, out);
    if (code == 0 && recording != nullptr && recording->recording_)
      recording->begin(*out, recording->clients_[database]);
    return code;
  }
  static void destroy_transaction(FDBTransaction* transaction) {
    if (recording != nullptr) recording->current_.erase(transaction);
    real().transaction_destroy(transaction);
  }
  static FDBFuture* get(FDBTransaction* t, FdbBytes key, int length, fdb_bool_t snapshot) {
    Operation read = operation(Operation::Kind::GET, text(key, length), {});
    read.snapshot = snapshot != 0;
    add(t, std::move(read));
    return expect(t, real().transaction_get(t, key, length, snapshot));
  }
  static FDBFuture* get_range(FDBTransaction* t, FdbBytes begin, int begin_length, fdb_bool_t begin_equal,
                              int begin_offset, FdbBytes end, int end_length, fdb_bool_t end_equal,
                              int end_offset, int limit, int bytes, int mode, int iteration,
                              fdb_bool_t snapshot, fdb_bool_t reverse) {
    EF_ASSERT(begin_equal == 0 && begin_offset == 1 && end_equal == 0 && end_offset == 1);
    Operation read = operation(Operation::Kind::RANGE, text(begin, begin_length), text(end, end_length));
    read.snapshot = snapshot != 0;
    read.reverse = reverse != 0;
    read.limit = limit;
    add(t, std::move(read));
    return expect(t, real().transaction_get_range(t, begin, begin_length, begin_equal, begin_offset, end,
                                                  end_length, end_equal, end_offset, limit, bytes, mode,
                                                  iteration, snapshot, reverse));
  }
  static void set(FDBTransaction* t, FdbBytes key, int key_length, FdbBytes value, int value_length) {
    add(t, operation(Operation::Kind::SET, text(key, key_length), text(value, value_length)));
    real().transaction_set(t, key, key_length, value, value_length);
  }
  static void clear(FDBTransaction* t, FdbBytes key, int length) {
    const std::string begin = text(key, length);
    add(t, operation(Operation::Kind::CLEAR_RANGE, begin, begin + '\0'));
    real().transaction_clear(t, key, length);
  }
  static void clear_range(FDBTransaction* t, FdbBytes begin, int begin_length, FdbBytes end, int end_length) {
    add(t, operation(Operation::Kind::CLEAR_RANGE, text(begin, begin_length), text(end, end_length)));
    real().transaction_clear_range(t, begin, begin_length, end, end_length);
  }
  static void atomic(FDBTransaction* t, FdbBytes key, int key_length, FdbBytes operand, int operand_length,
                     int kind) {
    EF_ASSERT(kind == ADD);  // the only one that a server uses; another has to be taught to the checker
    add(t, operation(Operation::Kind::ADD, text(key, key_length), text(operand, operand_length)));
    real().transaction_atomic_op(t, key, key_length, operand, operand_length, kind);
  }
  static FDBFuture* commit(FDBTransaction* t) {
    Attempt* attempt = recording != nullptr && recording->recording_ ? recording->attempt_of(t) : nullptr;
    if (attempt == nullptr) return real().transaction_commit(t);
    attempt->commit_asked = true;
    if (attempt->writes) {
      const std::string mark = mark_of(attempt->number);
      const std::string stamp(14, '\0');  // of 10 bytes at offset 0, which the last 4 say
      real().transaction_atomic_op(t, reinterpret_cast<FdbBytes>(mark.data()), static_cast<int>(mark.size()),
                                   reinterpret_cast<FdbBytes>(stamp.data()), static_cast<int>(stamp.size()),
                                   SET_VERSIONSTAMPED_VALUE);
    }
    return expect(t, real().transaction_commit(t), true);
  }
  static FDBFuture* on_error(FDBTransaction* t, fdb_error_t code) {
    if (recording != nullptr && recording->recording_) {
      if (const Attempt* before = recording->attempt_of(t)) recording->begin(t, before->client);
    }
    return real().transaction_on_error(t, code);
  }

  static void future_destroy(FDBFuture* future) {
    if (recording != nullptr) recording->pending_.erase(future);
    real().future_destroy(future);
  }
  static fdb_error_t future_get_error(FDBFuture* future) {
    const fdb_error_t code = real().future_get_error(future);
    if (recording == nullptr) return code;
    const auto found = recording->pending_.find(future);
    if (found == recording->pending_.end() || !found->second.is_commit) return code;
    Attempt& attempt = recording->attempts_[found->second.attempt];
    attempt.fate = code == 0 ? Fate::COMMITTED : is_refusal(code) ? Fate::REFUSED : Fate::UNKNOWN;
    attempt.answered = ++recording->moments_;
    return code;
  }
  static fdb_error_t get_value(FDBFuture* future, fdb_bool_t* present, FdbBytes* value, int* length) {
    const fdb_error_t code = real().future_get_value(future, present, value, length);
    Operation* read = code == 0 ? read_of(future) : nullptr;
    if (read != nullptr) {
      read->answered = true;
      if (*present != 0) read->value = text(*value, *length);
    }
    return code;
  }
  static fdb_error_t get_rows(FDBFuture* future, const FDBKeyValue** rows, int* count, fdb_bool_t* more) {
    const fdb_error_t code = real().future_get_keyvalue_array(future, rows, count, more);
    Operation* read = code == 0 ? read_of(future) : nullptr;
    if (read != nullptr && !read->answered) {
      read->answered = true;
      read->more = *more != 0;
      for (int i = 0; i < *count; ++i) {
        const FDBKeyValue& row = (*rows)[i];
        read->rows.emplace_back(text(row.key, row.key_length), text(row.value, row.value_length));
      }
    }
    return code;
  }
};

const platform::FdbApi& StoreHistory::api() {
  static const platform::FdbApi table = [] {
    platform::FdbApi out = embedded::api();
    out.create_database = Table::create_database;
    out.database_create_transaction = Table::create_transaction;
    out.transaction_destroy = Table::destroy_transaction;
    out.transaction_get = Table::get;
    out.transaction_get_range = Table::get_range;
    out.transaction_set = Table::set;
    out.transaction_clear = Table::clear;
    out.transaction_clear_range = Table::clear_range;
    out.transaction_atomic_op = Table::atomic;
    out.transaction_commit = Table::commit;
    out.transaction_on_error = Table::on_error;
    out.future_destroy = Table::future_destroy;
    out.future_get_error = Table::future_get_error;
    out.future_get_value = Table::get_value;
    out.future_get_keyvalue_array = Table::get_rows;
    return out;
  }();
  return table;
}

}  // namespace everframe::sim
