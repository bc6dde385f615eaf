// Server: hands reads of the store that this process has open to tools, over a Unix socket in its directory,
// for the directory is locked for them. Reads and backups only; each read is a transaction of its own at the
// version that the client names, so the server keeps nothing for it but a backup's snapshot.
//
// Threads: one accepts, each connection has its own; they block on the socket and the disk, never on the
// server's executors. Destruction ends them. Limit: CONNECTIONS_MAX; further ones wait.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/function.h"
#include "platform/backup.h"
#include "platform/fdb_api.h"
#include "platform_os/local_socket.h"

namespace everframe::remote {

inline constexpr std::size_t CONNECTIONS_MAX = 4;  // tools at a time

// Where the socket of a store's directory is.
inline std::string socket_path(const std::string& directory) {
  return directory + "/admin.sock";
}

class Server {
 public:
  using BeginBackup = Function<Result<std::unique_ptr<platform::BackupSource>>()>;
  struct Options {
    const platform::FdbApi* api = nullptr;  // outlives the server
    std::string target;                     // as create_database takes it; open in this process
    std::string path;                       // of the socket
    BeginBackup begin_backup;
  };
  static Result<std::unique_ptr<Server>> open(Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  class Connection;
  Server(Options options, std::unique_ptr<platform_os::LocalListener> listener, FDBDatabase* database);
  void accept_loop();
  void serve(std::shared_ptr<platform_os::LocalStream> stream);

  const Options options_;
  const std::unique_ptr<platform_os::LocalListener> listener_;
  FDBDatabase* const database_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable left_;
  std::vector<std::shared_ptr<platform_os::LocalStream>> streams_;
  bool stopping_ = false;

  std::thread accepter_;
};

}  // namespace everframe::remote
