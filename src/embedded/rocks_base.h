// RocksBase: the base on disk, in RocksDB without its write-ahead log (the commit log is it). One column
// family, so that each of RocksDB's own flushes leaves the state of some step; the mark lies in it, and goes
// with every step. Blocks are checksummed and checked on every read.
//
// Keys: 00 is the mark; 01 + key the database's rows. Limits: 32 MB of block cache, two write buffers of 16
// MB, 256 open files; at rest no thread of RocksDB's runs.
#pragma once
#include "embedded/base.h"

namespace everframe::embedded {

// Opens or makes the base in `directory`.
Result<std::unique_ptr<Base>> open_rocks_base(const std::string& directory);

}  // namespace everframe::embedded
