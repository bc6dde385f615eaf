// ServerProcess: an everframed of a test's own: free ports, told to end by its pid. Http: one
// request on a connection of its own, blocking, for tests.
#pragma once
#include <string>
#include <vector>

namespace everframe::tests {

struct HttpReply {
  unsigned status = 0;  // 0: no reply
  std::string body;
};
// `raw`: the whole request, as it goes out.
HttpReply http_raw(const std::string& url, const std::string& raw);
HttpReply http_get(const std::string& url, const std::string& path);
HttpReply http_post(const std::string& url, const std::string& path, const std::string& body,
                    const std::string& type = "application/json");
// One text message each way over GET /v1/connect as a WebSocket.
std::string websocket_exchange(const std::string& url, const std::string& message);

class ServerProcess {
 public:
  // `arguments` behind --http and --udp with free ports of `host`, --content and --log-level.
  ServerProcess(std::string binary, std::vector<std::string> arguments, std::string host = "127.0.0.1");
  ~ServerProcess();  // SIGKILL, if it still runs
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Until it says that it runs; on the ports of the first start. An error's text, or empty.
  std::string start();
  void kill();      // SIGKILL
  int terminate();  // SIGTERM; its exit status, -1 if it did not end in time

  const std::string& url() const { return url_; }
  unsigned short http_port() const { return http_port_; }
  unsigned short udp_port() const { return udp_port_; }
  const std::string& log() const { return log_path_; }
  pid_t pid() const { return pid_; }
  // The value of a metric, by its name with labels; -1: there is none.
  double metric(const std::string& name) const;

 private:
  const std::string binary_;
  const std::vector<std::string> arguments_;
  const std::string host_;
  std::string directory_;
  std::string log_path_;
  std::string url_;
  unsigned short http_port_ = 0;
  unsigned short udp_port_ = 0;
  pid_t pid_ = -1;
};

bool has_ipv6();  // this machine can listen on [::1]

// A program that should end by itself: its exit status and what it wrote on standard error.
struct Ended {
  int status = -1;
  std::string errors;
};
Ended run_to_end(const std::string& binary, const std::vector<std::string>& arguments);

}  // namespace everframe::tests
