// Executors: what a database may be given in place of its two threads, so that a simulation decides when it
// commits and when it settles. Both outlive the database, and are one thread.
#pragma once
#include "platform/executor.h"

namespace everframe::embedded {

struct Executors {
  platform::Executor* commit = nullptr;
  platform::Executor* settle = nullptr;
};

}  // namespace everframe::embedded
