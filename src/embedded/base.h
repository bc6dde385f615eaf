// Base: everything up to the settled version, as an ordered map. Behind it RocksDB on disk (rocks_base.h) or
// a map in memory (memory_base.h). A step is atomic: after a crash the base is as some step left it, at or
// after the last make_durable(), and says by its mark which.
//
// Threads: reads from any thread, at any time; steps from one thread.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "embedded/types.h"

namespace everframe::embedded {

// How far a base has come: the last version it holds, and the log record that brought it. Persistent.
struct Mark {
  Version version = 0;
  std::uint64_t serial = 0;
};

// A range clear over at most this many rows becomes their single deletions: range tombstones slow every later
// read near them until they are compacted away.
inline constexpr std::size_t POINT_CLEARS_MAX = 256;

class Base {
 public:
  virtual ~Base() = default;

  virtual Mark mark() const = 0;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;

  // A walk over [begin, end), upwards or downwards. It may or may not see steps taken after its making.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    virtual bool valid() const = 0;
    virtual std::string_view key() const = 0;
    virtual std::string_view value() const = 0;
    virtual void advance() = 0;
    // To the first key at or behind `key` (upwards), or the last one before it (downwards), within the range.
    virtual void seek(std::string_view key) = 0;
    // Appends rows while they lie before `bound` (downwards: at or behind it), until a limit; true: stopped
    // at a limit, and there is another row.
    virtual bool take(std::string_view bound, ReadLimits& limits, Rows& rows) = 0;
    virtual Result<void> status() const = 0;  // once no longer valid: did the walk end, or break?
  };
  virtual std::unique_ptr<Cursor> cursor(std::string_view begin, std::string_view end,
                                         bool reverse) const = 0;

  // About how many bytes of keys and values a range holds, without reading them.
  virtual Result<std::uint64_t> bytes_estimate(std::string_view begin, std::string_view end) const = 0;

  // The base as it is now, unchanged for as long as it is held; the base outlives it.
  class Snapshot {
   public:
    virtual ~Snapshot() = default;
    virtual Mark mark() const = 0;
    virtual std::uint64_t rows_estimate() const = 0;
    virtual std::unique_ptr<Cursor> cursor() const = 0;  // over all of it, upwards; the snapshot outlives it
  };
  virtual Result<std::unique_ptr<Snapshot>> snapshot() const = 0;

  class Step {
   public:
    virtual ~Step() = default;
    virtual Result<void> clear(std::string_view begin, std::string_view end) = 0;
    virtual void put(std::string_view key, std::string_view value) = 0;
    virtual void erase(std::string_view key) = 0;

    // What the clears so far take away: these keys, and others if there are many.
    std::vector<std::string> cleared;
    bool cleared_more = false;
  };
  virtual std::unique_ptr<Step> step() = 0;
  virtual Result<void> apply(std::unique_ptr<Step> step, Mark mark) = 0;  // nothing of it, or all

  // What is applied so far survives a crash once this returned.
  virtual Result<Mark> make_durable() = 0;
};

}  // namespace everframe::embedded
