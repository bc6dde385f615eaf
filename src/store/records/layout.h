// Layout: where everything of one table lies beneath its prefix P. Persistent: spec/store_format.md.
//
//   P (0, key...)                        a record; (0, key..., n): its chunks
//   P (1, index, fields..., key...)      an entry of an index that is not UNIQUE
//   P (1, index, fields...)              an entry of a UNIQUE one; its value is the packed key
//   P (2, index, group...)               an aggregate, 8 bytes, little-endian
//   P (3, index, group..., stamp)        a change in a feed
//   P (3, index, group...)               how many changes it had, for watches
//   P (4)                                the header: the schema, see description.h
//   P (5, index)                         the state of an index, if it is not READABLE: one byte
//   P (6, index)                         the last key that its build has been through
//   P (7, index)                         who builds it, until when
//   P (8)                                a stamp of 10 bytes, another after each change of 4 or 5
#pragma once
#include "store/records/description.h"
#include "store/subspace.h"

namespace everframe::store::records {

// Persistent.
enum class IndexState : std::uint8_t {
  DISABLED = 0,    // not kept up to date
  WRITE_ONLY = 1,  // kept up to date, not yet complete
  READABLE = 2
};

class Layout {
 public:
  Layout(const Subspace& home, std::string_view table, const std::vector<IndexDescription>& indexes);

  const Subspace& all() const { return home_; }
  const std::string& rows() const { return rows_; }
  KeyBytes row(std::string_view packed_key) const { return KeyBytes(rows_) + packed_key; }
  // Of index number i of the schema; entries, aggregates and changes begin with it.
  const std::string& index(std::size_t i) const { return indexes_[i]; }
  std::string prefix_of(const IndexDescription& index) const;
  const std::string& header() const { return header_; }
  const std::string& version() const { return version_; }
  KeyRange states() const;
  KeyBytes state(std::string_view index) const;
  KeyBytes progress(std::string_view index) const;
  KeyBytes claim(std::string_view index) const;

 private:
  Subspace home_;
  std::string rows_;
  std::string header_;
  std::string version_;
  std::vector<std::string> indexes_;
};

}  // namespace everframe::store::records
