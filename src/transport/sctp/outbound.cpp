#include "transport/sctp/outbound.h"

#include <algorithm>

namespace everframe::transport::sctp {

namespace {

constexpr std::uint8_t END = 1;
constexpr std::uint8_t BEGIN = 2;
constexpr std::uint8_t UNORDERED = 4;
constexpr std::size_t MTU = PACKET_SIZE_MAX;
constexpr std::size_t CWND_INITIAL = 10 * MTU;  // RFC 6928's argument
constexpr std::size_t CWND_MIN = 4 * MTU;
constexpr std::size_t CWND_MAX = 1 << 20;
constexpr std::uint16_t MISSES_TO_RESEND = 3;  // RFC 9260 section 7.2.4
constexpr Duration FORWARD_PACE_MIN = 20ms;
constexpr Duration CLOCK_GRANULARITY = 1ms;

}  // namespace

void Outbound::start(std::uint32_t initial_tsn, std::uint32_t peer_window) {
  next_tsn_ = UNWRAP_BASE + initial_tsn;
  cumulative_ = recovery_until_ = next_tsn_ - 1;
  cwnd_ = CWND_INITIAL;
  ssthresh_ = CWND_MAX;
  peer_window_ = peer_window;
}

SendOutcome Outbound::send(Message message) {
  if (!message.max_retransmits && !message.expires) {
    if (buffered_ + message.bytes.size() > SEND_BUFFER_MAX) return SendOutcome::QUEUE_FULL;
    buffered_ += message.bytes.size();
    reliable_.push_back(std::move(message));
    return SendOutcome::QUEUED;
  }
  fresh_.push_back(std::move(message));
  if (fresh_.size() <= FRESH_MAX) return SendOutcome::QUEUED;
  fresh_.pop_front();
  ++figures_.gave_way;
  return SendOutcome::REPLACED;
}

// ---- acknowledgements ----

bool Outbound::sack(const Chunk& chunk, Time now) {
  if (chunk.value.size() < 12) return false;
  const std::uint8_t* p = chunk.value.data();
  const std::uint64_t acked = unwrap(read_u32(p), cumulative_);
  if (acked >= next_tsn_) return false;  // acknowledges what was never sent
  if (acked < cumulative_) return true;  // overtaken by a newer one
  const bool advanced = acked > cumulative_;
  std::size_t newly_acked = 0;
  while (cumulative_ < acked) {
    newly_acked += acknowledge(sent_.front(), now);
    sent_.pop_front();
    ++cumulative_;
  }
  if (!acknowledge_gaps(chunk, acked, now, newly_acked)) return false;
  const std::uint32_t window = read_u32(p + 4);
  peer_window_ = window;
  if (newly_acked > 0 || advanced) timeouts_ = 0;
  after_ack(newly_acked, advanced, now);
  return true;
}

std::size_t Outbound::acknowledge(Sent& sent, Time now) {
  if (sent.state == Sent::State::ACKED) return 0;
  const std::size_t size = sent.bytes.size();
  if (sent.state == Sent::State::IN_FLIGHT) {
    flight_ -= size;
    if (sent.sends == 1) measure(now - sent.sent_at, now);  // Karn: never of a retransmitted one
  }
  if (sent.state == Sent::State::TO_RESEND) --resend_waiting_;
  if (!sent.max_retransmits && !sent.expires) buffered_ -= size;
  sent.state = Sent::State::ACKED;
  return size;
}

bool Outbound::acknowledge_gaps(const Chunk& chunk, std::uint64_t base, Time now, std::size_t& newly_acked) {
  const std::uint8_t* p = chunk.value.data();
  const std::size_t gaps = read_u16(p + 8);
  if (chunk.value.size() < 12 + 4 * gaps) return false;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < gaps; ++i) {
    const std::uint64_t first = base + read_u16(p + 12 + 4 * i);
    const std::uint64_t last = base + read_u16(p + 14 + 4 * i);
    if (first > last || first <= base || last >= next_tsn_) return false;
    for (std::uint64_t tsn = first; tsn <= last; ++tsn) newly_acked += acknowledge(at(tsn), now);
    highest = std::max(highest, last);
  }
  if (highest > 0) count_misses(highest, now);
  return true;
}

void Outbound::count_misses(std::uint64_t highest, Time now) {
  bool lost = false;
  for (std::uint64_t tsn = cumulative_ + 1; tsn < highest; ++tsn) {
    Sent& sent = at(tsn);
    if (sent.state != Sent::State::IN_FLIGHT || ++sent.misses < MISSES_TO_RESEND) continue;
    mark_lost(tsn, now);
    lost = true;
  }
  if (lost && cumulative_ >= recovery_until_) fast_recovery();
}

void Outbound::fast_recovery() {
  ssthresh_ = std::max(cwnd_ / 2, CWND_MIN);
  cwnd_ = ssthresh_;
  partial_acked_ = 0;
  recovery_until_ = next_tsn_ - 1;
}

void Outbound::after_ack(std::size_t newly_acked, bool advanced, Time now) {
  const bool used = flight_ + newly_acked + MTU >= cwnd_;  // grow only a window that was needed
  if (advanced && used && cumulative_ >= recovery_until_) {
    if (cwnd_ <= ssthresh_) {
      cwnd_ += std::min(newly_acked, MTU);
    } else if ((partial_acked_ += newly_acked) >= cwnd_) {
      partial_acked_ -= cwnd_;
      cwnd_ += MTU;
    }
    cwnd_ = std::min(cwnd_, CWND_MAX);
  }
  const bool waiting = flight_ > 0 || advanced_ack_point() > cumulative_;
  if (!waiting) {
    timer_.reset();
  } else if (advanced || newly_acked > 0 || !timer_) {
    timer_ = now + rto_;
  }
}

void Outbound::measure(Duration rtt, Time now) {
  rtt = std::max(rtt, CLOCK_GRANULARITY);
  if (srtt_ == Duration{}) {
    srtt_ = rtt_min_ = rtt;
    rttvar_ = rtt / 2;
  } else {
    const Duration error = rtt > srtt_ ? rtt - srtt_ : srtt_ - rtt;
    rttvar_ = (3 * rttvar_ + error) / 4;
    srtt_ = (7 * srtt_ + rtt) / 8;
    rtt_min_ = std::min(rtt_min_, rtt);
  }
  rto_ = std::clamp<Duration>(srtt_ + 4 * rttvar_, RTO_MIN, RTO_MAX);
  if (srtt_ > rtt_min_ + QUEUE_DELAY_MAX && now >= delay_checked_ + srtt_) {
    delay_checked_ = now;
    const auto target = static_cast<std::size_t>((rtt_min_ + QUEUE_DELAY_MAX).count());
    cwnd_ = std::max(CWND_MIN, cwnd_ * target / static_cast<std::size_t>(srtt_.count()));
    ssthresh_ = cwnd_;
  }
}

// ---- losses ----

void Outbound::mark_lost(std::uint64_t tsn, Time now) {
  Sent& sent = at(tsn);
  const bool give_up =
      (sent.max_retransmits && sent.sends > *sent.max_retransmits) || (sent.expires && now >= *sent.expires);
  if (give_up) return abandon_message(tsn);
  flight_ -= sent.bytes.size();
  sent.state = Sent::State::TO_RESEND;
  sent.misses = 0;
  ++resend_waiting_;
}

// All fragments of the message, also those not sent yet: a receiver must never wait for a part.
void Outbound::abandon_message(std::uint64_t tsn) {
  std::uint64_t first = tsn;
  while ((at(first).flags & BEGIN) == 0 && first > cumulative_ + 1) --first;
  for (std::uint64_t part = first; part < next_tsn_; ++part) {
    Sent& sent = at(part);
    if (sent.state == Sent::State::IN_FLIGHT) flight_ -= sent.bytes.size();
    if (sent.state == Sent::State::TO_RESEND) --resend_waiting_;
    if (sent.state != Sent::State::ACKED) {
      sent.state = Sent::State::ABANDONED;
      ++figures_.abandoned;
    }
    if ((sent.flags & END) != 0) break;
  }
}

void Outbound::retransmission_timeout(Time now) {
  timer_.reset();
  ++timeouts_;
  rto_ = std::min<Duration>(rto_ * 2, RTO_MAX);
  ssthresh_ = std::max(cwnd_ / 2, CWND_MIN);
  cwnd_ = MTU;
  partial_acked_ = 0;
  for (std::uint64_t tsn = cumulative_ + 1; tsn < next_tsn_; ++tsn) {
    if (at(tsn).state == Sent::State::IN_FLIGHT) mark_lost(tsn, now);
  }
  forwarded_at_ = Time{};  // say it again at once
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
  if (const auto due = forward_due(); due && *due <= now) return true;
  return (resend_waiting_ > 0 || !reliable_.empty() || !fresh_.empty()) && window_open();
}

bool Outbound::write(PacketWriter& writer, Time now) {
  const std::size_t before = writer.out().size();
  if (const auto due = forward_due(); due && *due <= now) write_forward_tsn(writer, now);
  bool more = write_resends(writer, now);
  while (more && window_open() && resend_waiting_ == 0) {
    // No fragment of another message may come between those of one (we do not use I-DATA, RFC 8260).
    if (reliable_started_ || fresh_.empty()) {
      if (reliable_.empty()) break;
      const std::size_t left = reliable_.front().bytes.size() - reliable_offset_;
      if (!writer.fits(DATA_HEADER_SIZE + std::min((left + 3) & ~std::size_t{3}, FRAGMENT_SIZE))) break;
      cut_reliable();
    } else {
      const std::size_t size = std::min(fresh_.front().bytes.size(), FRAGMENT_SIZE);
      if (!writer.fits(DATA_HEADER_SIZE + ((size + 3) & ~std::size_t{3}))) break;
      cut_fresh(now);
    }
    more = write_resends(writer, now);
  }
  return writer.out().size() > before;
}

// Writes what has a TSN and waits to be sent, the first time or again. False when the packet is full.
bool Outbound::write_resends(PacketWriter& writer, Time now) {
  for (std::size_t i = 0; i < sent_.size() && resend_waiting_ > 0 && window_open(); ++i) {
    Sent& sent = sent_[i];
    if (sent.state != Sent::State::TO_RESEND) continue;
    const std::uint64_t tsn = cumulative_ + 1 + i;
    if (sent.expires && now >= *sent.expires) {
      abandon_message(tsn);
      continue;
    }
    if (!writer.fits(DATA_HEADER_SIZE + ((sent.bytes.size() + 3) & ~std::size_t{3}))) return false;
    write_data(writer, sent, tsn);
    if (sent.sends++ > 0) ++figures_.retransmitted;
    ++figures_.chunks;
    sent.state = Sent::State::IN_FLIGHT;
    sent.sent_at = now;
    --resend_waiting_;
    flight_ += sent.bytes.size();
    if (!timer_) timer_ = now + rto_;
  }
  return true;
}

void Outbound::write_data(PacketWriter& writer, const Sent& sent, std::uint64_t tsn) {
  writer.open(ChunkType::DATA, sent.flags);
  Bytes& out = writer.out();
  put_u32(out, static_cast<std::uint32_t>(tsn));
  put_u16(out, sent.stream);
  put_u16(out, sent.ssn);
  put_u32(out, sent.ppid);
  out.insert(out.end(), sent.bytes.begin(), sent.bytes.end());
  writer.close();
}

std::uint16_t Outbound::ssn_of(const Message& message) {
  return message.ordered ? next_ssn_[message.stream]++ : std::uint16_t{0};
}

void Outbound::cut_reliable() {
  Message& message = reliable_.front();
  const std::uint16_t ssn = reliable_started_ && message.ordered
                                ? static_cast<std::uint16_t>(next_ssn_[message.stream] - 1)
                                : ssn_of(message);
  assign(message, reliable_offset_, ssn);
  reliable_offset_ += FRAGMENT_SIZE;
  reliable_started_ = reliable_offset_ < message.bytes.size();
  if (reliable_started_) return;
  reliable_.pop_front();
  reliable_offset_ = 0;
}

void Outbound::cut_fresh(Time now) {
  const Message message = std::move(fresh_.front());
  fresh_.pop_front();
  if (message.expires && now >= *message.expires) {
    ++figures_.gave_way;
    return;
  }
  const std::uint16_t ssn = ssn_of(message);
  for (std::size_t offset = 0; offset < message.bytes.size(); offset += FRAGMENT_SIZE)
    assign(message, offset, ssn);
}

void Outbound::assign(const Message& message, std::size_t offset, std::uint16_t ssn) {
  const std::size_t size = std::min(FRAGMENT_SIZE, message.bytes.size() - offset);
  const auto from = message.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
  Sent sent{};
  sent.stream = message.stream;
  sent.ssn = ssn;
  sent.ppid = message.ppid;
  sent.flags = static_cast<std::uint8_t>((offset == 0 ? BEGIN : 0) |
                                         (offset + size == message.bytes.size() ? END : 0) |
                                         (message.ordered ? 0 : UNORDERED));
  sent.bytes.assign(from, from + static_cast<std::ptrdiff_t>(size));
  sent.max_retransmits = message.max_retransmits;
  sent.expires = message.expires;
  sent.state = Sent::State::TO_RESEND;
  ++resend_waiting_;
  sent_.push_back(std::move(sent));
  ++next_tsn_;
}

bool Outbound::idle(std::uint16_t stream) const {
  const auto of_stream = [stream](const auto& message) { return message.stream == stream; };
  return std::none_of(reliable_.begin(), reliable_.end(), of_stream) &&
         std::none_of(fresh_.begin(), fresh_.end(), of_stream) &&
         std::none_of(sent_.begin(), sent_.end(), [&](const Sent& sent) {
           return sent.stream == stream &&
                  (sent.state == Sent::State::IN_FLIGHT || sent.state == Sent::State::TO_RESEND);
         });
}

}  // namespace everframe::transport::sctp
