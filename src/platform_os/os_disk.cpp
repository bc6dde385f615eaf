#include "platform_os/os_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace everframe::platform_os {

namespace {

tl::unexpected<Error> os_error(const char* what, const std::string& path) {
  const int code = errno;
  return fail_with(code, "cannot {} {}: {}", what, path, std::strerror(code));
}

class OsFile final : public platform::File {
 public:
  OsFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~OsFile() override { close(fd_); }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (fstat(fd_, &status) != 0) return os_error("get the size of", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) override {
    Bytes out(count);
    std::size_t done = 0;
    while (done < count) {
      const ssize_t got = pread(fd_, out.data() + done, count - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return os_error("read", path_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return out;
  }

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return os_error("write", path_);
      offset += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

  // Written zeros, not just reserved extents: turning those into written ones would be metadata for sync() to
  // wait on. In pieces that are each synced: another file's sync waits behind one piece, not behind all.
  Result<void> preallocate(std::uint64_t wanted) override {
    auto from = size();
    if (!from) return tl::unexpected(from.error());
    constexpr std::size_t PIECE_BYTES = 512 << 10;  // about a millisecond of the disk
    const Bytes zeros(PIECE_BYTES);
    for (std::uint64_t at = *from; at < wanted;) {
      const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), wanted - at));
      if (auto written = write(at, ByteView(zeros).first(part)); !written) return written;
      if (fdatasync(fd_) != 0) return os_error("sync", path_);
      at += part;
    }
    if (fsync(fd_) != 0) return os_error("sync", path_);
    return {};
  }

  Result<void> truncate(std::uint64_t wanted) override {
    if (ftruncate(fd_, static_cast<off_t>(wanted)) != 0) return os_error("truncate", path_);
    return {};
  }

  Result<void> sync() override {
    if (fdatasync(fd_) != 0) return os_error("sync", path_);
    return {};
  }

 private:
  const int fd_;
  const std::string path_;
};

class OsDirectoryLock final : public platform::DirectoryLock {
 public:
  explicit OsDirectoryLock(int fd) : fd_(fd) {}
  ~OsDirectoryLock() override { close(fd_); }

 private:
  const int fd_;
};

}  // namespace

Result<std::unique_ptr<platform::File>> OsDisk::open(const std::string& path, Open mode) {
  const int flags = O_RDWR | O_CLOEXEC | (mode == Open::CREATE ? O_CREAT : 0);
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return os_error("open", path);
  return std::make_unique<OsFile>(fd, path);
}

Result<std::vector<std::string>> OsDisk::list(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return fail_with(error.value(), "cannot list {}: {}", directory, error.message());
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> OsDisk::make_directory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_with(error.value(), "cannot make the directory {}: {}", path, error.message());
  return {};
}

Result<void> OsDisk::remove(const std::string& path) {
  if (unlink(path.c_str()) != 0) return os_error("remove", path);
  return {};
}

Result<void> OsDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return os_error("rename", from);
  return {};
}

Result<void> OsDisk::sync_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return os_error("open", path);
  const int outcome = fsync(fd);
  const int code = errno;
  close(fd);
  errno = code;
  if (outcome != 0) return os_error("sync", path);
  return {};
}

Result<std::unique_ptr<platform::DirectoryLock>> OsDisk::lock(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return os_error("open", path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
    close(fd);
    return fail("{} is in use by process {}: stop it first, or choose another directory", directory,
                got > 0 ? holder : "?");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const auto error = os_error("write", path);
    close(fd);
    return error;
  }
  return std::make_unique<OsDirectoryLock>(fd);
}

Result<std::string> read_text_file(const std::string& path, std::size_t limit) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return os_error("open", path);
  OsFile file(fd, path);
  const auto size = file.size();
  if (!size) return tl::unexpected(size.error());
  if (*size > limit) return fail("{} has {} bytes; at most {} are read", path, *size, limit);
  const auto bytes = file.read(0, static_cast<std::size_t>(*size));
  if (!bytes) return tl::unexpected(bytes.error());
  return std::string(chars_of(*bytes));
}

}  // namespace everframe::platform_os
