#include "store/directory.h"

#include "store/directory_level.h"

namespace everframe::store {

namespace {

// What reading \xff/metadataVersion gives in a transaction that writes it.
constexpr int ACCESSED_UNREADABLE = 1036;

}  // namespace

const Subspace& Directory::contents() const {
  EF_ASSERT(!is_partition());
  return contents_;
}

Directories::Directories(std::uint64_t seed, DirectoryOptions options)
    : prng_(std::make_unique<Prng>(seed)),
      root_(std::make_unique<const DirectoryLevel>(DirectoryPath(), std::move(options), *prng_)) {}
Directories::~Directories() = default;

Task<Result<Directory>> Directories::create_or_open(Transaction& transaction, DirectoryPath path,
                                                    std::string layer) {
  return root_->create_or_open(transaction, {std::move(path), std::move(layer), {}, true, true});
}
Task<Result<Directory>> Directories::open(Transaction& transaction, DirectoryPath path, std::string layer) {
  return root_->create_or_open(transaction, {std::move(path), std::move(layer), {}, false, true});
}
Task<Result<Directory>> Directories::create(Transaction& transaction, DirectoryPath path, std::string layer,
                                            std::optional<std::string> prefix) {
  return root_->create_or_open(transaction,
                               {std::move(path), std::move(layer), std::move(prefix), true, false});
}
Task<Result<Directory>> Directories::move(Transaction& transaction, DirectoryPath from, DirectoryPath to) {
  return root_->move(transaction, std::move(from), std::move(to));
}
Task<Result<bool>> Directories::remove_if_exists(Transaction& transaction, DirectoryPath path) {
  return root_->remove(transaction, std::move(path));
}
Task<Result<void>> Directories::remove(Transaction& transaction, DirectoryPath path) {
  const std::string text = fmt::format("/{}", fmt::join(path, "/"));
  const auto removed = co_await root_->remove(transaction, std::move(path));
  if (!removed) co_return tl::unexpected<Error>(removed.error());
  if (!*removed) co_return fail("the directory {} does not exist", text);
  co_return Result<void>{};
}
Task<Result<bool>> Directories::exists(Transaction& transaction, DirectoryPath path) {
  return root_->exists(transaction, std::move(path));
}
Task<Result<std::vector<std::string>>> Directories::list(Transaction& transaction, DirectoryPath path) {
  return root_->list(transaction, std::move(path));
}

Task<Result<Directory>> DirectoryCache::open(Transaction& transaction, DirectoryPath path,
                                             std::string layer) {
  const auto version = co_await transaction.get(std::string(METADATA_VERSION_KEY));
  if (!version && version.error().code != ACCESSED_UNREADABLE) {
    co_return tl::unexpected<Error>(version.error());
  }
  // A transaction that changes directories itself sees its own changes, which nobody else may yet.
  if (!version) co_return co_await directories_.open(transaction, std::move(path), std::move(layer));
  if (valid_at_ != version->value_or("") || by_path_.size() >= PATHS_MAX) by_path_.clear();
  valid_at_ = version->value_or("");
  const auto known = by_path_.find(path);
  if (known != by_path_.end() && (layer.empty() || known->second.layer() == layer)) co_return known->second;
  auto opened = co_await directories_.open(transaction, path, std::move(layer));
  if (opened && valid_at_ == version->value_or("")) by_path_.insert_or_assign(std::move(path), *opened);
  co_return opened;
}

}  // namespace everframe::store
