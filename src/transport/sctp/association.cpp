#include "transport/sctp/association.h"

#include <algorithm>

namespace everframe::transport::sctp {

namespace {

constexpr std::size_t CONTROL_MAX =
    32;  // control chunks waiting to leave; more are dropped, as the path might
constexpr std::uint16_t STREAMS_ANNOUNCED = 65'535;  // RFC 8831 section 6.2; ours cost nothing until used
constexpr std::size_t COOKIE_MAX = 900;              // bytes: COOKIE ECHO must fit into a packet
constexpr std::size_t ECHO_MAX = 1'000;              // bytes that a heartbeat or an unknown chunk gets back
constexpr std::size_t UNKNOWN_PARAMS_MAX = 512;      // bytes of them that an INIT ACK reports
constexpr std::size_t SACK_ROOM = 256;               // less is not worth a SACK: the next packet has one
constexpr std::size_t INIT_SIZE = 16;
constexpr std::uint16_t UNRECOGNIZED_CHUNK = 6;  // an error cause
constexpr Duration HANDSHAKE_TIMEOUT = 300ms;    // DTLS has just shown that the path is alive
constexpr Duration HANDSHAKE_TIMEOUT_MAX = 2s;
constexpr Duration SHUTDOWN_TIMEOUT = 500ms;

bool begins_with(ByteView chunks, ChunkType type) {
  return !chunks.empty() && chunks[0] == static_cast<std::uint8_t>(type);
}

}  // namespace

Association::Association(Role role, std::size_t peer_message_max, Prng random)
    : role_(role), peer_message_max_(peer_message_max), next_own_stream_(role == Role::CLIENT ? 0 : 1) {
  own_tag_ = static_cast<std::uint32_t>(random.below(0xffffffff)) + 1;  // never 0
  own_tsn_ = static_cast<std::uint32_t>(random.next());
  cookie_secret_ = random.next();
  next_request_ = own_tsn_;
}

void Association::connect(Time now) {
  if (state_ != State::IDLE) return;  // the peer was faster
  state_ = State::COOKIE_WAIT;
  try_handshake(now);
}

// ---- packets in ----

void Association::receive(ByteView bytes, Time now) {
  const auto packet = read_packet(bytes);
  const bool init = packet && begins_with(packet->chunks, ChunkType::INIT);
  // The reflected T bit (RFC 9260 section 8.5.1) is not needed: DTLS already proves who sent this.
  if (!packet || packet->tag != (init ? 0 : own_tag_)) {
    ++figures_.bad_packets;
    return;
  }
  ++figures_.packets_in;
  ByteView rest = packet->chunks;
  if (state_ == State::CLOSED) {
    // The answer to its SHUTDOWN was lost; without one it would try for seconds.
    if (begins_with(rest, ChunkType::SHUTDOWN)) queue_control(ChunkType::SHUTDOWN_ACK, 0, {});
    return;
  }
  while (state_ != State::CLOSED) {
    const auto chunk = next_chunk(rest);
    if (!chunk || !dispatch(*chunk, now)) break;
    if (init) break;  // an INIT stands alone
  }
  if (up()) after_packet(now);
}

void Association::after_packet(Time now) {
  inbound_.end_packet(now);
  while (auto message = inbound_.next_message()) on_message(std::move(*message), now);
  if (waiting_reset_ && inbound_.has_all_up_to(read_u32(waiting_reset_->data() + 8))) {
    const Bytes request = *std::exchange(waiting_reset_, std::nullopt);
    perform_reset(request, now);
    answer_reset(read_u32(request.data()), 1);
  }
  request_resets(now);
  progress_shutdown(now);
}

// False stops the rest of the packet.
bool Association::dispatch(const Chunk& chunk, Time now) {
  const auto type = static_cast<ChunkType>(chunk.type);
  switch (type) {
    case ChunkType::DATA:
      if (up() && !inbound_.data(chunk, now)) abort("the peer sent broken DATA");
      return up();
    case ChunkType::SACK:
      if (up() && !outbound_.sack(chunk, now)) abort("the peer sent a broken SACK");
      return true;
    case ChunkType::FORWARD_TSN:
      if (up() && !inbound_.forward_tsn(chunk, now)) abort("the peer sent a broken FORWARD-TSN");
      return true;
    case ChunkType::INIT:
      on_init(chunk);
      return false;
    case ChunkType::INIT_ACK:
      return on_init_ack(chunk, now);
    case ChunkType::COOKIE_ECHO:
      return on_cookie_echo(chunk, now);
    case ChunkType::COOKIE_ACK:
      if (state_ == State::COOKIE_ECHOED) established(now);
      return true;
    case ChunkType::HEARTBEAT:
      if (chunk.value.size() <= ECHO_MAX)
        queue_control(ChunkType::HEARTBEAT_ACK, 0, Bytes(chunk.value.begin(), chunk.value.end()));
      return true;
    case ChunkType::RE_CONFIG:
      if (up()) on_re_config(chunk, now);
      return true;
    case ChunkType::ABORT:
      end("the peer aborted");
      return false;
    case ChunkType::SHUTDOWN:
      on_shutdown(chunk, now);
      return false;
    case ChunkType::SHUTDOWN_ACK:
      if (state_ != State::SHUTTING_DOWN) return true;
      queue_control(ChunkType::SHUTDOWN_COMPLETE, 0, {});
      end(shutdown_reason_);
      return false;
    case ChunkType::SHUTDOWN_COMPLETE:
    case ChunkType::HEARTBEAT_ACK:
    case ChunkType::ERROR:
      return true;
  }
  return on_unknown(chunk);
}

// RFC 9260 section 3.2: the two high bits say whether to go on and whether to report.
bool Association::on_unknown(const Chunk& chunk) {
  if ((chunk.type & 0x40) != 0) {
    const ByteView echo = chunk.value.first(std::min(chunk.value.size(), ECHO_MAX));
    const auto size = static_cast<std::uint16_t>(CHUNK_HEADER_SIZE + echo.size());
    Bytes cause;
    put_u16(cause, UNRECOGNIZED_CHUNK);
    put_u16(cause, static_cast<std::uint16_t>(4 + size));
    cause.push_back(chunk.type);
    cause.push_back(chunk.flags);
    put_u16(cause, size);
    cause.insert(cause.end(), echo.begin(), echo.end());
    queue_control(ChunkType::ERROR, 0, std::move(cause));
  }
  return (chunk.type & 0x80) != 0;
}

// ---- handshake ----

Bytes Association::cookie() const {
  // Behind DTLS and ICE a cookie proves nothing new: it only has to be ours.
  Bytes out;
  put_u32(out, static_cast<std::uint32_t>(cookie_secret_ >> 32));
  put_u32(out, static_cast<std::uint32_t>(cookie_secret_));
  return out;
}

void Association::on_init(const Chunk& chunk) {
  if (chunk.value.size() < INIT_SIZE) return;
  const std::uint8_t* p = chunk.value.data();
  const std::uint32_t tag = read_u32(p);
  if (tag == 0 || read_u16(p + 8) == 0 || read_u16(p + 10) == 0) return;
  if (up() && tag != peer_tag_) {
    peer_tag_ = tag;
    return abort("the peer started its association over");
  }
  bool partial = false;
  Bytes unknown;
  ByteView params = chunk.value.subspan(INIT_SIZE);
  while (const auto param = next_param(params)) {
    const auto type = static_cast<ParamType>(param->type);
    if (type == ParamType::FORWARD_TSN_SUPPORTED) partial = true;
    if (type == ParamType::SUPPORTED_EXTENSIONS || type == ParamType::FORWARD_TSN_SUPPORTED) continue;
    if ((param->type & 0x4000) != 0 && unknown.size() + param->whole.size() < UNKNOWN_PARAMS_MAX)
      put_param(unknown, ParamType::UNRECOGNIZED, param->whole);
    if ((param->type & 0x8000) == 0) break;
  }
  Bytes tail = cookie();
  put_u32(tail, tag);
  put_u32(tail, read_u32(p + 4));
  put_u32(tail, read_u32(p + 12));
  put_u16(tail, read_u16(p + 10));
  put_u16(tail, partial ? 1 : 0);
  Bytes answer;
  put_param(answer, ParamType::STATE_COOKIE, tail);
  answer.insert(answer.end(), unknown.begin(), unknown.end());
  const std::uint32_t keep = std::exchange(peer_tag_, tag);
  write_init(ChunkType::INIT_ACK, answer);
  if (up() || state_ == State::COOKIE_ECHOED) peer_tag_ = keep;
}

void Association::write_init(ChunkType type, const Bytes& tail) {
  Bytes value;
  put_u32(value, own_tag_);
  put_u32(value, static_cast<std::uint32_t>(RECEIVE_WINDOW));
  put_u16(value, STREAMS_ANNOUNCED);
  put_u16(value, STREAMS_ANNOUNCED);
  put_u32(value, own_tsn_);
  put_param(value, ParamType::FORWARD_TSN_SUPPORTED, {});
  const std::uint8_t extensions[] = {static_cast<std::uint8_t>(ChunkType::RE_CONFIG),
                                     static_cast<std::uint8_t>(ChunkType::FORWARD_TSN)};
  put_param(value, ParamType::SUPPORTED_EXTENSIONS, extensions);
  value.insert(value.end(), tail.begin(), tail.end());
  queue_control(type, 0, std::move(value));
}

bool Association::on_init_ack(const Chunk& chunk, Time now) {
  if (state_ != State::COOKIE_WAIT || chunk.value.size() < INIT_SIZE) return true;
  const std::uint8_t* p = chunk.value.data();
  const std::uint32_t tag = read_u32(p);
  PeerInit peer{tag, read_u32(p + 4), read_u32(p + 12), read_u16(p + 10), false};
  Bytes echo;
  ByteView params = chunk.value.subspan(INIT_SIZE);
  while (const auto param = next_param(params)) {
    const auto type = static_cast<ParamType>(param->type);
    if (type == ParamType::FORWARD_TSN_SUPPORTED) peer.partial = true;
    if (type == ParamType::STATE_COOKIE) echo.assign(param->value.begin(), param->value.end());
  }
  if (tag == 0 || echo.empty() || echo.size() > COOKIE_MAX) return false;
  peer_cookie_ = std::move(echo);
  begin(peer);
  state_ = State::COOKIE_ECHOED;
  handshake_tries_ = 0;
  try_handshake(now);
  return true;
}

bool Association::on_cookie_echo(const Chunk& chunk, Time now) {
  const Bytes mine = cookie();
  const bool ours = chunk.value.size() == mine.size() + INIT_SIZE &&
                    std::equal(mine.begin(), mine.end(), chunk.value.begin());
  if (!ours) return false;
  const std::uint8_t* p = chunk.value.data() + mine.size();
  const PeerInit peer{read_u32(p), read_u32(p + 4), read_u32(p + 8), read_u16(p + 12), p[15] == 1};
  if (up() && peer.tag != peer_tag_) return false;
  if (!up()) {
    // In a collision of two INITs we may know the peer already: RFC 9260 section 5.2.4, cases B and D.
    if (state_ != State::COOKIE_ECHOED || peer.tag != peer_tag_) begin(peer);
    established(now);
  }
  queue_control(ChunkType::COOKIE_ACK, 0, {});
  return true;
}

void Association::begin(const PeerInit& peer) {
  peer_tag_ = peer.tag;
  peer_streams_ = peer.streams;
  peer_next_request_ = peer.tsn;
  inbound_.start(peer.tsn);
  outbound_.start(own_tsn_, peer.window, peer.partial);
}

void Association::established(Time now) {
  state_ = State::ESTABLISHED;
  handshake_timer_.reset();
  peer_cookie_.clear();
  events_.push_back(ConnectedEvent{});
  for (const Channel& channel : channels_) send_open(channel);
  if (!shutdown_reason_.empty()) shutdown(std::move(shutdown_reason_), now);
}

// ---- ending ----

void Association::shutdown(std::string reason, Time now) {
  if (state_ == State::CLOSED || state_ == State::SHUTTING_DOWN) return;
  if (state_ != State::ESTABLISHED) return abort(std::move(reason));  // nothing was sent yet
  shutdown_reason_ = std::move(reason);
  state_ = State::SHUTTING_DOWN;
  progress_shutdown(now);
}

// When all is acknowledged, SHUTDOWN; again until it is answered.
void Association::progress_shutdown(Time now) {
  if (state_ != State::SHUTTING_DOWN || !outbound_.idle()) return;
  if (shutdown_timer_ && *shutdown_timer_ > now) return;
  if (++shutdown_tries_ > SHUTDOWN_TRIES_MAX) return end(shutdown_reason_);
  shutdown_timer_ = now + SHUTDOWN_TIMEOUT;
  Bytes value;
  put_u32(value, inbound_.cumulative_tsn());
  queue_control(ChunkType::SHUTDOWN, 0, std::move(value));
}

// Whoever shuts down has all its messages acknowledged, and has no use for ours any more.
void Association::on_shutdown(const Chunk& chunk, Time now) {
  if (!up()) return;
  if (chunk.value.size() == 4) outbound_.cumulative_ack(read_u32(chunk.value.data()), now);
  while (auto message = inbound_.next_message()) on_message(std::move(*message), now);
  queue_control(ChunkType::SHUTDOWN_ACK, 0, {});
  end("the peer shut down");
}

void Association::abort(std::string reason) {
  if (state_ == State::CLOSED) return;
  control_.clear();
  if (peer_tag_ != 0) queue_control(ChunkType::ABORT, 0, {});
  end(std::move(reason));
}

void Association::end(std::string reason) {
  if (state_ == State::CLOSED) return;
  state_ = State::CLOSED;
  events_.push_back(ClosedEvent{std::move(reason)});
}

// ---- timers ----

std::optional<Time> Association::next_timeout() const {
  std::optional<Time> next;
  const auto consider = [&next](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  if (state_ == State::CLOSED) return next;
  consider(handshake_timer_);
  if (!up()) return next;
  consider(outbound_.timeout());
  consider(outbound_.forward_due());
  consider(inbound_.sack_due());
  consider(reset_timer_);
  consider(shutdown_timer_);
  return next;
}

void Association::try_handshake(Time now) {
  if (++handshake_tries_ > HANDSHAKE_TRIES_MAX) return end("the SCTP handshake was not answered");
  const auto doubled = HANDSHAKE_TIMEOUT * (1 << std::min(handshake_tries_ - 1, 8U));
  handshake_timer_ = now + std::min<Duration>(doubled, HANDSHAKE_TIMEOUT_MAX);
  if (state_ == State::COOKIE_WAIT) write_init(ChunkType::INIT, {});
  if (state_ == State::COOKIE_ECHOED) queue_control(ChunkType::COOKIE_ECHO, 0, peer_cookie_);
}

void Association::advance(Time now) {
  if (state_ == State::CLOSED) return;
  if (handshake_timer_ && *handshake_timer_ <= now) try_handshake(now);
  if (!up()) return;
  if (outbound_.timeout() && *outbound_.timeout() <= now) outbound_.retransmission_timeout(now);
  if (outbound_.gave_up()) return end("the peer acknowledges nothing");
  if (reset_timer_ && *reset_timer_ <= now) reset_timer_.reset();
  request_resets(now);
  progress_shutdown(now);
}

// ---- packets out ----

void Association::queue_control(ChunkType type, std::uint8_t flags, Bytes value) {
  if (control_.size() >= CONTROL_MAX) {
    ++figures_.control_dropped;
    return;
  }
  control_.push_back({type, flags, std::move(value), type == ChunkType::INIT ? 0 : peer_tag_});
}

bool Association::poll(Bytes& packet, Time now, std::size_t headroom) {
  const bool data = up() && outbound_.wants_to_write(now);
  if (control_.empty() && !data && !(up() && inbound_.wants_sack(now))) return false;
  const std::uint32_t tag = control_.empty() ? peer_tag_ : control_.front().tag;
  PacketWriter writer(packet, PORT, tag, headroom);
  // Control chunks come before DATA: usrsctp aborts otherwise. INIT and INIT ACK stand alone (RFC 9260
  // section 6.10).
  bool alone = false;
  while (!control_.empty() && !alone) {
    const Control& control = control_.front();
    alone = control.type == ChunkType::INIT || control.type == ChunkType::INIT_ACK;
    if (control.tag != tag || (alone && !writer.empty())) break;
    if (!writer.fits(CHUNK_HEADER_SIZE + padded(control.value.size()))) break;
    writer.open(control.type, control.flags);
    writer.out().insert(writer.out().end(), control.value.begin(), control.value.end());
    writer.close();
    control_.pop_front();
  }
  if (up() && !alone && tag == peer_tag_) {
    if (inbound_.may_sack() && writer.fits(SACK_ROOM)) inbound_.write_sack(writer);
    outbound_.write(writer, now);
  }
  if (writer.empty()) return false;
  writer.finish();
  ++figures_.packets_out;
  return true;
}

std::optional<Event> Association::next_event() {
  if (events_.empty()) return std::nullopt;
  return events_.pop_front();
}

}  // namespace everframe::transport::sctp
