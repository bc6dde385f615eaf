// Any datagram to a session's record layer: bytes as they are, and sealed records with one byte changed. What
// was not sealed as it is must not open, and nothing opens twice. The keys come from the datagram itself:
// with fixed ones the fuzzer, which sees what is compared here, gives a sealed record back as its next input.
#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/hash.h"
#include "transport/record_layer.h"

using namespace everframe;
using namespace everframe::transport;

namespace {

constexpr std::size_t ROOM = 2'048;

std::size_t count_opened(RecordLayer& layer, ByteView datagram) {
  std::uint8_t room[ROOM];
  std::size_t opened = 0;
  while (!datagram.empty()) {
    const auto record = next_record(datagram);
    if (record && record->whole.size() <= ROOM && layer.open(*record, room)) ++opened;
  }
  return opened;
}

RecordLayer::KeyBlock keys_of(ByteView datagram) {
  RecordLayer::KeyBlock keys;
  for (std::size_t at = 0; at < keys.bytes.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t part = hash64(datagram, at);
    std::memcpy(keys.bytes.data() + at, &part, sizeof part);
  }
  return keys;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || size > 1'400) return 0;
  const auto keys = keys_of({data, size});
  RecordLayer client(keys, RecordLayer::Role::CLIENT, 7);
  RecordLayer server(keys, RecordLayer::Role::SERVER, 9);
  EF_ASSERT(count_opened(server, {data, size}) == 0);
  Bytes record(RECORD_PREFIX_SIZE);
  record.insert(record.end(), data + 3, data + size);
  client.seal(RecordType::APPLICATION, record);
  Bytes changed = record;
  const std::size_t at = (std::size_t{data[0]} << 8 | data[1]) % changed.size();
  changed[at] ^= data[2];
  if (changed != record) EF_ASSERT(count_opened(server, changed) == 0);
  EF_ASSERT(count_opened(server, record) == 1);
  EF_ASSERT(count_opened(server, record) == 0);
  return 0;
}
