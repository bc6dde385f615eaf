#include "inspect/backup.h"

#include "inspect/archive.h"

namespace everframe::inspect {

namespace {

bool is_stopped(const BackupJob& job) {
  return job.stopped && job.stopped();
}

std::string directory_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Result<BackupSum> write_archive(const BackupJob& job, platform::BackupSource& source,
                                const std::string& part) {
  auto writer = ArchiveWriter::create(job.disk, part, source.version());
  if (!writer) return tl::unexpected<Error>(writer.error());
  Progress progress(job.progress, job.clock, job.terminal, "rows backed up", source.rows_estimate());
  for (;;) {
    if (is_stopped(job)) return fail("stopped: there is no backup");
    const auto rows = source.next();
    if (!rows) return tl::unexpected<Error>(rows.error());
    if (rows->empty()) break;
    for (const platform::StoredRow& row : *rows) {
      if (auto added = (*writer)->add(row); !added) return tl::unexpected<Error>(added.error());
    }
    progress.at((*writer)->rows());
  }
  if (auto finished = (*writer)->finish(); !finished) return tl::unexpected<Error>(finished.error());
  return BackupSum{source.version(), (*writer)->rows(), (*writer)->bytes()};
}

// Every block, each row to `take`.
Result<BackupSum> read_archive(const BackupJob& job, const char* what,
                               const Function<Result<void>(const platform::StoredRow&)>& take) {
  auto reader = ArchiveReader::open(job.disk, job.path);
  if (!reader) return tl::unexpected<Error>(reader.error());
  constexpr std::uint64_t KB = 1'000;
  Progress progress(job.progress, job.clock, job.terminal, what, (*reader)->size() / KB);
  BackupSum sum{(*reader)->version(), 0, (*reader)->size()};
  for (;;) {
    if (is_stopped(job)) return fail("stopped: nothing was restored");
    const auto rows = (*reader)->next();
    if (!rows) return tl::unexpected<Error>(rows.error());
    if (rows->empty()) return sum;
    sum.rows += rows->size();
    for (const platform::StoredRow& row : *rows) {
      if (auto taken = take(row); !taken) return tl::unexpected<Error>(taken.error());
    }
    progress.at((*reader)->place() / KB);
  }
}

}  // namespace

Result<BackupSum> backup(const BackupJob& job, platform::BackupSource& source) {
  if (job.disk.open(job.path, platform::Disk::Open::EXISTING)) {
    return fail("{} is there already: choose another name, or remove it", job.path);
  }
  const std::string part = job.path + ".part";
  auto sum = write_archive(job, source, part);
  if (sum) {
    auto named = job.disk.rename(part, job.path);
    if (named) named = job.disk.sync_directory(directory_of(job.path));
    if (!named) sum = tl::unexpected<Error>(named.error());
  }
  if (!sum) static_cast<void>(job.disk.remove(part));  // the first failure is the one to tell
  return sum;
}

Result<BackupSum> restore(const BackupJob& job, const OpenRestore& open) {
  const auto whole =
      read_archive(job, "kB checked", [](const platform::StoredRow&) { return Result<void>(); });
  if (!whole) return whole;
  const auto target = open();
  if (!target) return tl::unexpected<Error>(target.error());
  const auto sum = read_archive(
      job, "kB restored", [&](const platform::StoredRow& row) { return (*target)->add(row.key, row.value); });
  if (!sum) return sum;
  if (auto finished = (*target)->finish(sum->version); !finished)
    return tl::unexpected<Error>(finished.error());
  return sum;
}

}  // namespace everframe::inspect
