#include "store/network.h"

#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace everframe::store {

namespace {

constexpr fdb_error_t NETWORK_ALREADY_SETUP = 2009;

class Network {
 public:
  explicit Network(const platform::FdbApi& api) : api_(api), thread_([this] { api_.run_network(); }) {}
  ~Network() {
    api_.stop_network();
    thread_.join();
  }
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

 private:
  const platform::FdbApi api_;  // a copy: the table may go, its functions stay
  std::thread thread_;
};

struct Networks {
  std::mutex mutex;
  std::map<fdb_error_t (*)(), std::unique_ptr<Network>> by_engine;  // null: set up by another part
};

}  // namespace

Result<void> start_network(const platform::FdbApi& api) {
  if (const fdb_error_t code = api.select_api_version_impl(API_VERSION, API_VERSION)) {
    return fail_with(code, "the store's engine does not take API version {}: {} ({})", API_VERSION,
                     api.get_error(code), code);
  }
  static Networks networks;
  const std::lock_guard lock(networks.mutex);
  if (networks.by_engine.contains(api.setup_network)) return {};
  const fdb_error_t code = api.setup_network();
  if (code != 0 && code != NETWORK_ALREADY_SETUP) {
    return fail_with(code, "the store's engine cannot set up its network: {} ({})", api.get_error(code),
                     code);
  }
  networks.by_engine[api.setup_network] = code == 0 ? std::make_unique<Network>(api) : nullptr;
  return {};
}

}  // namespace everframe::store
