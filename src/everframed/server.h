// Server: the process put together: executors, store, supervision tree, HTTP.
//
//   executor  lives there
//   main      signals, root supervisor (one_for_one over region and hubs)
//   region    the region's actor
//   gateway   hub, its supervisor, sessions, a UDP line; --gateways of them
//   http      the HTTP server and the door, with the sockets of those who play over WebSockets
//   (the embedded store commits on a thread of its own)
//
// Ends by SIGTERM or SIGINT: the region finishes what it accepted, sessions are told, everything stops, the
// store closes. A second signal, or a drain longer than DRAIN_MAX, ends at once: nothing durable is lost by
// that.
#pragma once
#include "base/time.h"
#include "everframed/configuration.h"

namespace everframe::everframed {

inline constexpr Duration DRAIN_MAX = 15s;

// Runs until it is told to stop. The process's exit status.
int serve(const Configuration& configuration);

}  // namespace everframe::everframed
