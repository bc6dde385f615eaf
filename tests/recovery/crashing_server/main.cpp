// everframed with a bug in it that each actor of its tree meets once: every CRASH_EVERY the next one that has
// not met it yet throws in the midst of its work. Takes everframed's arguments, then --crashes FILE: a line
// each, "MICROSECONDS NAME", on the monotonic clock.
#include <mutex>
#include <set>

#include "actor/cell.h"
#include "everframed/server.h"
#include "platform_os/line_file.h"
#include "platform_os/os_clock.h"

namespace {

using namespace everframe;

constexpr Duration FIRST_CRASH = 2s;
constexpr Duration CRASH_EVERY = 1'200ms;

class Bug {
 public:
  explicit Bug(const std::string& log)
      : log_(platform_os::LineFile::open(log).value()), next_(clock_.now() + FIRST_CRASH) {}

  // Any thread.
  void meet(const actor::Cell& cell, std::string_view work) {
    if (work == "start" || work == "shutdown") return;
    const std::lock_guard lock(mutex_);
    const Time now = clock_.now();
    if (now < next_ || !met_.insert(cell.name()).second) return;
    next_ = now + CRASH_EVERY;
    log_->append(fmt::format("{} {}\n", now.time_since_epoch().count(), cell.name()));
    throw std::runtime_error("a bug planted by the test");
  }

 private:
  const platform_os::OsClock clock_;
  const std::unique_ptr<platform_os::LineFile> log_;
  std::mutex mutex_;
  Time next_;
  std::set<std::string> met_;
};

Bug* bug = nullptr;

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::string_view(argv[argc - 2]) != "--crashes") return 2;
  Bug planted(argv[argc - 1]);
  const auto told = everframed::read_configuration(argc - 2, argv);
  if (!told.configuration) return told.status;
  bug = &planted;
  actor::disturbance = [](const actor::Cell& cell, const char* work) { bug->meet(cell, work); };
  return everframed::serve(*told.configuration);
}
