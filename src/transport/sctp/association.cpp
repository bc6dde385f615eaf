#include "transport/sctp/association.h"

#include <algorithm>

namespace everframe::transport::sctp {

namespace {

constexpr std::size_t CONTROL_MAX =
    32;  // control chunks waiting to leave; more are dropped, as the path might
constexpr std::uint16_t STREAMS_ANNOUNCED = 65'535;  // RFC 8831 section 6.2; ours cost nothing until used
constexpr Duration HANDSHAKE_TIMEOUT = 300ms;

}  // namespace

Association::Association(Role role, std::size_t peer_message_max, Prng random)
    : role_(role), peer_message_max_(peer_message_max), next_own_stream_(role == Role::CLIENT ? 0 : 1) {
  own_tag_ = static_cast<std::uint32_t>(random.below(0xffffffff)) + 1;  // never 0
  own_tsn_ = static_cast<std::uint32_t>(random.next());
  cookie_secret_ = random.next();
  next_request_ = own_tsn_;
}

void Association::connect(Time now) {
  EF_ASSERT(state_ == State::IDLE);
  state_ = State::COOKIE_WAIT;
  handshake_timer_ = now;
}

// ---- packets in ----

void Association::receive(ByteView bytes, Time now) {
  if (state_ == State::CLOSED) return;
  const auto packet = read_packet(bytes);
  if (!packet) return;
  ByteView rest = packet->chunks;
  const bool init = !rest.empty() && rest[0] == static_cast<std::uint8_t>(ChunkType::INIT);
  if (packet->tag != (init ? 0 : own_tag_)) {
    // The reflected T bit (RFC 9260 section 8.5.1) is not needed: DTLS already proves who sent this.
    return;
  }
  while (state_ != State::CLOSED) {
    const auto chunk = next_chunk(rest);
    if (!chunk || !dispatch(*chunk, now)) break;
    if (init) break;  // an INIT stands alone
  }
  while (auto message = inbound_.next_message()) on_message(std::move(*message), now);
  if (waiting_reset_ && state_ == State::ESTABLISHED) {
    const Bytes again = *std::exchange(waiting_reset_, std::nullopt);
    ByteView params = again;
    if (const auto param = next_param(params)) on_outgoing_reset(*param, now);
  }
  if (state_ == State::ESTABLISHED) request_resets(now);
}

// False stops the rest of the packet.
bool Association::dispatch(const Chunk& chunk, Time now) {
  const auto type = static_cast<ChunkType>(chunk.type);
  const bool up = state_ == State::ESTABLISHED;
  switch (type) {
    case ChunkType::DATA:
      if (up && !inbound_.data(chunk, now)) abort("broken DATA");
      return up;
    case ChunkType::SACK:
      if (up && !outbound_.sack(chunk, now)) abort("broken SACK");
      return true;
    case ChunkType::FORWARD_TSN:
      if (up && !inbound_.forward_tsn(chunk, now)) abort("broken FORWARD-TSN");
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
      queue_control(ChunkType::HEARTBEAT_ACK, 0, Bytes(chunk.value.begin(), chunk.value.end()));
      return true;
    case ChunkType::RE_CONFIG:
      if (up) on_re_config(chunk, now);
      return true;
    case ChunkType::ABORT:
      end("the peer aborted");
      return false;
    case ChunkType::SHUTDOWN:
      queue_control(ChunkType::SHUTDOWN_ACK, 0, {});
      return true;
    case ChunkType::SHUTDOWN_COMPLETE:
      end("the peer shut down");
      return false;
    case ChunkType::SHUTDOWN_ACK:
    case ChunkType::HEARTBEAT_ACK:
    case ChunkType::ERROR:
      return true;
  }
  return on_unknown(chunk);
}

// RFC 9260 section 3.2: the two high bits say whether to go on and whether to report.
bool Association::on_unknown(const Chunk& chunk) {
  if ((chunk.type & 0x40) != 0) {
    Bytes cause;
    put_u16(cause, 6);  // unrecognized chunk type
    put_u16(cause, static_cast<std::uint16_t>(8 + chunk.value.size()));
    cause.push_back(chunk.type);
    cause.push_back(chunk.flags);
    put_u16(cause, static_cast<std::uint16_t>(4 + chunk.value.size()));
    cause.insert(cause.end(), chunk.value.begin(), chunk.value.end());
    queue_control(ChunkType::ERROR, 0, std::move(cause));
  }
  return (chunk.type & 0x80) != 0;
}

// ---- handshake ----

Bytes Association::cookie() const {
  // Behind DTLS and ICE a cookie proves nothing new: it only has to be ours, and to name this pair of tags.
  Bytes out;
  put_u32(out, static_cast<std::uint32_t>(cookie_secret_ >> 32));
  put_u32(out, static_cast<std::uint32_t>(cookie_secret_));
  return out;
}

void Association::on_init(const Chunk& chunk) {
  if (chunk.value.size() < 16) return;
  const std::uint8_t* p = chunk.value.data();
  const std::uint32_t tag = read_u32(p);
  if (tag == 0 || read_u16(p + 8) == 0 || read_u16(p + 10) == 0) return;
  if (state_ == State::ESTABLISHED && tag != peer_tag_) return end("the peer restarted its association");
  Bytes tail = cookie();
  put_u32(tail, tag);
  put_u32(tail, read_u32(p + 4));
  put_u32(tail, read_u32(p + 12));
  Bytes answer;
  put_param(answer, ParamType::STATE_COOKIE, tail);
  ByteView params = chunk.value.subspan(16);
  while (const auto param = next_param(params)) {
    const auto type = static_cast<ParamType>(param->type);
    if (type == ParamType::SUPPORTED_EXTENSIONS || type == ParamType::FORWARD_TSN_SUPPORTED) continue;
    if ((param->type & 0x4000) != 0 && answer.size() < 512)
      put_param(answer, ParamType::UNRECOGNIZED, param->whole);
    if ((param->type & 0x8000) == 0) break;
  }
  const std::uint32_t keep = std::exchange(peer_tag_, tag);
  write_init(ChunkType::INIT_ACK, answer);
  if (state_ == State::ESTABLISHED || state_ == State::COOKIE_ECHOED) peer_tag_ = keep;
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
  if (state_ != State::COOKIE_WAIT || chunk.value.size() < 16) return true;
  const std::uint8_t* p = chunk.value.data();
  const std::uint32_t tag = read_u32(p);
  ByteView params = chunk.value.subspan(16);
  while (const auto param = next_param(params)) {
    if (static_cast<ParamType>(param->type) != ParamType::STATE_COOKIE) continue;
    if (tag == 0 || param->value.size() > 900) return false;
    peer_cookie_.assign(param->value.begin(), param->value.end());
    peer_tag_ = tag;
    inbound_.start(read_u32(p + 12));
    outbound_.start(own_tsn_, read_u32(p + 4));
    peer_next_request_ = read_u32(p + 12);
    state_ = State::COOKIE_ECHOED;
    handshake_tries_ = 0;
    handshake_timer_ = now;
    return true;
  }
  return false;
}

bool Association::on_cookie_echo(const Chunk& chunk, Time now) {
  const Bytes mine = cookie();
  const bool ours =
      chunk.value.size() == mine.size() + 12 && std::equal(mine.begin(), mine.end(), chunk.value.begin());
  if (!ours) return false;
  const std::uint8_t* p = chunk.value.data() + mine.size();
  const PeerInit peer{read_u32(p), read_u32(p + 4), read_u32(p + 8)};
  if (state_ == State::ESTABLISHED && peer.tag != peer_tag_) return false;
  if (state_ != State::ESTABLISHED) {
    if (state_ != State::COOKIE_ECHOED) {
      peer_tag_ = peer.tag;
      inbound_.start(peer.tsn);
      outbound_.start(own_tsn_, peer.window);
      peer_next_request_ = peer.tsn;
    }
    established(now);
  }
  queue_control(ChunkType::COOKIE_ACK, 0, {});
  return true;
}

void Association::established(Time now) {
  state_ = State::ESTABLISHED;
  handshake_timer_.reset();
  peer_cookie_.clear();
  events_.emplace_back(ConnectedEvent{});
  request_resets(now);
  for (const auto& [stream, channel] : channels_) send_open(stream, channel);
}

// ---- timers ----

std::optional<Time> Association::next_timeout() const {
  std::optional<Time> next;
  const auto consider = [&next](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  if (state_ == State::CLOSED) return next;
  consider(handshake_timer_);
  if (state_ != State::ESTABLISHED) return next;
  consider(outbound_.timeout());
  consider(outbound_.forward_due());
  consider(inbound_.sack_due());
  consider(reset_timer_);
  return next;
}

void Association::advance(Time now) {
  if (handshake_timer_ && *handshake_timer_ <= now) {
    if (++handshake_tries_ > HANDSHAKE_TRIES_MAX) return end("the SCTP handshake was not answered");
    handshake_timer_ = now + HANDSHAKE_TIMEOUT;
    if (state_ == State::COOKIE_WAIT) write_init(ChunkType::INIT, {});
    if (state_ == State::COOKIE_ECHOED) queue_control(ChunkType::COOKIE_ECHO, 0, peer_cookie_);
  }
  if (state_ != State::ESTABLISHED) return;
  if (outbound_.timeout() && *outbound_.timeout() <= now) outbound_.retransmission_timeout(now);
  if (outbound_.gave_up()) return end("the peer acknowledges nothing");
  if (reset_timer_ && *reset_timer_ <= now) reset_timer_.reset();
  request_resets(now);
}

// ---- packets out ----

void Association::queue_control(ChunkType type, std::uint8_t flags, Bytes value) {
  if (control_.size() >= CONTROL_MAX) return;
  control_.push_back({type, flags, std::move(value), type == ChunkType::INIT ? 0 : peer_tag_});
}

bool Association::poll(Bytes& packet, Time now) {
  const bool up = state_ == State::ESTABLISHED;
  const bool data = up && outbound_.wants_to_write(now);
  if (control_.empty() && !data && !(up && inbound_.wants_sack(now))) return false;
  const std::uint32_t tag = control_.empty() ? peer_tag_ : control_.front().tag;
  PacketWriter writer(packet, PORT, tag);
  // Control chunks come before DATA: usrsctp aborts otherwise. INIT and INIT ACK stand alone (RFC 9260
  // section 6.10).
  bool alone = false;
  while (!control_.empty() && !alone) {
    const Control& control = control_.front();
    alone = control.type == ChunkType::INIT || control.type == ChunkType::INIT_ACK;
    if (control.tag != tag || (alone && !writer.empty())) break;
    if (!writer.empty() && !writer.fits(CHUNK_HEADER_SIZE + control.value.size() + 3)) break;
    writer.open(control.type, control.flags);
    writer.out().insert(writer.out().end(), control.value.begin(), control.value.end());
    writer.close();
    control_.pop_front();
  }
  if (up && !alone && tag == peer_tag_) {
    if (inbound_.may_sack() && writer.fits(256)) inbound_.write_sack(writer);
    outbound_.write(writer, now);
  }
  if (writer.empty()) return false;
  writer.finish();
  return true;
}

// ---- channels ----

Result<ChannelId> Association::open(ChannelOptions options, Time) {
  if (state_ == State::CLOSED) return fail("the association is closed");
  if (options.label.size() > LABEL_MAX || options.protocol.size() > LABEL_MAX) {
    return fail("a channel's label and protocol have at most {} bytes", LABEL_MAX);
  }
  if (options.max_retransmits && options.lifetime_ms) {
    return fail("a channel has a limit of retransmits or a lifetime, not both");
  }
  while (channels_.contains(next_own_stream_))
    next_own_stream_ = static_cast<std::uint16_t>(next_own_stream_ + 2);
  if (channels_.size() >= CHANNELS_MAX) return fail("{} channels are open, the most allowed", CHANNELS_MAX);
  const std::uint16_t stream = next_own_stream_;
  const auto& channel = channels_.emplace(stream, Channel{std::move(options)}).first->second;
  if (state_ == State::ESTABLISHED) send_open(stream, channel);
  return ChannelId{stream};
}

std::optional<Event> Association::next_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Association::abort(std::string reason) {
  if (state_ == State::CLOSED) return;
  control_.clear();
  queue_control(ChunkType::ABORT, 0, {});
  end(std::move(reason));
}

void Association::end(std::string reason) {
  if (state_ == State::CLOSED) return;
  state_ = State::CLOSED;
  events_.emplace_back(ClosedEvent{std::move(reason)});
}

}  // namespace everframe::transport::sctp
