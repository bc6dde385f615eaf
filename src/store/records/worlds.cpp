#include "store/records/worlds.h"

namespace everframe::store::records {

namespace {

// Persistent.
constexpr const char* LAYER = "everframe.world";

DirectoryPath home() {
  return {"everframe", "worlds"};
}
DirectoryPath path_of(std::string name) {
  DirectoryPath path = home();
  path.push_back(std::move(name));
  return path;
}

}  // namespace

Task<Result<Subspace>> Worlds::create(Transaction& t, std::string name) {
  const auto made = co_await directories_.create(t, path_of(std::move(name)), LAYER);
  if (!made) co_return tl::unexpected<Error>(made.error());
  co_return made->contents();
}

Task<Result<Subspace>> Worlds::open(Transaction& t, std::string name) {
  const auto opened = co_await cache_.open(t, path_of(std::move(name)), LAYER);
  if (!opened) co_return tl::unexpected<Error>(opened.error());
  co_return opened->contents();
}

Task<Result<void>> Worlds::rename(Transaction& t, std::string from, std::string to) {
  const auto moved = co_await directories_.move(t, path_of(std::move(from)), path_of(std::move(to)));
  if (!moved) co_return tl::unexpected<Error>(moved.error());
  co_return Result<void>{};
}

Task<Result<bool>> Worlds::remove_if_exists(Transaction& t, std::string name) {
  return directories_.remove_if_exists(t, path_of(std::move(name)));
}

Task<Result<std::vector<std::string>>> Worlds::list(Transaction& t) {
  const auto any = co_await directories_.exists(t, home());
  if (!any) co_return tl::unexpected<Error>(any.error());
  if (!*any) co_return std::vector<std::string>();
  co_return co_await directories_.list(t, home());
}

}  // namespace everframe::store::records
