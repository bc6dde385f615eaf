#include "admin/actors.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace everframe::admin {

namespace {

using Entry = actor::Registry::Entry;
using Children = std::map<actor::ActorId, std::vector<const Entry*>>;

// "session" of "session 7".
std::string kind_of(const std::string& name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  const bool numbered = end != std::string::npos && end + 1 < name.size() && name[end] == ' ';
  return numbered ? name.substr(0, end) : name;
}

void add(actor::CellFigures& sum, const actor::CellFigures& one) {
  sum.running = sum.running || one.running;
  sum.starts += one.starts;
  sum.mailbox_length += one.mailbox_length;
  sum.long_turns += one.long_turns;
  sum.longest_turn_us = std::max(sum.longest_turn_us, one.longest_turn_us);
  for (const actor::KindFigures& kind : one.kinds) {
    const auto same = std::find_if(sum.kinds.begin(), sum.kinds.end(),
                                   [&](const auto& known) { return known.kind == kind.kind; });
    if (same == sum.kinds.end()) {
      sum.kinds.push_back(kind);
    } else {
      same->count += kind.count;
      same->us += kind.us;
    }
  }
}

void append(const Children& children, const std::vector<actor::ActorId>& parents, std::size_t depth,
            std::vector<ActorLine>& out) {
  if (depth > 16) return;
  std::vector<const Entry*> entries;
  for (const actor::ActorId parent : parents) {
    if (const auto found = children.find(parent); found != children.end())
      entries.insert(entries.end(), found->second.begin(), found->second.end());
  }
  std::map<std::string, std::vector<const Entry*>> of_kind;
  for (const Entry* entry : entries) of_kind[kind_of(entry->name)].push_back(entry);
  for (const Entry* entry : entries) {
    const std::string kind = kind_of(entry->name);
    const std::vector<const Entry*>& alike = of_kind[kind];
    if (alike.size() <= SHOWN_APART) {
      out.push_back({entry->name, depth, 1, !entry->is_actor, entry->figures});
      append(children, {entry->id}, depth + 1, out);
    } else if (entry == alike.front()) {
      ActorLine line{kind, depth, alike.size(), !entry->is_actor, {}};
      std::vector<actor::ActorId> ids;
      for (const Entry* each : alike) {
        add(line.figures, each->figures);
        ids.push_back(each->id);
      }
      out.push_back(std::move(line));
      append(children, ids, depth + 1, out);
    }
  }
}

}  // namespace

std::vector<ActorLine> actor_lines(const actor::Registry& registry) {
  const std::vector<Entry> entries = registry.list();
  Children children;
  for (const Entry& entry : entries) children[entry.parent].push_back(&entry);
  std::vector<ActorLine> out;
  append(children, {actor::ActorId{}}, 0, out);
  return out;
}

std::vector<ActorLine> by_name(const std::vector<ActorLine>& lines) {
  std::vector<ActorLine> out;
  std::map<std::string, std::size_t> known;
  for (const ActorLine& line : lines) {
    if (line.supervisor) continue;
    const auto [at, is_new] = known.try_emplace(line.name, out.size());
    if (is_new) {
      out.push_back(line);
      continue;
    }
    out[at->second].count += line.count;
    add(out[at->second].figures, line.figures);
  }
  return out;
}

std::string actors_text(const actor::Registry& registry) {
  std::string out = fmt::format("{:32} {:>8} {:>8} {:>10} {:>12}  messages by kind: count, ms\n", "actor",
                                "restarts", "mailbox", "long turns", "longest, ms");
  const auto to = std::back_inserter(out);
  for (const ActorLine& line : actor_lines(registry)) {
    std::string name(2 * line.depth, ' ');
    name += line.count > 1 ? fmt::format("{} (all {})", line.name, line.count) : line.name;
    if (line.supervisor) {
      fmt::format_to(to, "{}\n", name);
      continue;
    }
    const actor::CellFigures& figures = line.figures;
    fmt::format_to(to, "{:32} {:>8} {:>8} {:>10} {:>12.1f} ", name,
                   figures.starts - std::min<std::uint64_t>(figures.starts, line.count),
                   figures.mailbox_length, figures.long_turns,
                   static_cast<double>(figures.longest_turn_us) / 1e3);
    for (const actor::KindFigures& kind : figures.kinds)
      fmt::format_to(to, " {} {} {:.1f},", kind.kind, kind.count, static_cast<double>(kind.us) / 1e3);
    if (out.back() == ',') out.pop_back();
    out += '\n';
  }
  const auto reports = registry.reports();
  if (!reports.empty()) out += "\ncrashes, the newest first\n";
  for (auto report = reports.rbegin(); report != reports.rend(); ++report) {
    fmt::format_to(to, "{} in {}: {} ({} messages were waiting; the last ones: {})\n", report->name,
                   report->ending.last_message, report->ending.reason, report->ending.mailbox_length,
                   report->ending.last_kinds);
  }
  return out;
}

}  // namespace everframe::admin
