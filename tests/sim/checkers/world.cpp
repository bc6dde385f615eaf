#include "checkers/checkers.h"
#include "inspect/verify.h"

namespace everframe::sim {

Task<> check_world(store::Database& database, platform::Executor& executor, const world::Content& content,
                   std::string world, Findings& out) {
  Report report(out, "world");
  const auto verified = co_await inspect::verify(database, executor, std::move(world), &content, {});
  if (!verified) co_return report("the store cannot be read: {}", verified.error().text);
  for (const std::string& text : verified->texts) report("{}", text);
}

}  // namespace everframe::sim
