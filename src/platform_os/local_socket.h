// LocalStream, LocalListener: a byte stream between processes of one machine (a Unix socket with a path).
// Blocking; for threads that may wait.
// Threads: one at a time, but close_now() may come from another: it ends what waits.
#pragma once
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace everframe::platform_os {

class LocalStream {
 public:
  static Result<std::unique_ptr<LocalStream>> connect(const std::string& path);
  explicit LocalStream(int fd) : fd_(fd) {}
  ~LocalStream();
  LocalStream(const LocalStream&) = delete;
  LocalStream& operator=(const LocalStream&) = delete;

  // Exactly `count` bytes; an error when the other side ended.
  Result<Bytes> read(std::size_t count);
  Result<void> write(ByteView bytes);
  void close_now();

 private:
  const int fd_;
};

class LocalListener {
 public:
  // The socket's file is made anew, for this user only (mode 0600); an old one at its place is removed.
  // Whoever calls owns the directory, so that nobody else's is.
  static Result<std::unique_ptr<LocalListener>> open(const std::string& path);
  ~LocalListener();  // removes the file
  LocalListener(const LocalListener&) = delete;
  LocalListener& operator=(const LocalListener&) = delete;

  Result<std::unique_ptr<LocalStream>> accept();  // an error once close_now() was called
  void close_now();

 private:
  LocalListener(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  const int fd_;
  const std::string path_;
};

}  // namespace everframe::platform_os
