#include "transport/sctp/inbound.h"

#include <algorithm>
#include <utility>

namespace everframe::transport::sctp {

namespace {

constexpr std::uint8_t END = 1;
constexpr std::uint8_t BEGIN = 2;
constexpr std::uint8_t UNORDERED = 4;
constexpr std::uint8_t IMMEDIATE = 8;  // RFC 7053
constexpr std::size_t GAPS_MAX = 64;   // gap blocks a SACK: 256 bytes; the rest is told by the next one
constexpr std::size_t DUPLICATES_MAX = 16;
constexpr std::uint32_t PACKETS_A_SACK = 2;  // RFC 9260 section 6.2

// The chunk that fills the first hole is taken even when the window is full: it lets what is held go. An
// honest peer can so exceed the window by one message; whoever exceeds it by more is filling our memory.
constexpr std::size_t HELD_MAX = RECEIVE_WINDOW + RECEIVE_MESSAGE_MAX + (64 << 10);

}  // namespace

void Inbound::start(std::uint32_t peer_initial_tsn) {
  cumulative_ = UNWRAP_BASE + peer_initial_tsn - 1;
}

bool Inbound::data(const Chunk& chunk, Time now) {
  if (chunk.value.size() <= DATA_HEADER_SIZE - CHUNK_HEADER_SIZE) return false;  // no user data: section 6.2
  const std::uint8_t* p = chunk.value.data();
  const std::uint64_t tsn = unwrap(read_u32(p), cumulative_);
  const ByteView payload = chunk.value.subspan(DATA_HEADER_SIZE - CHUNK_HEADER_SIZE);
  const std::size_t after = held_ + payload.size() + HELD_OVERHEAD;
  ++figures_.chunks;
  data_in_packet_ = true;
  if ((chunk.flags & IMMEDIATE) != 0) sack_due_ = now;
  if (tsn > cumulative_ + TSN_SPREAD || (after > RECEIVE_WINDOW && tsn > cumulative_ + 1)) {
    ++figures_.refused;
    sack_due_ = now;
    return true;
  }
  if (after > HELD_MAX) return false;
  if (!note_received(tsn, now)) return true;
  Fragment fragment{read_u16(p + 4), read_u16(p + 6), read_u32(p + 8), chunk.flags,
                    Bytes(payload.begin(), payload.end())};
  if ((chunk.flags & (BEGIN | END)) == (BEGIN | END)) {
    Bytes whole = std::move(fragment.bytes);
    return deliver(fragment, std::move(whole)) && feed_stored();
  }
  if (tsn <= cumulative_) return feed(tsn, std::move(fragment)) && feed_stored();
  held_ += payload.size() + HELD_OVERHEAD;
  fragments_.emplace(tsn, std::move(fragment));
  return true;
}

// False for a duplicate, which is told at once: its SACK may have been lost.
bool Inbound::note_received(std::uint64_t tsn, Time now) {
  if (tsn == cumulative_ + 1 && received_.empty()) {
    ++cumulative_;
    return true;
  }
  auto after = received_.upper_bound(tsn);
  const bool in_run = after != received_.begin() && std::prev(after)->second >= tsn;
  if (tsn <= cumulative_ || in_run) {
    if (duplicates_.size() < DUPLICATES_MAX) duplicates_.push_back(static_cast<std::uint32_t>(tsn));
    ++figures_.duplicates;
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
  return true;
}

void Inbound::advance_cumulative() {
  while (!received_.empty() && received_.begin()->first <= cumulative_ + 1) {
    cumulative_ = std::max(cumulative_, received_.begin()->second);
    received_.erase(received_.begin());
  }
}

// At once for a gap and for every second packet, after SACK_DELAY otherwise.
void Inbound::end_packet(Time now) {
  if (!data_in_packet_) return;
  data_in_packet_ = false;
  if (!received_.empty() || ++unsacked_packets_ >= PACKETS_A_SACK) {
    sack_due_ = now;
  } else if (!sack_due_) {
    sack_due_ = now + SACK_DELAY;
  }
}

// ---- reassembly ----

// The next chunk, in the order of TSNs, of a message of several.
bool Inbound::feed(std::uint64_t tsn, Fragment fragment) {
  if ((fragment.flags & BEGIN) != 0) {
    if (partial_) return false;
    cut_off_ = false;
    held_ += fragment.bytes.size();
    partial_.emplace(Partial{std::move(fragment), tsn + 1});
    return true;
  }
  if (!partial_) return cut_off_;
  Fragment& whole = partial_->fragment;
  if (tsn != partial_->next_tsn || fragment.stream != whole.stream) return false;
  if (whole.bytes.size() + fragment.bytes.size() > RECEIVE_MESSAGE_MAX) return false;
  whole.bytes.insert(whole.bytes.end(), fragment.bytes.begin(), fragment.bytes.end());
  held_ += fragment.bytes.size();
  ++partial_->next_tsn;
  if ((fragment.flags & END) == 0) return true;
  Partial done = *std::exchange(partial_, std::nullopt);
  held_ -= done.fragment.bytes.size();
  Bytes bytes = std::move(done.fragment.bytes);
  return deliver(done.fragment, std::move(bytes));
}

// Those that waited for a hole in front of them to be filled.
bool Inbound::feed_stored() {
  while (!fragments_.empty() && fragments_.begin()->first <= cumulative_) {
    auto node = fragments_.extract(fragments_.begin());
    held_ -= node.mapped().bytes.size() + HELD_OVERHEAD;
    if (!feed(node.key(), std::move(node.mapped()))) return false;
  }
  return true;
}

// ---- delivery ----

Inbound::Stream* Inbound::stream_of(std::uint16_t id) {
  for (Stream& stream : streams_) {
    if (stream.id == id) return &stream;
  }
  if (streams_.size() >= IN_STREAMS_MAX) return nullptr;
  return &streams_.emplace_back(Stream{id, UNWRAP_BASE, {}});
}

void Inbound::deliver_ready(InboundMessage message) {
  ++figures_.messages;
  ready_.push_back(std::move(message));
}

bool Inbound::deliver(const Fragment& fragment, Bytes bytes) {
  InboundMessage message{fragment.stream, fragment.ppid, std::move(bytes)};
  if ((fragment.flags & UNORDERED) != 0) {
    deliver_ready(std::move(message));
    return true;
  }
  Stream* stream = stream_of(fragment.stream);
  if (stream == nullptr) return false;
  const std::uint64_t ssn = unwrap16(fragment.ssn, stream->next_ssn);
  if (ssn < stream->next_ssn) return true;  // given up by a FORWARD-TSN before it came
  if (ssn == stream->next_ssn) {
    ++stream->next_ssn;
    deliver_ready(std::move(message));
    deliver_in_turn(*stream);
    return true;
  }
  const std::size_t size = message.bytes.size();
  if (stream->waiting.try_emplace(ssn, std::move(message)).second) held_ += size + HELD_OVERHEAD;
  return true;
}

void Inbound::deliver_in_turn(Stream& stream) {
  while (!stream.waiting.empty() && stream.waiting.begin()->first == stream.next_ssn) {
    deliver_before(stream, stream.next_ssn + 1);
  }
}

// What waits with a number below `ssn` goes out now, and that number is the next.
void Inbound::deliver_before(Stream& stream, std::uint64_t ssn) {
  while (!stream.waiting.empty() && stream.waiting.begin()->first < ssn) {
    auto node = stream.waiting.extract(stream.waiting.begin());
    held_ -= node.mapped().bytes.size() + HELD_OVERHEAD;
    deliver_ready(std::move(node.mapped()));
  }
  stream.next_ssn = std::max(stream.next_ssn, ssn);
}

// The peer has given up what is missing up to `tsn`. What is whole among the chunks that wait there is
// delivered: only its acknowledgement was lost.
bool Inbound::give_up_before(std::uint64_t tsn) {
  const auto drop_partial = [&] {
    if (partial_) held_ -= partial_->fragment.bytes.size();
    partial_.reset();
  };
  while (!fragments_.empty() && fragments_.begin()->first <= tsn) {
    auto node = fragments_.extract(fragments_.begin());
    held_ -= node.mapped().bytes.size() + HELD_OVERHEAD;
    const bool continues = partial_ && partial_->next_tsn == node.key();
    if (!continues) drop_partial();
    if (!continues && (node.mapped().flags & BEGIN) == 0) continue;
    if (!feed(node.key(), std::move(node.mapped()))) return false;
  }
  if (partial_ && partial_->next_tsn <= tsn) drop_partial();
  cut_off_ = !partial_;
  return true;
}

bool Inbound::forward_tsn(const Chunk& chunk, Time now) {
  if (chunk.value.size() < 4 || chunk.value.size() % 4 != 0) return false;
  const std::uint64_t tsn = unwrap(read_u32(chunk.value.data()), cumulative_);
  ++figures_.forward_tsns;
  sack_due_ = now;
  if (tsn <= cumulative_) return true;
  if (tsn > cumulative_ + TSN_SPREAD) return false;
  cumulative_ = tsn;
  advance_cumulative();
  if (!give_up_before(tsn)) return false;
  for (std::size_t at = 4; at < chunk.value.size(); at += 4) {
    Stream* stream = stream_of(read_u16(chunk.value.data() + at));
    if (stream == nullptr) return false;
    const std::uint64_t skipped = unwrap16(read_u16(chunk.value.data() + at + 2), stream->next_ssn);
    deliver_before(*stream, skipped + 1);  // those that came in front of a given-up one are still delivered
    deliver_in_turn(*stream);
  }
  return feed_stored();
}

std::optional<InboundMessage> Inbound::next_message() {
  if (ready_at_ == ready_.size()) {
    ready_.clear();
    ready_at_ = 0;
    return std::nullopt;
  }
  return std::move(ready_[ready_at_++]);
}

void Inbound::reset_stream(std::uint16_t id) {
  const auto found =
      std::find_if(streams_.begin(), streams_.end(), [id](const Stream& stream) { return stream.id == id; });
  if (found == streams_.end()) return;
  for (const auto& [ssn, message] : found->waiting) held_ -= message.bytes.size() + HELD_OVERHEAD;
  streams_.erase(found);
}

void Inbound::reset_all_streams() {
  while (!streams_.empty()) reset_stream(streams_.back().id);
}

void Inbound::write_sack(PacketWriter& writer) {
  const std::size_t room_for_gaps = (writer.room() - 16 - 4 * duplicates_.size()) / 4;
  const std::size_t gaps = std::min({received_.size(), GAPS_MAX, room_for_gaps});
  writer.open(ChunkType::SACK);
  Bytes& out = writer.out();
  put_u32(out, cumulative_tsn());
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
