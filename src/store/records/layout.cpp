#include "store/records/layout.h"

namespace everframe::store::records {

namespace {

// Persistent.
enum class Section {
  ROWS = 0,
  ENTRIES = 1,
  AGGREGATES = 2,
  FEEDS = 3,
  HEADER = 4,
  STATES = 5,
  PROGRESS = 6,
  CLAIMS = 7,
  VERSION = 8
};

KeyBytes section(const Subspace& home, Section section) {
  return std::move(home.packer().integer(static_cast<int>(section))).key();
}
KeyBytes named(const Subspace& home, Section in, std::string_view name) {
  return std::move(TuplePacker(section(home, in)).text(name)).key();
}

}  // namespace

Layout::Layout(const Subspace& home, std::string_view table, const std::vector<IndexDescription>& indexes)
    : home_(home[std::string(table)]),
      rows_(section(home_, Section::ROWS)),
      header_(section(home_, Section::HEADER)),
      version_(section(home_, Section::VERSION)) {
  for (const IndexDescription& one : indexes) indexes_.push_back(prefix_of(one));
}

std::string Layout::prefix_of(const IndexDescription& index) const {
  if (index.kind == IndexKind::FEED) return named(home_, Section::FEEDS, index.name);
  return named(home_, is_aggregate(index.kind) ? Section::AGGREGATES : Section::ENTRIES, index.name);
}

KeyRange Layout::states() const {
  return range_of(section(home_, Section::STATES));
}
KeyBytes Layout::state(std::string_view index) const {
  return named(home_, Section::STATES, index);
}
KeyBytes Layout::progress(std::string_view index) const {
  return named(home_, Section::PROGRESS, index);
}
KeyBytes Layout::claim(std::string_view index) const {
  return named(home_, Section::CLAIMS, index);
}

}  // namespace everframe::store::records
