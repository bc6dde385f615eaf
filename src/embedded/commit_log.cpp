#include "embedded/commit_log.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "base/planted.h"
#include "embedded/errors.h"
#include "embedded/log_sector.h"

namespace everframe::embedded {

namespace {

constexpr std::size_t READ_SECTORS = 2048;  // 1 MB a read

// A segment file, a sector at a time.
class SectorFile {
 public:
  SectorFile(std::unique_ptr<platform::File> file, std::uint32_t segment, std::uint64_t sectors,
             bool check_sums)
      : file_(std::move(file)), segment_(segment), sectors_(sectors), check_sums_(check_sums) {}

  std::uint64_t sectors() const { return sectors_; }

  Result<Sector> at(std::uint64_t place) {
    EF_ASSERT(place < sectors_);
    if (place < first_ || place >= first_ + buffer_.size() / SECTOR_BYTES) {
      first_ = place;
      auto bytes = file_->read(place * SECTOR_BYTES, READ_SECTORS * SECTOR_BYTES);
      if (!bytes) return tl::unexpected(bytes.error());
      buffer_ = std::move(*bytes);
      if (buffer_.size() < SECTOR_BYTES) return fail_with(error::IO_ERROR, "the file became shorter");
    }
    return read_sector(ByteView(buffer_).subspan((place - first_) * SECTOR_BYTES, SECTOR_BYTES), segment_,
                       place, check_sums_);
  }

 private:
  std::unique_ptr<platform::File> file_;
  const std::uint32_t segment_;
  const std::uint64_t sectors_;
  const bool check_sums_;
  std::uint64_t first_ = 0;
  Bytes buffer_;
};

}  // namespace

struct CommitLog::Scan {
  std::uint64_t settled;
  std::uint64_t expected;  // the next record's serial, or a later one up to settled + 1
  std::uint64_t last;      // the last serial seen or settled
};

std::string CommitLog::path(std::uint32_t number) const {
  return fmt::format("{}/{:08x}.log", options_.directory, number);
}

Result<std::vector<std::uint32_t>> CommitLog::segment_numbers() const {
  const auto names = options_.disk->list(options_.directory);
  if (!names) return tl::unexpected(names.error());
  std::vector<std::uint32_t> numbers;
  for (const std::string& name : *names) {
    std::uint32_t number = 0;
    if (name.size() != 12 || !name.ends_with(".log")) continue;
    const auto [end, status] = std::from_chars(name.data(), name.data() + 8, number, 16);
    if (status == std::errc() && end == name.data() + 8) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::uint64_t> CommitLog::replay(std::uint64_t settled, const Visit& visit) {
  const auto numbers = segment_numbers();
  if (!numbers) return tl::unexpected(numbers.error());
  if (numbers->empty() && settled > 0) {
    return fail_with(error::FILE_CORRUPT,
                     "{} holds no log, though the base was written with one: files are missing",
                     options_.directory);
  }
  Scan scan{settled, 0, settled};  // the first record found may be any settled one
  for (const std::uint32_t number : *numbers) {
    if (auto done = replay_segment(number, scan, visit); !done) return tl::unexpected(done.error());
    number_ = number;
  }
  return scan.last;
}

Result<void> CommitLog::replay_segment(std::uint32_t number, Scan& scan, const Visit& visit) {
  auto opened = options_.disk->open(path(number), platform::Disk::Open::EXISTING);
  if (!opened) return tl::unexpected(opened.error());
  const auto size = (*opened)->size();
  if (!size) return tl::unexpected(size.error());
  SectorFile file(std::move(*opened), number, *size / SECTOR_BYTES, !options_.faults.skip_checksums);

  const auto refuse = [&](std::uint64_t place, const std::string& what) {
    return fail_with(error::FILE_CORRUPT,
                     "{} at offset {}: {}. Restore a backup, or remove the whole directory", path(number),
                     place * SECTOR_BYTES, what);
  };
  Bytes record;
  std::uint64_t place = 0;
  bool torn = false;
  while (place < file.sectors() && !torn) {
    const auto first = file.at(place);
    if (!first) return tl::unexpected(first.error());
    if (first->state == Sector::State::ROTTEN) return refuse(place, "damaged (checksum)");
    if (first->state != Sector::State::LIVE) break;
    const Sector head = *first;
    // Released segments may vanish in any order, so gaps among what the base holds are no loss.
    const bool skips_settled = head.serial > scan.expected && head.serial <= scan.settled + 1;
    if ((head.serial != scan.expected && !skips_settled) || head.index != 0) {
      return refuse(place, fmt::format("record {} is missing; {} was found", scan.expected, head.serial));
    }
    scan.expected = head.serial;
    const std::size_t count = sectors_of(head.length);
    if (place + count > file.sectors()) return refuse(place, "a record longer than its file");
    record.clear();
    for (std::size_t i = 0; i < count && !torn; ++i) {
      const auto sector = file.at(place + i);
      if (!sector) return tl::unexpected(sector.error());
      if (sector->state == Sector::State::ROTTEN) return refuse(place + i, "damaged (checksum)");
      torn = sector->state != Sector::State::LIVE;
      if (torn) break;
      if (sector->serial != head.serial || sector->index != i || sector->length != head.length) {
        return refuse(place + i, fmt::format("a part of record {} is missing", head.serial));
      }
      record.insert(record.end(), sector->body.begin(), sector->body.end());
    }
    if (torn) break;
    if (head.serial > scan.settled) {
      if (auto visited = visit(head.serial, record); !visited) return visited;
      scan.last = head.serial;
    }
    ++scan.expected;
    place += count;
  }
  // A later record behind the gap proves that the gap held an acknowledged one.
  for (; place < file.sectors(); ++place) {
    const auto sector = file.at(place);
    if (!sector) return tl::unexpected(sector.error());
    if (sector->state != Sector::State::LIVE) continue;
    const std::uint64_t highest = std::max(scan.expected, scan.settled + 1);
    if (sector->serial > highest) {
      return refuse(place, fmt::format("record {} is missing; {} was found", highest, sector->serial));
    }
  }
  return {};
}

Result<std::unique_ptr<platform::File>> CommitLog::make(const std::string& file_path, std::size_t bytes) {
  auto file = options_.disk->open(file_path, platform::Disk::Open::CREATE);
  if (!file) return file;
  if (auto filled = (*file)->preallocate(bytes); !filled) return tl::unexpected(filled.error());
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(synced.error());
  if (auto named = options_.disk->sync_directory(options_.directory); !named)
    return tl::unexpected(named.error());
  return file;
}

Result<void> CommitLog::begin(std::uint64_t last) {
  const auto numbers = segment_numbers();
  if (!numbers) return tl::unexpected(numbers.error());
  serial_ = last;
  number_ = numbers->empty() ? 0 : numbers->back();
  const auto names = options_.disk->list(options_.directory);
  if (!names) return tl::unexpected(names.error());
  if (std::find(names->begin(), names->end(), "spare.log") != names->end()) {
    // A crash may have left it half made.
    if (auto removed = options_.disk->remove(spare_path()); !removed) return removed;
  }
  if (auto rolled = roll(0); !rolled) return rolled;
  {
    const std::lock_guard lock(mutex_);
    full_.clear();
  }
  for (const std::uint32_t number : *numbers) {
    if (auto removed = options_.disk->remove(path(number)); !removed) return removed;
  }
  return options_.disk->sync_directory(options_.directory);
}

// Closes the open segment and opens the next.
Result<void> CommitLog::roll(std::size_t record_bytes) {
  const std::size_t bytes =
      std::max(options_.segment_bytes, sectors_of(record_bytes) * SECTOR_BYTES) / SECTOR_BYTES * SECTOR_BYTES;
  const std::lock_guard lock(mutex_);
  if (file_ != nullptr) full_.push_back({number_, serial_});
  ++number_;
  if (spare_ready_ && bytes == options_.segment_bytes) {
    spare_ready_ = false;
    if (auto renamed = options_.disk->rename(spare_path(), path(number_)); !renamed) return renamed;
    if (auto named = options_.disk->sync_directory(options_.directory); !named) return named;
    auto file = options_.disk->open(path(number_), platform::Disk::Open::EXISTING);
    if (!file) return tl::unexpected(file.error());
    file_ = std::move(*file);
  } else {
    auto file = make(path(number_), bytes);
    if (!file) return tl::unexpected(file.error());
    file_ = std::move(*file);
  }
  place_ = 0;
  places_ = bytes / SECTOR_BYTES;
  return {};
}

Result<void> CommitLog::append(ByteView record) {
  if (failed_) return fail_with(error::IO_ERROR, "the log stopped at an earlier failure");
  failed_ = true;  // unless everything below goes well
  if (options_.faults.answer_before_sync) {
    if (auto synced = file_->sync(); !synced) return synced;
  }
  if (place_ + sectors_of(record.size()) > places_) {
    if (auto rolled = roll(record.size()); !rolled) {
      return fail_with(error::IO_ERROR, "{}", rolled.error().text);
    }
  }
  buffer_.clear();
  append_sectors(buffer_, record, serial_ + 1, number_, place_);
  const auto unknown = [](const Error& cause) {
    return fail_with(error::COMMIT_UNKNOWN_RESULT, "{}", cause.text);
  };
  if (auto written = file_->write(place_ * SECTOR_BYTES, buffer_); !written) return unknown(written.error());
  const bool skip_sync = options_.faults.skip_sync || is_planted(Planted::NO_SYNC);
  if (!skip_sync && !options_.faults.answer_before_sync) {
    const auto synced = file_->sync();
    if (!synced && !options_.faults.ignore_failed_sync) return unknown(synced.error());
  }
  ++serial_;
  place_ += buffer_.size() / SECTOR_BYTES;
  if (buffer_.capacity() > (4U << 20)) Bytes().swap(buffer_);  // one huge record should not hold its memory
  failed_ = false;
  return {};
}

std::size_t CommitLog::full_segments(std::uint64_t serial) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(full_.begin(), full_.end(), [serial](const Segment& segment) {
    return segment.last_serial <= serial;
  }));
}

bool CommitLog::has_spare() const {
  const std::lock_guard lock(mutex_);
  return spare_ready_;
}

Result<void> CommitLog::release(std::uint64_t serial) {
  bool keep = false;
  bool renamed_any = false;
  for (;;) {
    std::uint32_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (full_.empty() || full_.front().last_serial > serial) break;
      number = full_.front().number;
      full_.pop_front();
      keep = !spare_ready_;
    }
    const auto file = options_.disk->open(path(number), platform::Disk::Open::EXISTING);
    if (!file) return tl::unexpected(file.error());
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(size.error());
    renamed_any = true;
    if (!keep || *size != options_.segment_bytes) {
      if (auto removed = options_.disk->remove(path(number)); !removed) return removed;
      continue;
    }
    if (auto renamed = options_.disk->rename(path(number), spare_path()); !renamed) return renamed;
    if (auto named = options_.disk->sync_directory(options_.directory); !named) return named;
    const std::lock_guard lock(mutex_);
    spare_ready_ = true;
  }
  return renamed_any ? options_.disk->sync_directory(options_.directory) : Result<void>();
}

Result<void> CommitLog::prepare() {
  {
    const std::lock_guard lock(mutex_);
    if (spare_ready_) return {};
  }
  auto file = make(spare_path(), options_.segment_bytes);
  if (!file) return tl::unexpected(file.error());
  const std::lock_guard lock(mutex_);
  spare_ready_ = true;
  return {};
}

}  // namespace everframe::embedded
