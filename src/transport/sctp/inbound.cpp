#include "transport/sctp/inbound.h"

#include <algorithm>

namespace everframe::transport::sctp {

namespace {

constexpr std::uint8_t END = 1;
constexpr std::uint8_t BEGIN = 2;
constexpr std::uint8_t UNORDERED = 4;
constexpr std::uint8_t IMMEDIATE = 8;  // RFC 7053
constexpr std::size_t GAPS_MAX = 64;   // gap blocks a SACK: 256 bytes; the rest is told by the next one
constexpr std::size_t DUPLICATES_MAX = 16;
constexpr std::uint32_t PACKETS_A_SACK = 2;  // RFC 9260 section 6.2

}  // namespace

void Inbound::start(std::uint32_t peer_initial_tsn) {
  cumulative_ = UNWRAP_BASE + peer_initial_tsn - 1;
}

bool Inbound::data(const Chunk& chunk, Time now) {
  if (chunk.value.size() <= DATA_HEADER_SIZE - CHUNK_HEADER_SIZE) return false;  // no user data: section 6.2
  const std::uint8_t* p = chunk.value.data();
  const std::uint64_t tsn = unwrap(read_u32(p), cumulative_);
  if ((chunk.flags & IMMEDIATE) != 0) sack_due_ = now;
  const ByteView payload = chunk.value.subspan(DATA_HEADER_SIZE - CHUNK_HEADER_SIZE);
  const bool room = held_ + payload.size() <= RECEIVE_WINDOW || tsn == cumulative_ + 1;
  if (tsn > cumulative_ + TSN_SPREAD || !room) {
    sack_due_ = now;
    return true;
  }
  if (!note_received(tsn, now)) return true;
  Fragment fragment{read_u16(p + 4), read_u16(p + 6), read_u32(p + 8), chunk.flags,
                    Bytes(payload.begin(), payload.end())};
  if ((chunk.flags & (BEGIN | END)) == (BEGIN | END)) {
    Bytes whole = std::move(fragment.bytes);
    return deliver(fragment, std::move(whole));
  }
  held_ += payload.size();
  return assemble(fragments_.emplace(tsn, std::move(fragment)).first);
}

// False for a duplicate. Sets when a SACK is due: at once for a gap or a duplicate, after SACK_DELAY
// otherwise.
bool Inbound::note_received(std::uint64_t tsn, Time now) {
  auto after = received_.upper_bound(tsn);
  const bool in_run = after != received_.begin() && std::prev(after)->second >= tsn;
  if (tsn <= cumulative_ || in_run) {
    if (duplicates_.size() < DUPLICATES_MAX) duplicates_.push_back(static_cast<std::uint32_t>(tsn));
    sack_due_ = now;
    return false;
  }
  std::uint64_t first = tsn;
  std::uint64_t last = tsn;
  if (after != received_.begin() && std::prev(after)->second + 1 == tsn) first = std::prev(after)->first;
  if (after != received_.end() && after->first == tsn + 1) {
    last = after->second;
    received_.erase(after);
  }
  received_[first] = last;
  advance_cumulative();
  if (!received_.empty() || ++unsacked_packets_ >= PACKETS_A_SACK) {
    sack_due_ = now;
  } else if (!sack_due_) {
    sack_due_ = now + SACK_DELAY;
  }
  return true;
}

void Inbound::advance_cumulative() {
  while (!received_.empty() && received_.begin()->first <= cumulative_ + 1) {
    cumulative_ = std::max(cumulative_, received_.begin()->second);
    received_.erase(received_.begin());
  }
}

// Looks for a whole message around the newest fragment: TSNs without a hole from a BEGIN to an END.
bool Inbound::assemble(Fragments::iterator newest) {
  auto first = newest;
  while ((first->second.flags & BEGIN) == 0) {
    if (first == fragments_.begin()) return true;
    const auto before = std::prev(first);
    if (before->first + 1 != first->first) return true;
    if ((before->second.flags & END) != 0) return false;  // a message that starts in its middle
    first = before;
  }
  auto last = first;
  std::size_t size = last->second.bytes.size();
  while ((last->second.flags & END) == 0) {
    const auto following = std::next(last);
    if (size > RECEIVE_MESSAGE_MAX) return false;
    if (following == fragments_.end() || following->first != last->first + 1) return true;
    if ((following->second.flags & BEGIN) != 0 || following->second.stream != first->second.stream)
      return false;
    last = following;
    size += last->second.bytes.size();
  }
  Bytes whole;
  whole.reserve(size);
  for (auto at = first; at != std::next(last); ++at) {
    whole.insert(whole.end(), at->second.bytes.begin(), at->second.bytes.end());
  }
  held_ -= size;
  const Fragment head = std::move(first->second);
  fragments_.erase(first, std::next(last));
  return deliver(head, std::move(whole));
}

bool Inbound::deliver(const Fragment& first, Bytes bytes) {
  if (bytes.size() > RECEIVE_MESSAGE_MAX) return false;
  InboundMessage message{first.stream, first.ppid, std::move(bytes)};
  if ((first.flags & UNORDERED) != 0) {
    ready_.push_back(std::move(message));
    return true;
  }
  Stream& stream = streams_[first.stream];
  if (first.ssn == stream.next_ssn && stream.waiting.empty()) {
    ++stream.next_ssn;
    ready_.push_back(std::move(message));
    return true;
  }
  if (serial_less16(first.ssn, stream.next_ssn)) return true;  // given up by a FORWARD-TSN before it came
  held_ += message.bytes.size();
  stream.waiting.emplace(first.ssn, std::move(message));
  deliver_in_turn(stream);
  return true;
}

void Inbound::deliver_in_turn(Stream& stream) {
  for (auto found = stream.waiting.find(stream.next_ssn); found != stream.waiting.end();
       found = stream.waiting.find(stream.next_ssn)) {
    held_ -= found->second.bytes.size();
    ready_.push_back(std::move(found->second));
    stream.waiting.erase(found);
    ++stream.next_ssn;
  }
}

bool Inbound::forward_tsn(const Chunk& chunk, Time now) {
  if (chunk.value.size() < 4 || chunk.value.size() % 4 != 0) return false;
  const std::uint64_t tsn = unwrap(read_u32(chunk.value.data()), cumulative_);
  sack_due_ = now;
  if (tsn <= cumulative_) return true;
  if (tsn > cumulative_ + TSN_SPREAD) return false;
  cumulative_ = tsn;
  while (!received_.empty() && received_.begin()->first <= tsn) {
    cumulative_ = std::max(cumulative_, received_.begin()->second);
    received_.erase(received_.begin());
  }
  advance_cumulative();
  while (!fragments_.empty() && fragments_.begin()->first <= tsn) {
    held_ -= fragments_.begin()->second.bytes.size();
    fragments_.erase(fragments_.begin());
  }
  for (std::size_t at = 4; at < chunk.value.size(); at += 4) {
    Stream& stream = streams_[read_u16(chunk.value.data() + at)];
    const std::uint16_t skipped = read_u16(chunk.value.data() + at + 2);
    while (!stream.waiting.empty() && !serial_less16(skipped, stream.next_ssn)) {
      deliver_in_turn(stream);  // those that came in front of a given-up one are still delivered
      if (serial_less16(skipped, stream.next_ssn)) break;
      ++stream.next_ssn;
    }
    if (!serial_less16(skipped, stream.next_ssn)) stream.next_ssn = static_cast<std::uint16_t>(skipped + 1);
    deliver_in_turn(stream);
  }
  return true;
}

std::optional<InboundMessage> Inbound::next_message() {
  if (ready_at_ == ready_.size()) {
    ready_.clear();
    ready_at_ = 0;
    return std::nullopt;
  }
  return std::move(ready_[ready_at_++]);
}

void Inbound::reset_stream(std::uint16_t stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  for (const auto& [ssn, message] : found->second.waiting) held_ -= message.bytes.size();
  streams_.erase(found);
}

void Inbound::write_sack(PacketWriter& writer) {
  const std::size_t room_for_gaps = (writer.room() - 16 - 4 * duplicates_.size()) / 4;
  const std::size_t gaps = std::min({received_.size(), GAPS_MAX, room_for_gaps});
  writer.open(ChunkType::SACK);
  Bytes& out = writer.out();
  put_u32(out, static_cast<std::uint32_t>(cumulative_));
  put_u32(out, static_cast<std::uint32_t>(RECEIVE_WINDOW - std::min(held_, RECEIVE_WINDOW)));
  put_u16(out, static_cast<std::uint16_t>(gaps));
  put_u16(out, static_cast<std::uint16_t>(duplicates_.size()));
  auto run = received_.begin();
  for (std::size_t i = 0; i < gaps; ++i, ++run) {
    put_u16(out, static_cast<std::uint16_t>(run->first - cumulative_));
    put_u16(out, static_cast<std::uint16_t>(run->second - cumulative_));
  }
  for (const std::uint32_t duplicate : duplicates_) put_u32(out, duplicate);
  writer.close();
  duplicates_.clear();
  sack_due_.reset();
  unsacked_packets_ = 0;
}

}  // namespace everframe::transport::sctp
