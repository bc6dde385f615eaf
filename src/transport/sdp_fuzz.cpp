// Any text as an offer or answer. What is accepted must survive being written and read again.
#include "base/assert.h"
#include "transport/sdp.h"

using namespace everframe;
using namespace everframe::transport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = read_sdp({reinterpret_cast<const char*>(data), size});
  if (!read) {
    EF_ASSERT(!read.error().text.empty());
    return 0;
  }
  const auto again = read_sdp(write_sdp(*read));
  EF_ASSERT(again.has_value());
  EF_ASSERT(again->ufrag == read->ufrag && again->password == read->password);
  EF_ASSERT(again->fingerprint == read->fingerprint && again->mid == read->mid);
  return 0;
}
