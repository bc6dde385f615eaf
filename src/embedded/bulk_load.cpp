#include "embedded/bulk_load.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <filesystem>
#include <vector>

#include "base/assert.h"
#include "embedded/errors.h"
#include "embedded/rocks_options.h"

namespace everframe::embedded {

namespace {
constexpr std::uint64_t FILE_BYTES = 64 << 20;  // twice what compaction makes: it need not touch them again
}

struct BulkLoad::State {
  std::string directory;
  rocksdb::Options options = options_of_base();
  std::unique_ptr<rocksdb::SstFileWriter> writer;
  std::vector<std::string> files;
  std::string last_key;
};

BulkLoad::BulkLoad(std::unique_ptr<State> state) : state_(std::move(state)) {}
BulkLoad::~BulkLoad() = default;

Result<std::unique_ptr<BulkLoad>> BulkLoad::begin(const std::string& directory) {
  std::error_code code;
  std::filesystem::create_directory(directory, code);
  if (code) return fail_with(error::IO_ERROR, "cannot make {}: {}", directory, code.message());
  auto state = std::make_unique<State>();
  state->directory = directory;
  return std::unique_ptr<BulkLoad>(new BulkLoad(std::move(state)));
}

Result<void> BulkLoad::add(std::string_view key, std::string_view value) {
  State& s = *state_;
  std::string row = row_key(key);
  if (!s.last_key.empty() && row <= s.last_key) return fail("the rows to load are not in key order");
  if (s.writer == nullptr) {
    s.writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), s.options);
    s.files.push_back(fmt::format("{}/load-{:06}.sst", s.directory, s.files.size()));
    if (auto opened = outcome(s.writer->Open(s.files.back()), s.files.back()); !opened) return opened;
  }
  if (auto put = outcome(s.writer->Put(slice(row), slice(value)), s.files.back()); !put) return put;
  s.last_key = std::move(row);
  return s.writer->FileSize() < FILE_BYTES ? Result<void>() : end_file();
}

Result<void> BulkLoad::end_file() {
  State& s = *state_;
  if (s.writer == nullptr) return {};
  auto ended = outcome(s.writer->Finish(), s.files.back());
  s.writer.reset();
  return ended;
}

Result<void> BulkLoad::finish(Mark mark) {
  State& s = *state_;
  if (auto ended = end_file(); !ended) return ended;
  rocksdb::DB* raw = nullptr;
  if (auto opened = outcome(rocksdb::DB::Open(s.options, s.directory, &raw), s.directory); !opened)
    return opened;
  const std::unique_ptr<rocksdb::DB> db(raw);
  if (!s.files.empty()) {
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    if (auto taken = outcome(db->IngestExternalFile(s.files, ingest), "taking in the rows"); !taken)
      return taken;
  }
  rocksdb::WriteOptions write;
  write.disableWAL = true;
  if (auto put = outcome(db->Put(write, {MARK_KEY, 1}, mark_row(mark)), "writing the mark"); !put) return put;
  if (auto flushed = outcome(db->Flush(rocksdb::FlushOptions()), "flushing the base"); !flushed)
    return flushed;
  return outcome(db->Close(), "closing the base");
}

void BulkLoad::abandon() {
  state_->writer.reset();
  std::error_code ignored;  // what cannot be removed is no store: FORMAT is missing
  std::filesystem::remove_all(state_->directory, ignored);
}

}  // namespace everframe::embedded
