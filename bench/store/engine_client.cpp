#include "store/engine_client.h"

#include <filesystem>

#include "embedded/backup.h"
#include "platform_os/short_slice.h"

namespace everframe::bench {

Result<EngineDatabase> EngineDatabase::open(const std::string& directory) {
  static platform_os::OsDisk disk;
  static platform_os::OsClock clock;
  static const bool configured = [] {
    embedded::configure({&disk, &clock, 1, {}, platform_os::use_short_slice});
    return fdb().select_api_version_impl(730, 730) == 0;
  }();
  FDBDatabase* handle = nullptr;
  const std::string target = "embedded:" + directory;
  if (!configured || fdb().create_database(target.c_str(), &handle) != 0) {
    return fail("{}: {}", target, embedded::why_not_opened());
  }
  return EngineDatabase(handle);
}

TransactionHandle EngineDatabase::begin() const {
  FDBTransaction* made = nullptr;
  EF_ASSERT(fdb().database_create_transaction(handle_.get(), &made) == 0);
  return {made, fdb().transaction_destroy};
}

Scanned scan(FDBTransaction* transaction, std::string begin, const std::string& end) {
  constexpr int WANT_ALL = -2;
  Scanned out;
  for (fdb_bool_t more = 1; more != 0;) {
    const FutureHandle page(fdb().transaction_get_range(transaction, raw(begin), length(begin), 0, 1,
                                                        raw(end), length(end), 0, 1, 0, 0, WANT_ALL, 1, 1, 0),
                            fdb().future_destroy);
    const FDBKeyValue* rows = nullptr;
    int count = 0;
    EF_ASSERT(fdb().future_block_until_ready(page.get()) == 0);
    EF_ASSERT(fdb().future_get_keyvalue_array(page.get(), &rows, &count, &more) == 0);
    for (int i = 0; i < count; ++i) out.sum += rows[i].key[rows[i].key_length - 1] + rows[i].value[0];
    out.rows += static_cast<std::uint64_t>(count);
    if (count == 0) break;
    begin.assign(reinterpret_cast<const char*>(rows[count - 1].key),
                 static_cast<std::size_t>(rows[count - 1].key_length));
    begin.push_back('\0');
  }
  return out;
}

Result<void> make_store(const std::string& directory, std::uint64_t rows) {
  platform_os::OsDisk disk;
  std::filesystem::remove_all(directory);
  const auto target = embedded::begin_restore(disk, directory);
  if (!target) return tl::unexpected<Error>(target.error());
  Prng dice(1);
  std::string value(ENTITY_BYTES, '\0');
  for (std::uint64_t row = 0; row < rows; ++row) {
    fill_value(value, dice);
    if (auto added = (*target)->add(key_of(row), value); !added) return added;
  }
  return (*target)->finish(1);
}

Result<void> make_store_in_transactions(const std::string& directory, std::uint64_t rows) {
  constexpr std::uint64_t ROWS_A_COMMIT = 10'000;
  std::filesystem::remove_all(directory);
  auto database = EngineDatabase::open(directory);
  if (!database) return tl::unexpected<Error>(database.error());
  Prng dice(1);
  std::string value(ENTITY_BYTES, '\0');
  for (std::uint64_t row = 0; row < rows;) {
    const auto transaction = database->begin();
    const std::uint64_t first = row;
    for (fdb_error_t code = -1; code != 0;) {
      for (row = first; row < rows && row < first + ROWS_A_COMMIT; ++row) {
        fill_value(value, dice);
        const std::string key = key_of(row);
        fdb().transaction_set(transaction.get(), raw(key), length(key), raw(value), length(value));
      }
      const FutureHandle commit(fdb().transaction_commit(transaction.get()), fdb().future_destroy);
      EF_ASSERT(fdb().future_block_until_ready(commit.get()) == 0);
      code = fdb().future_get_error(commit.get());
      if (code == 0) break;
      const FutureHandle again(fdb().transaction_on_error(transaction.get(), code), fdb().future_destroy);
      EF_ASSERT(fdb().future_block_until_ready(again.get()) == 0);
      if (const fdb_error_t final = fdb().future_get_error(again.get())) {
        return fail_with(final, "loading: {}", fdb().get_error(final));
      }
    }
  }
  return {};
}

}  // namespace everframe::bench
