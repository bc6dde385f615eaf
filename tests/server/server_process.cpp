#include "server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace everframe::tests {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

constexpr std::chrono::seconds PATIENCE{60};  // a sanitizer build makes its world slowly

// Of loopback; 0: there is none.
unsigned short free_port(int kind, bool v6) {
  const int fd = socket(v6 ? AF_INET6 : AF_INET, kind, 0);
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  v4_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_addr = in6addr_loopback;
  auto* address = v6 ? reinterpret_cast<sockaddr*>(&v6_address) : reinterpret_cast<sockaddr*>(&v4_address);
  socklen_t length = v6 ? sizeof v6_address : sizeof v4_address;
  const bool bound = bind(fd, address, length) == 0;
  getsockname(fd, address, &length);
  close(fd);
  return bound ? ntohs(v6 ? v6_address.sin6_port : v4_address.sin_port) : 0;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

pid_t spawn(const std::string& binary, const std::vector<std::string>& arguments, const std::string& log) {
  std::vector<char*> argv{const_cast<char*>(binary.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(binary.c_str(), argv.data());
  _exit(127);
}

// Its status, or nothing within `patience`.
std::optional<int> wait_for(pid_t child, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > deadline) return std::nullopt;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

tcp::socket connected(asio::io_context& io, const std::string& url) {
  const std::string rest = url.substr(std::string("http://").size());
  const std::size_t colon = rest.rfind(':');
  tcp::socket socket(io);
  const auto port = static_cast<unsigned short>(std::stoul(rest.substr(colon + 1)));
  const std::string host = rest.starts_with('[') ? rest.substr(1, colon - 2) : rest.substr(0, colon);
  socket.connect({asio::ip::make_address(host), port});
  const timeval patience{20, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

}  // namespace

HttpReply http_raw(const std::string& url, const std::string& raw) {
  asio::io_context io;
  boost::system::error_code error;
  tcp::socket socket = connected(io, url);
  asio::write(socket, asio::buffer(raw), error);  // it may be refused before all of it was sent
  beast::flat_buffer buffer;
  beast::http::response<beast::http::string_body> reply;
  beast::http::read(socket, buffer, reply, error);
  if (error) return {};
  return {reply.result_int(), reply.body()};
}

HttpReply http_get(const std::string& url, const std::string& path) {
  return http_raw(url, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

HttpReply http_post(const std::string& url, const std::string& path, const std::string& body,
                    const std::string& type) {
  return http_raw(url, "POST " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: " + type +
                           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
}

std::string websocket_exchange(const std::string& url, const std::string& message) {
  asio::io_context io;
  beast::websocket::stream<tcp::socket> socket(connected(io, url));
  socket.handshake("x", "/v1/connect");
  socket.text(true);
  boost::system::error_code error;
  socket.write(asio::buffer(message), error);
  beast::flat_buffer buffer;
  socket.read(buffer, error);
  return beast::buffers_to_string(buffer.data());
}

bool has_ipv6() {
  return free_port(SOCK_DGRAM, true) != 0;
}

ServerProcess::ServerProcess(std::string binary, std::vector<std::string> arguments, std::string host)
    : binary_(std::move(binary)), arguments_(std::move(arguments)), host_(std::move(host)) {
  directory_ = (std::filesystem::temp_directory_path() / "everframe-server-XXXXXX").string();
  if (mkdtemp(directory_.data()) == nullptr) std::abort();
  log_path_ = directory_ + "/log";
  const bool v6 = host_.starts_with('[');
  http_port_ = free_port(SOCK_STREAM, v6);
  udp_port_ = free_port(SOCK_DGRAM, v6);
  url_ = "http://" + host_ + ":" + std::to_string(http_port_);
}

ServerProcess::~ServerProcess() {
  kill();
  std::filesystem::remove_all(directory_);
}

std::string ServerProcess::start() {
  std::vector<std::string> all{"--http",    host_ + ":" + std::to_string(http_port_),
                               "--udp",     host_ + ":" + std::to_string(udp_port_),
                               "--content", "content/survival",
                               "--site",    directory_};
  all.insert(all.end(), arguments_.begin(), arguments_.end());
  const std::size_t before = read_all(log_path_).size();
  pid_ = spawn(binary_, all, log_path_);
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  while (std::chrono::steady_clock::now() < deadline) {
    if (read_all(log_path_).find("Everframe runs", before) != std::string::npos) return {};
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return "the server ended:\n" + read_all(log_path_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return "the server did not start in time:\n" + read_all(log_path_);
}

void ServerProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int ServerProcess::terminate() {
  ::kill(pid_, SIGTERM);
  const auto status = wait_for(pid_, PATIENCE);
  if (!status) return -1;
  pid_ = -1;
  return *status;
}

double ServerProcess::metric(const std::string& name) const {
  std::istringstream lines(http_get(url_, "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  return -1;
}

Ended run_to_end(const std::string& binary, const std::vector<std::string>& arguments) {
  std::string log = (std::filesystem::temp_directory_path() / "everframe-run-XXXXXX").string();
  const int file = mkstemp(log.data());
  close(file);
  const pid_t child = spawn(binary, arguments, log);
  const auto status = wait_for(child, PATIENCE);
  if (!status) {
    ::kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  const Ended ended{status.value_or(-1), read_all(log)};
  std::filesystem::remove(log);
  return ended;
}

}  // namespace everframe::tests
