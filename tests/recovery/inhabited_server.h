// InhabitedServer: a real server process on a store of its own, real WebRTC clients who live on it, and the
// verdict on all that they saw. Errors are test failures.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "judge.h"
#include "observer.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "platform_os/udp_network.h"
#include "server_process.h"

namespace everframe::recovery {

class InhabitedServer {
 public:
  // `binary`: everframed, or a program with its arguments; `more` goes behind them.
  InhabitedServer(const std::string& binary, std::size_t bots, std::uint64_t seed,
                  const std::vector<std::string>& more = {});
  ~InhabitedServer();

  bool settle();  // starts server and crowd; true once all are in the world
  bool all_in_world();
  bool none_in_world();
  // On the crowd's executor, and waits for it.
  void ask(const std::function<void()>& question);
  // The crowd ends when all is answered, then the server; what they saw against what is stored.
  Verdict leave();

  Observer observer;  // on the crowd's executor, until leave()
  tests::ServerProcess& server() { return *server_; }
  const bots::Report& report() const { return crowd_->report(); }
  const std::string& folder() const { return folder_; }  // the store; gone at the end

 private:
  bool in_world(std::size_t wanted);

  const std::size_t bots_;
  const std::uint64_t seed_;
  std::string folder_;
  std::unique_ptr<tests::ServerProcess> server_;
  platform_os::UdpNetwork network_;
  platform_os::OsEntropy entropy_;
  std::unique_ptr<bots::Crowd> crowd_;
  platform_os::AsioExecutor executor_{"bots"};
};

}  // namespace everframe::recovery
