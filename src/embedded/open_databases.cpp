#include "embedded/open_databases.h"

#include "base/assert.h"
#include "base/planted.h"
#include "embedded/errors.h"
#include "embedded/image_base.h"
#include "embedded/memory_base.h"
#include "embedded/rocks_base.h"

namespace everframe::embedded {

OpenDatabases& OpenDatabases::instance() {
  static OpenDatabases open;
  return open;
}

void OpenDatabases::configure(const Host& host) {
  const std::lock_guard lock(mutex_);
  std::erase_if(by_target_, [](const auto& entry) { return entry.second.expired(); });
  EF_ASSERT(by_target_.empty());
  host_ = host;
}

Result<std::shared_ptr<Handle>> OpenDatabases::open(const std::string& target) {
  constexpr std::string_view DISK = "embedded:";
  constexpr std::string_view MEMORY = "memory:";
  const std::lock_guard lock(mutex_);
  std::erase_if(by_target_, [](const auto& entry) { return entry.second.expired(); });
  if (const auto found = by_target_.find(target); found != by_target_.end()) {
    if (auto alive = found->second.lock()) {
      return std::make_shared<Handle>(std::move(alive), target, host_.faults);
    }
  }
  Database::Options options;
  options.clock = host_.clock;
  options.seed = host_.seed;
  options.prepare_commit_thread = host_.prepare_commit_thread;
  options.executors = host_.executors;
  options.storage.segment_bytes = host_.segment_bytes;
  ResolverFaults& resolver = options.faults.resolver;
  resolver.ignore_read_sets = resolver.ignore_own_batch = is_planted(Planted::BLIND_RESOLVER);
  if (target.starts_with(DISK) && target.size() > DISK.size()) {
    EF_ASSERT(host_.disk != nullptr);
    options.storage.disk = host_.disk;
    options.storage.directory = target.substr(DISK.size());
    if (host_.executors) {
      options.storage.open_base = [disk = host_.disk](const std::string& directory) {
        return ImageBase::open(*disk, directory);
      };
    } else {
      options.storage.open_base = [](const std::string& directory) { return open_rocks_base(directory); };
    }
  } else if (target.starts_with(MEMORY)) {
    options.storage.open_base = [](const std::string&) -> Result<std::unique_ptr<Base>> {
      return std::make_unique<MemoryBase>();
    };
  } else {
    return fail_with(error::CONNECTION_STRING_INVALID,
                     "\"{}\" is not a store of this engine: give embedded:DIR or memory:NAME", target);
  }
  auto database = Database::open(std::move(options));
  if (!database) return tl::unexpected<Error>(database.error());
  by_target_[target] = *database;
  return std::make_shared<Handle>(std::move(*database), target, host_.faults);
}

}  // namespace everframe::embedded
