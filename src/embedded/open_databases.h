// OpenDatabases: which databases are open in this process, by target, so that all handles of one target share
// one. Any thread.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "embedded/engine.h"
#include "embedded/handle.h"

namespace everframe::embedded {

class OpenDatabases {
 public:
  static OpenDatabases& instance();

  void configure(const Host& host);
  Result<std::shared_ptr<Handle>> open(const std::string& target);

 private:
  std::mutex mutex_;
  Host host_;
  std::map<std::string, std::weak_ptr<Database>> by_target_;
};

}  // namespace everframe::embedded
