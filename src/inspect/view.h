// View: a row as JSON, for people and programs. Numbers that need all 64 bits (hashes, seeds) are strings in
// hexadecimal. With a content pack, types and items are named by their keys ("tree"), else by their numbers.
#pragma once
#include <boost/json/object.hpp>

#include "inspect/rows.h"

namespace everframe::inspect {

class View {
 public:
  explicit View(const world::Content* content = nullptr) : content_(content) {}  // it outlives the view

  boost::json::object operator()(const Row& row) const;
  boost::json::object operator()(const world::Input& input) const;
  boost::json::value type(EntityType type) const;
  boost::json::value item(ItemType item) const;
  boost::json::array stacks(const std::vector<world::ItemCount>& stacks) const;

 private:
  boost::json::object record(const EntityRow& row) const;
  boost::json::object record(const PlayerRow& row) const;
  boost::json::object record(const SessionRow& row) const;
  boost::json::object record(const AccountRow& row) const;
  boost::json::object record(const InputRow& row) const;
  boost::json::object record(const FrameRow& row) const;
  boost::json::object record(const RegionRow& row) const;
  boost::json::object record(const HeadRow& row) const;
  boost::json::object record(const TotalRow& row) const;
  boost::json::object record(const LedgerRow& row) const;
  boost::json::object record(const MetaRow& row) const;

  const world::Content* content_;
};

std::string hex(std::uint64_t value);

}  // namespace everframe::inspect
