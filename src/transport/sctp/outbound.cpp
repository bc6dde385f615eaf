#include "transport/sctp/outbound.h"

#include <algorithm>
#include <map>

#include "base/assert.h"

namespace everframe::transport::sctp {

namespace {

constexpr std::uint8_t END = 1;
constexpr std::uint8_t BEGIN = 2;
constexpr std::uint8_t UNORDERED = 4;
constexpr std::size_t MTU = PACKET_SIZE_MAX;
constexpr std::size_t CWND_INITIAL = 10 * MTU;  // RFC 6928's argument
constexpr std::size_t CWND_MIN = 4 * MTU;
constexpr std::size_t CWND_SLOW = 2 * MTU;  // where the path is slow, four would be a queue of their own
constexpr std::size_t CWND_MAX = 1 << 20;
constexpr std::int32_t LEAD_MAX = 2 * static_cast<std::int32_t>(MTU);
constexpr std::uint8_t MISSES_TO_RESEND = 3;  // RFC 9260 section 7.2.4
constexpr Duration REORDER_MIN = 10ms;        // later by this much, or by a quarter of the RTT: not reordered
constexpr Duration FORWARD_PACE_MIN = 20ms;
constexpr Duration CLOCK_GRANULARITY = 1ms;

}  // namespace

void Outbound::start(std::uint32_t initial_tsn, std::uint32_t peer_window, bool partial) {
  next_tsn_ = first_lost_ = UNWRAP_BASE + initial_tsn;
  cumulative_ = next_tsn_ - 1;
  cwnd_ = CWND_INITIAL;
  ssthresh_ = CWND_MAX;
  peer_window_ = peer_window;
  partial_ = partial;
}

SendOutcome Outbound::send(Message message) {
  const std::size_t size = message.bytes.size();
  if (message.reliable()) {
    const bool full = buffered_ + size > SEND_BUFFER_MAX || reliable_.size() >= RELIABLE_MESSAGES_MAX;
    if (full && !message.establishes) return SendOutcome::QUEUE_FULL;
    buffered_ += size;
    waiting_ += size;
    stream_of(message.stream).buffered += size;
    reliable_.push_back(std::move(message));
    return SendOutcome::QUEUED;
  }
  const std::uint64_t gave_way = figures_.gave_way;
  const auto oldest_gives_way = [&] {
    if (fresh_.empty()) return false;
    const Message& oldest = fresh_.front();
    // Those with retransmits or a lifetime left were asked to wait; only the queue's limit moves them.
    const bool stale = oldest.max_retransmits == 0 && oldest.queued < message.queued;
    return fresh_.size() >= FRESH_MAX || (stale && !(window_open() && fresh_may_go()));
  };
  for (; oldest_gives_way(); ++figures_.gave_way) fresh_.drop_front();
  fresh_.push_back(std::move(message));
  return figures_.gave_way > gave_way ? SendOutcome::REPLACED : SendOutcome::QUEUED;
}

std::size_t Outbound::room() const {
  std::size_t taken = flight_;
  for (std::size_t i = 0; i < fresh_.size(); ++i) taken += fresh_[i].bytes.size() + DATA_HEADER_SIZE;
  return taken < window() ? window() - taken : 0;
}

Outbound::Stream& Outbound::stream_of(std::uint16_t id) {
  for (Stream& stream : streams_) {
    if (stream.id == id) return stream;
  }
  return streams_.emplace_back(Stream{id});
}

std::size_t Outbound::buffered(std::uint16_t id) const {
  for (const Stream& stream : streams_) {
    if (stream.id == id) return stream.buffered;
  }
  return 0;
}

void Outbound::reset_stream(std::uint16_t id) {
  std::erase_if(streams_, [id](const Stream& stream) { return stream.id == id; });
}

// ---- acknowledgements ----

bool Outbound::sack(const Chunk& chunk, Time now) {
  if (chunk.value.size() < 12) return false;
  const std::uint8_t* p = chunk.value.data();
  const std::uint64_t acked = unwrap(read_u32(p), cumulative_);
  if (acked >= next_tsn_) return false;  // acknowledges what was never sent
  if (acked < cumulative_) return true;  // overtaken by a newer one
  const bool advanced = acked > cumulative_;
  News news;
  const std::uint64_t earliest = earliest_outstanding();
  acknowledge_up_to(acked, now, news);
  if (!acknowledge_gaps(chunk, acked, now, news)) return false;
  news.earliest = earliest > cumulative_ && earliest < next_tsn_ && at(earliest).state == Sent::State::ACKED;
  peer_window_ = read_u32(p + 4);
  // A peer that says that its window is closed is alive: RFC 9260 section 6.1 A.
  if (news.bytes > 0 || advanced || peer_window_ == 0) timeouts_ = 0;
  after_news(news, advanced, now);
  return true;
}

void Outbound::cumulative_ack(std::uint32_t tsn, Time now) {
  const std::uint64_t acked = unwrap(tsn, cumulative_);
  if (acked >= next_tsn_ || acked <= cumulative_) return;
  News news;
  acknowledge_up_to(acked, now, news);
  after_news(news, true, now);
}

// What was sent and has not arrived; next_tsn_ if there is none.
std::uint64_t Outbound::earliest_outstanding() const {
  std::uint64_t tsn = cumulative_ + 1;
  for (; tsn < next_tsn_; ++tsn) {
    if (at(tsn).state == Sent::State::IN_FLIGHT || at(tsn).lost()) break;
  }
  return tsn;
}

void Outbound::acknowledge_up_to(std::uint64_t tsn, Time now, News& news) {
  while (cumulative_ < tsn) {
    acknowledge(cumulative_ + 1, now, news);
    sent_.drop_front();
    ++cumulative_;
  }
}

void Outbound::acknowledge(std::uint64_t tsn, Time now, News& news) {
  Sent& sent = at(tsn);
  if (sent.state == Sent::State::ACKED) return;
  if (sent.state == Sent::State::IN_FLIGHT) {
    flight_ -= sent.weight();
    // The answer to a chunk that was sent again just now may be to its first sending: it says nothing about
    // time.
    const bool telling = sent.sends == 1 || now - sent.sent_at >= rtt_min();
    if (telling && (!news.any || serial_less(news.order, sent.order))) {
      news.any = true;
      news.sent_at = sent.sent_at;
      news.order = sent.order;
      news.sent_once = sent.sends == 1;
    }
  }
  if (sent.lost()) --lost_;
  if (sent.state != Sent::State::ABANDONED) news.bytes += sent.size;
  if (sent.reliable()) {
    buffered_ -= sent.size;
    if (sent.sends == 0) waiting_ -= sent.size;
    stream_of(sent.stream).buffered -= sent.size;
  }
  sent.state = Sent::State::ACKED;
  sent.bytes = {};
}

bool Outbound::acknowledge_gaps(const Chunk& chunk, std::uint64_t base, Time now, News& news) {
  const std::uint8_t* p = chunk.value.data();
  const std::size_t gaps = read_u16(p + 8);
  if (chunk.value.size() < 12 + 4 * gaps) return false;
  std::uint64_t told = base;
  for (std::size_t i = 0; i < gaps; ++i) {
    const std::uint64_t first = base + read_u16(p + 12 + 4 * i);
    const std::uint64_t last = base + read_u16(p + 14 + 4 * i);
    if (first > last || first <= base || last >= next_tsn_) return false;
    // Blocks that overlap would let one packet cost gaps times chunks; honest ones ascend.
    for (std::uint64_t tsn = std::max(first, told + 1); tsn <= last; ++tsn) acknowledge(tsn, now, news);
    told = std::max(told, last);
  }
  return true;
}

void Outbound::after_news(const News& news, bool advanced, Time now) {
  if (news.any && news.sent_once) measure(now - news.sent_at, now);  // Karn: never of a repeated one
  const bool used = flight_ + news.bytes + MTU >= cwnd_;             // grow only a window that was needed
  if (news.any) detect_losses(news, now);
  // It stops growing when half of the delay that we allow ourselves is used: acknowledgements tell of a queue
  // late.
  const bool queueing = srtt_ - rtt_min() > delay_max() / 2;
  if (advanced && used && !queueing && !recovering_) {
    if (cwnd_ <= ssthresh_) {
      cwnd_ += std::min(news.bytes, MTU);
    } else if ((partial_acked_ += news.bytes) >= cwnd_) {
      partial_acked_ -= cwnd_;
      cwnd_ += MTU;
    }
    cwnd_ = std::min(cwnd_, CWND_MAX);
  }
  if (flight_ == 0 && advanced_ack_point() == cumulative_) {
    timer_.reset();
  } else if (advanced || news.earliest || !timer_) {
    timer_ = now + rto_;  // RFC 9260 section 6.3.2 R3; the earliest may be behind TSNs that are not sent yet
  }
}

void Outbound::detect_losses(const News& news, Time now) {
  const Duration reorder = std::max<Duration>(srtt_ / 4, REORDER_MIN);
  bool lost = false;
  bool lost_anew = false;  // after the cut that recovery began with
  bool old_in_flight = false;
  for (std::uint64_t tsn = cumulative_ + 1; tsn < next_tsn_; ++tsn) {
    Sent& sent = at(tsn);
    if (sent.state != Sent::State::IN_FLIGHT) continue;
    const bool old = recovering_ && serial_less(sent.order, recovery_order_);
    const bool overtaken = serial_less(sent.order, news.order);
    if (overtaken && (++sent.misses >= MISSES_TO_RESEND || news.sent_at - sent.sent_at >= reorder)) {
      mark_lost(tsn, now);
      lost = true;
      lost_anew |= !old;
    } else {
      old_in_flight |= old;
    }
  }
  recovering_ = old_in_flight;
  if (lost) timer_ = now + rto_;
  if (lost_anew) fast_recovery();
}

void Outbound::fast_recovery() {
  ssthresh_ = std::max(cwnd_ / 2, CWND_MIN);
  cwnd_ = ssthresh_;
  partial_acked_ = 0;
  recovering_ = true;
  recovery_order_ = sendings_;
}

void Outbound::measure(Duration rtt, Time now) {
  rtt = std::max<Duration>(rtt, CLOCK_GRANULARITY);
  if (srtt_ == Duration{}) {
    srtt_ = rtt;
    rttvar_ = rtt / 2;
  } else {
    const Duration error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
    rttvar_ = (3 * rttvar_ + error) / 4;
    srtt_ = (7 * srtt_ + rtt) / 8;
  }
  rto_ = std::clamp<Duration>(srtt_ + 4 * rttvar_, RTO_MIN, RTO_MAX);
  if (now - span_began_ > RTT_MIN_SPAN) {
    rtt_min_before_ = std::exchange(rtt_min_now_, rtt);
    span_began_ = now;
  }
  rtt_min_now_ = std::min(rtt_min_now_, rtt);
  const Duration allowed = rtt_min() + delay_max();
  if (srtt_ > allowed && now >= delay_checked_ + srtt_) {
    delay_checked_ = now;
    const auto shrunk =
        cwnd_ * static_cast<std::size_t>(allowed.count()) / static_cast<std::size_t>(srtt_.count());
    cwnd_ = ssthresh_ = std::max(CWND_SLOW, shrunk);
  }
}

// ---- losses ----

void Outbound::mark_lost(std::uint64_t tsn, Time now) {
  Sent& sent = at(tsn);
  const bool tired = sent.max_retransmits && sent.sends > *sent.max_retransmits;
  if (partial_ && (tired || now >= sent.expires)) return abandon_message(tsn);
  flight_ -= sent.weight();
  sent.state = Sent::State::TO_SEND;
  sent.misses = 0;
  first_lost_ = lost_++ == 0 ? tsn : std::min(first_lost_, tsn);
}

// All fragments of the message, also those not sent yet: a receiver must never wait for a part.
void Outbound::abandon_message(std::uint64_t tsn) {
  std::uint64_t first = tsn;
  while (first > cumulative_ + 1 && (at(first).flags & BEGIN) == 0) --first;
  for (std::uint64_t part = first; part < next_tsn_; ++part) {
    Sent& sent = at(part);
    if (sent.state != Sent::State::ACKED && sent.state != Sent::State::ABANDONED) give_up(sent);
    if ((sent.flags & END) != 0) break;
  }
}

void Outbound::give_up(Sent& sent) {
  if (sent.state == Sent::State::IN_FLIGHT) flight_ -= sent.weight();
  if (sent.lost()) --lost_;
  sent.state = Sent::State::ABANDONED;
  sent.bytes = {};
  ++figures_.abandoned;
}

void Outbound::retransmission_timeout(Time now) {
  ++timeouts_;
  ++figures_.timeouts;
  rto_ = std::min<Duration>(rto_ * 2, RTO_MAX);
  ssthresh_ = std::max(cwnd_ / 2, CWND_MIN);
  cwnd_ = MTU;
  partial_acked_ = 0;
  for (std::uint64_t tsn = cumulative_ + 1; tsn < next_tsn_; ++tsn) {
    if (at(tsn).state == Sent::State::IN_FLIGHT) mark_lost(tsn, now);
  }
  forwarded_at_ = Time{};  // say it again at once
  timer_.reset();
  if (!sent_.empty()) timer_ = now + rto_;
}

// The furthest TSN below which everything was given up (or has arrived): RFC 3758 section 3.5.
std::uint64_t Outbound::advanced_ack_point() const {
  std::uint64_t point = cumulative_;
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    if (sent_[i].state == Sent::State::ABANDONED) {
      point = cumulative_ + 1 + i;
    } else if (sent_[i].state != Sent::State::ACKED) {
      break;
    }
  }
  return point;
}

// Once a round trip, as RFC 3758 section 3.5 C5 allows: the peer's SACK needs as long to stop the next.
std::optional<Time> Outbound::forward_due() const {
  if (sent_.empty() || advanced_ack_point() <= cumulative_) return std::nullopt;
  return forwarded_at_ + std::max<Duration>(srtt_, FORWARD_PACE_MIN);
}

void Outbound::write_forward_tsn(PacketWriter& writer, Time now) {
  const std::uint64_t point = advanced_ack_point();
  std::map<std::uint16_t, std::uint16_t> skipped;  // of ordered streams, the last sequence number given up
  for (std::uint64_t tsn = cumulative_ + 1; tsn <= point; ++tsn) {
    const Sent& sent = at(tsn);
    if (sent.state == Sent::State::ABANDONED && (sent.flags & UNORDERED) == 0)
      skipped[sent.stream] = sent.ssn;
  }
  if (!writer.fits(CHUNK_HEADER_SIZE + 4 + 4 * skipped.size())) return;
  writer.open(ChunkType::FORWARD_TSN);
  put_u32(writer.out(), static_cast<std::uint32_t>(point));
  for (const auto& [stream, ssn] : skipped) {
    put_u16(writer.out(), stream);
    put_u16(writer.out(), ssn);
  }
  writer.close();
  forwarded_at_ = now;
  ++figures_.forward_tsns;
  if (!timer_) timer_ = now + rto_;
}

// ---- sending ----

bool Outbound::wants_to_write(Time now) const {
  if (window_open() && (lost_ > 0 || fresh_may_go() || bulk_may_go(now))) return true;
  const auto due = forward_due();
  return due && *due <= now;
}

bool Outbound::fresh_may_go() const {
  if (urgent_.next < urgent_.end) return within_reach(urgent_.next);
  return !fresh_.empty() && within_reach(next_tsn_ + fresh_.front().fragments() - 1);
}

bool Outbound::bulk_may_go(Time now) const {
  const bool shared = flight_ > 0 && has_bulk() && now - fresh_at_ <= srtt_;
  if (shared && flight_ + std::min(window() / 4, MTU) >= window()) return false;
  if (bulk_.next < bulk_.end) return within_reach(bulk_.next);
  return !reliable_.empty() && within_reach(next_tsn_) &&
         (sent_.empty() || sent_.size() + reliable_.front().fragments() <= SENT_MAX);
}

// What was lost goes first (RFC 9260 section 6.1 C). Reliable and unreliable messages share what is left, so
// that neither starves the other; who does not fit into the packet lets the other have the room.
void Outbound::write(PacketWriter& writer, Time now) {
  if (const auto due = forward_due(); due && *due <= now) write_forward_tsn(writer, now);
  while (window_open() && lost_ > 0) {
    if (!write_lost(writer, now)) return;
  }
  while (window_open()) {
    const bool fresh = fresh_may_go();
    const bool bulk = bulk_may_go(now);
    if (!fresh && !bulk) return;
    const bool fresh_first = fresh && (bulk_lead_ >= 0 || !bulk);
    const std::size_t before = writer.room();
    bool wrote = fresh_first ? write_fresh(writer, now) : write_bulk(writer, now);
    bool was_fresh = fresh_first;
    if (!wrote && fresh && bulk) {
      was_fresh = !fresh_first;
      wrote = was_fresh ? write_fresh(writer, now) : write_bulk(writer, now);
    }
    if (!wrote) return;
    if (was_fresh) fresh_at_ = now;
    const auto size = static_cast<std::int32_t>(before - writer.room());
    if (fresh && bulk) bulk_lead_ = std::clamp(bulk_lead_ + (was_fresh ? -size : size), -LEAD_MAX, LEAD_MAX);
  }
}

// False when the packet is full.
bool Outbound::write_lost(PacketWriter& writer, Time now) {
  std::uint64_t& tsn = first_lost_;
  for (tsn = std::max(tsn, cumulative_ + 1); tsn < next_tsn_; ++tsn) {
    if (at(tsn).lost()) return write_chunk(writer, tsn, now);
  }
  EF_ASSERT(lost_ == 0);
  return true;
}

bool Outbound::write_fresh(PacketWriter& writer, Time now) {
  if (urgent_.next >= urgent_.end) {
    Message& message = fresh_.front();
    if (now >= message.expires) {
      ++figures_.gave_way;
    } else if (!writer.fits(DATA_HEADER_SIZE + padded(std::min(message.bytes.size(), FRAGMENT_SIZE)))) {
      return false;
    } else {
      urgent_ = assign(message);
    }
    fresh_.drop_front();
  }
  return write_unsent(writer, urgent_, now);
}

bool Outbound::write_bulk(PacketWriter& writer, Time now) {
  if (bulk_.next >= bulk_.end) {
    bulk_ = assign(reliable_.front());
    reliable_.drop_front();
  }
  return write_unsent(writer, bulk_, now);
}

bool Outbound::write_unsent(PacketWriter& writer, Unsent& part, Time now) {
  for (part.next = std::max(part.next, cumulative_ + 1); part.next < part.end; ++part.next) {
    const Sent& sent = at(part.next);
    if (sent.state != Sent::State::TO_SEND || sent.sends > 0) continue;
    if (!write_chunk(writer, part.next, now)) return false;
    ++part.next;
    break;
  }
  return true;
}

// False when it does not fit. What has waited for too long is given up instead.
bool Outbound::write_chunk(PacketWriter& writer, std::uint64_t tsn, Time now) {
  Sent& sent = at(tsn);
  if (partial_ && now >= sent.expires) return abandon_message(tsn), true;
  if (!writer.fits(padded(sent.weight()))) return false;
  writer.data(sent.flags, static_cast<std::uint32_t>(tsn), sent.stream, sent.ssn, sent.ppid, sent.bytes);
  if (sent.sends > 0) --lost_, ++figures_.retransmitted;
  if (sent.sends == 0 && sent.reliable()) waiting_ -= sent.size;
  sent.sends = static_cast<std::uint16_t>(std::min<std::uint32_t>(sent.sends + 1U, UINT16_MAX));
  ++figures_.chunks;
  sent.state = Sent::State::IN_FLIGHT;
  sent.sent_at = now;
  sent.order = sendings_++;
  if (partial_ && sent.max_retransmits == 0) sent.bytes = {};  // it is never sent again
  flight_ += sent.weight();
  if (!timer_) timer_ = now + rto_;
  return true;
}

// All fragments of the message get their TSNs.
Outbound::Unsent Outbound::assign(Message& message) {
  const std::uint16_t ssn = message.ordered ? stream_of(message.stream).next_ssn++ : std::uint16_t{0};
  const std::size_t whole = message.bytes.size();
  const Unsent assigned{next_tsn_, next_tsn_ + message.fragments()};
  for (std::size_t offset = 0; offset < whole; offset += FRAGMENT_SIZE, ++next_tsn_) {
    const std::size_t size = std::min(FRAGMENT_SIZE, whole - offset);
    Sent& sent = sent_.push_back({});
    sent.stream = message.stream;
    sent.ssn = ssn;
    sent.ppid = message.ppid;
    sent.flags = static_cast<std::uint8_t>((offset == 0 ? BEGIN : 0) | (offset + size == whole ? END : 0) |
                                           (message.ordered ? 0 : UNORDERED));
    if (size == whole) {
      sent.bytes = std::move(message.bytes);
    } else {
      const auto from = message.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
      sent.bytes.assign(from, from + static_cast<std::ptrdiff_t>(size));
    }
    sent.size = static_cast<std::uint16_t>(size);
    sent.max_retransmits = message.max_retransmits;
    sent.expires = message.expires;
  }
  return assigned;
}

bool Outbound::idle(std::uint16_t stream) const {
  for (std::size_t i = 0; i < reliable_.size(); ++i) {
    if (reliable_[i].stream == stream) return false;
  }
  for (std::size_t i = 0; i < fresh_.size(); ++i) {
    if (fresh_[i].stream == stream) return false;
  }
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    const bool pending = sent_[i].state == Sent::State::IN_FLIGHT || sent_[i].state == Sent::State::TO_SEND;
    if (pending && sent_[i].stream == stream) return false;
  }
  return true;
}

}  // namespace everframe::transport::sctp
