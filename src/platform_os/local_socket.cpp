#include "platform_os/local_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace everframe::platform_os {

namespace {

tl::unexpected<Error> socket_error(const char* what, const std::string& path) {
  const int code = errno;
  return fail_with(code, "cannot {} {}: {}", what, path, std::strerror(code));
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail("{}: a socket's path has at most {} characters", path, sizeof address.sun_path - 1);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

}  // namespace

Result<std::unique_ptr<LocalStream>> LocalStream::connect(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected<Error>(address.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return socket_error("make a socket for", path);
  auto stream = std::make_unique<LocalStream>(fd);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return socket_error("connect to", path);
  }
  return stream;
}

LocalStream::~LocalStream() {
  close(fd_);
}

Result<Bytes> LocalStream::read(std::size_t count) {
  Bytes out(count);
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = recv(fd_, out.data() + done, count - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return socket_error("read from", "the socket");
    if (got == 0) return fail("the other side closed the connection");
    done += static_cast<std::size_t>(got);
  }
  return out;
}

Result<void> LocalStream::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return socket_error("write to", "the socket");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

void LocalStream::close_now() {
  shutdown(fd_, SHUT_RDWR);
}

Result<std::unique_ptr<LocalListener>> LocalListener::open(const std::string& path) {
  constexpr int WAITING_MAX = 8;
  const auto address = address_of(path);
  if (!address) return tl::unexpected<Error>(address.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return socket_error("make a socket for", path);
  std::unique_ptr<LocalListener> listener(new LocalListener(fd, path));
  unlink(path.c_str());
  // Nobody may connect between the file's making and its mode.
  const mode_t before = umask(0177);
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address);
  umask(before);
  if (bound != 0) return socket_error("bind a socket to", path);
  if (listen(fd, WAITING_MAX) != 0) return socket_error("listen at", path);
  return listener;
}

LocalListener::~LocalListener() {
  unlink(path_.c_str());
  close(fd_);
}

Result<std::unique_ptr<LocalStream>> LocalListener::accept() {
  for (;;) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return std::make_unique<LocalStream>(fd);
    if (errno != EINTR && errno != ECONNABORTED) return socket_error("accept at", path_);
  }
}

void LocalListener::close_now() {
  shutdown(fd_, SHUT_RDWR);
}

}  // namespace everframe::platform_os
