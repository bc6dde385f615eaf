// Network: the process-wide half of FoundationDB's C API: the API version, network options, and the call that
// runs the network until it is stopped. The engine needs no such thread, but callers give one, and wait for
// it, so the calls are accepted in FoundationDB's order and refused outside it.
//
// Threads: any.
#pragma once
#include <condition_variable>
#include <mutex>
#include <vector>

#include "embedded/options.h"

namespace everframe::embedded {

inline constexpr int API_VERSION_MIN = 710;
inline constexpr int API_VERSION_MAX = 730;
// Of FoundationDB 7.3, whose semantics the engine has: what fdb_database_get_server_protocol tells.
inline constexpr std::uint64_t PROTOCOL_VERSION = 0x0fdb00b073000000;

class Network {
 public:
  static Network& instance();

  fdb_error_t select(int runtime, int header);
  bool is_selected() const;
  fdb_error_t set_option(int code, OptionValue value);
  fdb_error_t set_up();
  fdb_error_t run();  // until stop(); the hooks run at its end, on its thread
  fdb_error_t stop();
  fdb_error_t add_completion_hook(void (*hook)(void*), void* parameter);
  // Option 72: without it FoundationDB's clients refuse the transaction option USE_GRV_CACHE.
  bool is_client_bypass_disabled() const;

 private:
  enum class State { NONE, SET_UP, STOPPED };
  struct Hook {
    void (*call)(void*);
    void* parameter;
  };
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  int version_ = 0;
  State state_ = State::NONE;
  bool ran_ = false;
  bool client_bypass_disabled_ = false;
  std::vector<Hook> hooks_;
};

}  // namespace everframe::embedded
