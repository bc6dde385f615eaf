// everframed: the world server.
#include <spdlog/sinks/stdout_color_sinks.h>

#include "base/log.h"
#include "everframed/configuration.h"
#include "everframed/server.h"

int main(int argc, char** argv) {
  const auto told = everframe::everframed::read_configuration(argc, argv);
  if (!told.configuration) return told.status;
  spdlog::set_default_logger(spdlog::stderr_color_mt("everframed"));
  spdlog::set_level(spdlog::level::from_str(told.configuration->log_level));
  return everframe::everframed::serve(*told.configuration);
}
