// OsDisk: the real files. Any thread; blocking. See platform/disk.h for what is durable when.
#pragma once
#include "platform/disk.h"

namespace everframe::platform_os {

class OsDisk final : public platform::Disk {
 public:
  Result<std::unique_ptr<platform::File>> open(const std::string& path, Open mode) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<void> make_directory(const std::string& path) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<platform::DirectoryLock>> lock(const std::string& directory) override;
};

// The whole of a text file, up to `limit` bytes.
Result<std::string> read_text_file(const std::string& path, std::size_t limit = 16 << 20);

}  // namespace everframe::platform_os
