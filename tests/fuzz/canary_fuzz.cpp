// A parser with a planted bug: a length that it believes. tests/fuzz/run.sh demands that this is found: it
// shows that coverage is measured, that AddressSanitizer watches, and that a finding is reported.
#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || data[0] != 'E' || data[1] != 'F') return 0;
  const std::vector<std::uint8_t> field(data + 3, data + size);
  const std::size_t length = data[2];
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < length; ++i) sum += field.data()[i];
  const volatile std::uint32_t keep = sum;  // or the loop would be optimized away
  static_cast<void>(keep);
  return 0;
}
