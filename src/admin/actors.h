// The tree of actors as people and Prometheus read it. Where many children of one supervisor differ by a
// number only ("session 7"), they are shown as one line, their figures added up, and so are theirs below.
#pragma once
#include <string>
#include <vector>

#include "actor/registry.h"

namespace everframe::admin {

struct ActorLine {
  std::string name;       // "session" of "session 7", where they are one line
  std::size_t depth = 0;  // in the tree
  std::size_t count = 1;  // of actors
  bool supervisor = false;
  actor::CellFigures figures;
};
inline constexpr std::size_t SHOWN_APART = 8;  // children of one kind

std::vector<ActorLine> actor_lines(const actor::Registry& registry);  // a parent before its children
// Without supervisors, each name once: gateways have each their "session".
std::vector<ActorLine> by_name(const std::vector<ActorLine>& lines);
std::string actors_text(const actor::Registry& registry);  // GET /v1/actors

}  // namespace everframe::admin
