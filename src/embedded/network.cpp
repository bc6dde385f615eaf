#include "embedded/network.h"

#include <algorithm>
#include <initializer_list>

#include "embedded/errors.h"

namespace everframe::embedded {

namespace {

constexpr std::size_t TRACE_IDENTIFIER_BYTES_MAX = 50;  // TRACE_LOG_FILE_IDENTIFIER_MAX_LENGTH

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> allowed) {
  return std::find(allowed.begin(), allowed.end(), text) != allowed.end();
}

bool is_identifier(std::string_view text) {
  return text.size() <= TRACE_IDENTIFIER_BYTES_MAX && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// The words that FoundationDB checks although the engine writes no traces.
bool is_good_text(int code, std::string_view text) {
  switch (code) {
    case option::NETWORK_TRACE_FORMAT:
      return is_one_of(text, {"xml", "json"});
    case option::NETWORK_TRACE_CLOCK_SOURCE:
      return is_one_of(text, {"now", "realtime"});
    case option::NETWORK_TRACE_FILE_IDENTIFIER:
      return is_identifier(text);
    case option::NETWORK_KNOB:
      return text.find('=') != std::string_view::npos;
    case option::NETWORK_DISTRIBUTED_CLIENT_TRACER:
      return is_one_of(text, {"none", "disabled", "logfile", "file", "log_file", "network_lossy"});
    default:
      return true;
  }
}

}  // namespace

Network& Network::instance() {
  // Never destroyed: a thread that runs the network may outlive the process's other statics.
  static Network& one = *new Network;
  return one;
}

fdb_error_t Network::select(int runtime, int header) {
  const std::lock_guard lock(mutex_);
  if (runtime > header) return error::API_VERSION_INVALID;
  if (header > API_VERSION_MAX || runtime < API_VERSION_MIN) return error::API_VERSION_NOT_SUPPORTED;
  // Several parts of one program may each select; FoundationDB allows it once.
  if (version_ != 0 && version_ != runtime) return error::API_VERSION_ALREADY_SET;
  version_ = runtime;
  return error::SUCCESS;
}

bool Network::is_selected() const {
  const std::lock_guard lock(mutex_);
  return version_ != 0;
}

fdb_error_t Network::set_option(int code, OptionValue value) {
  const std::lock_guard lock(mutex_);
  if (version_ == 0) return error::API_VERSION_UNSET;
  const OptionRule* rule = find_option(network_options(), code);
  if (rule == nullptr) return error::INVALID_OPTION;
  if (const fdb_error_t refused = check_option_value(*rule, value)) return refused;
  if (value && !is_good_text(code, *value)) return error::INVALID_OPTION_VALUE;
  if (code == option::NETWORK_DISABLE_CLIENT_BYPASS) client_bypass_disabled_ = true;
  return error::SUCCESS;
}

fdb_error_t Network::set_up() {
  const std::lock_guard lock(mutex_);
  if (version_ == 0) return error::API_VERSION_UNSET;
  if (state_ != State::NONE) return error::NETWORK_ALREADY_SETUP;
  state_ = State::SET_UP;
  return error::SUCCESS;
}

fdb_error_t Network::run() {
  std::vector<Hook> hooks;
  {
    std::unique_lock lock(mutex_);
    if (state_ == State::NONE) return error::NETWORK_NOT_SETUP;
    if (ran_) return error::NETWORK_CANNOT_BE_RESTARTED;
    ran_ = true;
    stopped_.wait(lock, [this] { return state_ == State::STOPPED; });
    hooks = hooks_;
  }
  for (const Hook& hook : hooks) hook.call(hook.parameter);
  return error::SUCCESS;
}

fdb_error_t Network::stop() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::NONE) return error::NETWORK_NOT_SETUP;
  state_ = State::STOPPED;
  stopped_.notify_all();
  return error::SUCCESS;
}

fdb_error_t Network::add_completion_hook(void (*hook)(void*), void* parameter) {
  const std::lock_guard lock(mutex_);
  if (version_ == 0) return error::API_VERSION_UNSET;
  if (state_ == State::NONE) return error::NETWORK_NOT_SETUP;
  if (hook == nullptr) return error::CLIENT_INVALID_OPERATION;
  hooks_.push_back({hook, parameter});
  return error::SUCCESS;
}

bool Network::is_client_bypass_disabled() const {
  const std::lock_guard lock(mutex_);
  return client_bypass_disabled_;
}

}  // namespace everframe::embedded
