// Log: one line an event, to standard error, through spdlog. Levels: error (something a person must act on),
// warn (an outside fault was handled), info (start, stop, sessions), debug. Say what happened, to whom (ids),
// and why.
#pragma once
#include <spdlog/spdlog.h>

namespace everframe::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

}  // namespace everframe::log
