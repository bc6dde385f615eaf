#include "store/network.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace everframe::store {

namespace {

constexpr fdb_error_t NETWORK_ALREADY_SETUP = 2009;
constexpr fdb_error_t API_VERSION_ALREADY_SET = 2201;

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
  static Networks networks;
  const std::lock_guard lock(networks.mutex);
  if (networks.by_engine.contains(api.setup_network)) return {};
  const int newest = api.get_max_api_version();
  const int version = std::min(newest, API_VERSION_MAX);
  if (version < API_VERSION_MIN) {
    return fail("the store's engine speaks FoundationDB's API only up to version {}; {} is needed", newest,
                API_VERSION_MIN);
  }
  fdb_error_t code = api.select_api_version_impl(version, version);
  if (code != 0 && code != API_VERSION_ALREADY_SET) {
    return fail_with(code, "the store's engine does not take API version {}: {} ({})", version,
                     api.get_error(code), code);
  }
  code = api.setup_network();
  if (code != 0 && code != NETWORK_ALREADY_SETUP) {
    return fail_with(code, "the store's engine cannot set up its network: {} ({})", api.get_error(code),
                     code);
  }
  networks.by_engine[api.setup_network] = code == 0 ? std::make_unique<Network>(api) : nullptr;
  return {};
}

}  // namespace everframe::store
