// Verify: is a stored world whole? Rows are fed in key order; what is wrong comes out as findings, each a
// sentence. Checked are, against each other:
//   entities   in the chunk of their position, ids unique and below the region's next, no more than their
//              type can hold (with a content pack)
//   players    their bodies exist, are theirs, and stand in the chunk that they name; outcomes end with
//              last_seq
//   sessions, accounts   of players that exist
//   inputs     queued actions are not yet processed (P3)
//   frames     from 1 to the region's last without a gap, time never back; each player's actions in order,
//              each exactly once (P3), the last one its last_seq
//   ledger     totals = sums of all entries = items in entities: bodies, containers, piles (P4)
//   hash       the region's = its last frame's = XOR of the hashes of all records
// Pure. Memory: 32 bytes an entity, some hundred a player. Limit: FINDINGS_MAX texts; all are counted.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "inspect/rows.h"
#include "inspect/scan.h"

namespace everframe::inspect {

inline constexpr std::size_t FINDINGS_MAX = 1'000;

struct Findings {
  std::vector<std::string> texts;  // the first FINDINGS_MAX
  std::uint64_t count = 0;
  std::uint64_t entities = 0;
  std::uint64_t players = 0;
  std::uint64_t frames = 0;
  std::uint64_t actions = 0;  // in frames
  std::uint64_t items = 0;    // in entities
};

class Verification {
 public:
  // `content` may be null, else it outlives this; without it types, slots and bodies are not known.
  explicit Verification(const world::Content* content) : content_(content) {}

  void add(const store::KeyValue& row);
  // After the last row, once.
  Findings finish();

 private:
  struct Placed {
    EntityId id{};
    ChunkCode chunk{};
    PlayerId owner{};
    EntityType type{};
  };
  struct Tallied {
    std::uint64_t total = 0;  // all as two's complement: sums may run over while they are made
    std::uint64_t entries = 0;
    std::uint64_t held = 0;
  };
  struct Log {
    FrameNo last{};
    WallMs now{};
    std::uint64_t hash = 0;
  };
  struct Played {  // what the frame log says about a player
    ActionSeq last{};
    FrameNo frame{};
  };

  void on(EntityRow& row);
  void on(PlayerRow& row);
  void on(SessionRow& row);
  void on(AccountRow& row);
  void on(InputRow& row);
  void on(FrameRow& row);
  void on(RegionRow& row);
  void on(HeadRow& row);
  void on(TotalRow& row);
  void on(LedgerRow& row);
  void on(MetaRow& row);

  void check_entities();
  void check_players();
  void check_references();
  void check_regions();
  void check_ledger();
  void check_meta();

  template <class... Args>
  void find(fmt::format_string<Args...> format, Args&&... args);

  const world::Content* const content_;
  Findings findings_;
  std::uint64_t hash_ = 0;
  std::vector<Placed> entities_;
  std::map<PlayerId, world::Player> players_;
  std::vector<SessionRow> sessions_;
  std::vector<AccountRow> accounts_;
  std::map<std::pair<PlayerId, ActionSeq>, RegionId> inputs_;
  std::map<RegionId, Log> logs_;
  std::map<PlayerId, Played> played_;
  std::map<RegionId, region::Ownership> regions_;
  std::map<RegionId, region::Head> heads_;
  std::map<ItemType, Tallied> items_;
  std::set<std::pair<RegionId, FrameNo>> ledgers_;
  std::map<std::string, std::uint64_t> meta_;
};

// The whole world named `world`; `watch` is told of each page, and may end it.
Task<Result<Findings>> verify(store::Database& database, platform::Executor& executor, std::string world,
                              const world::Content* content, ScanWatch watch);

}  // namespace everframe::inspect
