// The association's data channels: establishment (RFC 8832), messages (RFC 8831), closing by stream reset
// (RFC 6525).
#include <algorithm>

#include <utility>

#include "transport/sctp/association.h"

namespace everframe::transport::sctp {

namespace {

enum class Ppid : std::uint32_t {
  CONTROL = 50,
  STRING = 51,
  BINARY = 53,
  STRING_EMPTY = 56,
  BINARY_EMPTY = 57
};

constexpr std::uint8_t DCEP_ACK = 2;
constexpr std::uint8_t DCEP_OPEN = 3;
constexpr std::uint8_t UNORDERED_BIT = 0x80;
constexpr std::uint8_t BY_RETRANSMITS = 1;
constexpr std::uint8_t BY_LIFETIME = 2;
constexpr std::size_t OPEN_HEADER_SIZE = 12;

// Results of a reset request: RFC 6525 section 4.4.
constexpr std::uint32_t NOTHING_TO_DO = 0;
constexpr std::uint32_t PERFORMED = 1;
constexpr std::uint32_t BAD_SEQUENCE = 5;
constexpr std::uint32_t IN_PROGRESS = 6;
constexpr Duration RESET_TIMEOUT = 500ms;

std::optional<ChannelOptions> read_open(ByteView message) {
  if (message.size() < OPEN_HEADER_SIZE) return std::nullopt;
  const std::size_t label = read_u16(message.data() + 8);
  const std::size_t protocol = read_u16(message.data() + 10);
  if (label > LABEL_MAX || protocol > LABEL_MAX || message.size() != OPEN_HEADER_SIZE + label + protocol) {
    return std::nullopt;
  }
  ChannelOptions options;
  options.label = chars_of(message.subspan(OPEN_HEADER_SIZE, label));
  options.protocol = chars_of(message.subspan(OPEN_HEADER_SIZE + label));
  const std::uint8_t kind = message[1];
  options.ordered = (kind & UNORDERED_BIT) == 0;
  const auto limit =
      static_cast<std::uint16_t>(std::min<std::uint32_t>(read_u32(message.data() + 4), 0xffff));
  switch (kind & ~UNORDERED_BIT) {
    case 0:
      break;
    case BY_RETRANSMITS:
      options.max_retransmits = limit;
      break;
    case BY_LIFETIME:
      options.lifetime_ms = limit;
      break;
    default:
      return std::nullopt;
  }
  return options;
}

Bytes write_open(const ChannelOptions& options) {
  std::uint8_t kind = options.ordered ? 0 : UNORDERED_BIT;
  std::uint32_t limit = 0;
  if (options.max_retransmits) kind |= BY_RETRANSMITS, limit = *options.max_retransmits;
  if (options.lifetime_ms) kind |= BY_LIFETIME, limit = *options.lifetime_ms;
  Bytes out = {DCEP_OPEN, kind};
  put_u16(out, 0);  // priority: RFC 8831 section 6.4 leaves its use to us
  put_u32(out, limit);
  put_u16(out, static_cast<std::uint16_t>(options.label.size()));
  put_u16(out, static_cast<std::uint16_t>(options.protocol.size()));
  out.insert(out.end(), options.label.begin(), options.label.end());
  out.insert(out.end(), options.protocol.begin(), options.protocol.end());
  return out;
}

Outbound::Message control_message(std::uint16_t stream, Bytes bytes) {
  Outbound::Message message;
  message.stream = stream;
  message.ppid = static_cast<std::uint32_t>(Ppid::CONTROL);
  message.bytes = std::move(bytes);
  message.establishes = true;
  return message;
}

}  // namespace

Association::Channel* Association::channel_of(std::uint16_t stream) {
  for (Channel& channel : channels_) {
    if (channel.stream == stream) return &channel;
  }
  return nullptr;
}

Association::Channel& Association::add_channel(std::uint16_t stream, ChannelOptions options,
                                               Channel::State state) {
  return channels_.emplace_back(stream, state, std::move(options));
}

void Association::send_open(const Channel& channel) {
  outbound_.send(control_message(channel.stream, write_open(channel.options)));
}

Result<ChannelId> Association::open(ChannelOptions options, Time) {
  if (state_ == State::CLOSED || state_ == State::SHUTTING_DOWN) return fail("the association is closed");
  if (options.label.size() > LABEL_MAX || options.protocol.size() > LABEL_MAX) {
    return fail("a channel's label and protocol have at most {} bytes", LABEL_MAX);
  }
  if (options.max_retransmits && options.lifetime_ms) {
    return fail("a channel has a limit of retransmits or a lifetime, not both");
  }
  if (channels_.size() >= CHANNELS_MAX) return fail("{} channels are open, the most allowed", CHANNELS_MAX);
  while (channel_of(next_own_stream_) != nullptr) {
    next_own_stream_ = static_cast<std::uint16_t>(next_own_stream_ + 2);
  }
  const std::uint16_t stream = next_own_stream_;
  if (stream >= peer_streams_) return fail("the peer takes {} streams only", peer_streams_);
  const Channel& channel = add_channel(stream, std::move(options), Channel::State::OPENING);
  if (state_ == State::ESTABLISHED) send_open(channel);
  return ChannelId{stream};
}

SendOutcome Association::send(ChannelId id, ByteView message, bool binary, Time now) {
  const Channel* const to = channel_of(raw(id));
  if (state_ != State::ESTABLISHED || to == nullptr || to->state == Channel::State::CLOSING)
    return SendOutcome::CLOSED;
  const Channel& channel = *to;
  if (message.size() > peer_message_max_) return SendOutcome::TOO_LARGE;
  Ppid ppid = binary ? Ppid::BINARY : Ppid::STRING;
  constexpr std::uint8_t NOTHING[] = {0};
  if (message.empty()) {  // SCTP has no empty messages: RFC 8831 section 6.6
    ppid = binary ? Ppid::BINARY_EMPTY : Ppid::STRING_EMPTY;
    message = NOTHING;
  }
  // Until the peer has confirmed the channel, an unordered message might overtake the OPEN (RFC 8832 section
  // 6).
  const bool ordered = channel.ordered || channel.state == Channel::State::OPENING;
  Outbound::Message out;
  out.stream = raw(id);
  out.ppid = static_cast<std::uint32_t>(ppid);
  out.bytes.assign(message.begin(), message.end());
  out.ordered = ordered;
  out.max_retransmits = channel.max_retransmits;
  if (channel.lifetime_ms) out.expires = now + std::chrono::milliseconds(*channel.lifetime_ms);
  out.queued = now;
  return outbound_.send(std::move(out));
}

void Association::on_message(InboundMessage message, Time now) {
  if (state_ == State::CLOSED) return;
  const auto ppid = static_cast<Ppid>(message.ppid);
  if (ppid == Ppid::CONTROL) return on_control(message.stream, message.bytes, now);
  if (channel_of(message.stream) == nullptr) return;  // of a channel that we have just closed
  const bool empty = ppid == Ppid::STRING_EMPTY || ppid == Ppid::BINARY_EMPTY;
  if (!empty && ppid != Ppid::STRING && ppid != Ppid::BINARY) return;
  if (empty) message.bytes.clear();
  const bool binary = ppid == Ppid::BINARY || ppid == Ppid::BINARY_EMPTY;
  events_.push_back(MessageEvent{ChannelId{message.stream}, std::move(message.bytes), binary});
}

void Association::on_control(std::uint16_t stream, ByteView message, Time now) {
  if (message.empty()) return;
  if (message[0] == DCEP_OPEN) return on_open(stream, message, now);
  Channel* const channel = channel_of(stream);
  if (message[0] != DCEP_ACK || channel == nullptr || channel->state != Channel::State::OPENING) return;
  channel->state = Channel::State::OPEN;
  events_.push_back(ChannelEvent{ChannelId{stream}, channel->options});
}

void Association::on_open(std::uint16_t stream, ByteView message, Time now) {
  if (channel_of(stream) != nullptr) return;
  auto options = read_open(message);
  const bool theirs = (stream % 2 == 0) == (role_ == Role::SERVER);
  if (channels_.size() >= CHANNELS_MAX) {
    const bool known = std::find(refused_.begin(), refused_.end(), stream) != refused_.end();
    if (!known && refused_.size() < CHANNELS_MAX) refused_.push_back(stream);
    resets_wanted_ = true;
    return request_resets(now);
  }
  if (!options || !theirs) {  // RFC 8832 section 5.1: a wrong OPEN closes that channel, not the association
    add_channel(stream, {}, Channel::State::CLOSING).announced = false;
    resets_wanted_ = true;
    return request_resets(now);
  }
  const Channel& channel = add_channel(stream, std::move(*options), Channel::State::OPEN);
  outbound_.send(control_message(stream, {DCEP_ACK}));
  events_.push_back(ChannelEvent{ChannelId{stream}, channel.options});
}

// ---- closing ----

void Association::close(ChannelId id, Time now) {
  Channel* const channel = channel_of(raw(id));
  if (channel == nullptr || channel->state == Channel::State::CLOSING) return;
  channel->state = Channel::State::CLOSING;
  resets_wanted_ = true;
  if (up()) request_resets(now);
}

// Asks for (or asks again for) the reset of closing streams that have nothing left to send. One request at a
// time.
void Association::request_resets(Time now) {
  if (!resets_wanted_) return;
  if (!reset_) {
    Reset reset{next_request_, std::exchange(refused_, {})};
    resets_wanted_ = false;
    for (Channel& channel : channels_) {
      if (channel.state != Channel::State::CLOSING || channel.reset_sent) continue;
      channel.reset_sent = outbound_.idle(channel.stream);
      channel.reset_sent ? reset.streams.push_back(channel.stream) : static_cast<void>(resets_wanted_ = true);
    }
    if (reset.streams.empty()) return;
    ++next_request_;
    reset_ = std::move(reset);
    resets_wanted_ = true;
    reset_timer_.reset();
  }
  if (reset_timer_) return;
  reset_timer_ = now + RESET_TIMEOUT;
  Bytes value;
  put_u32(value, reset_->request);
  put_u32(value, peer_next_request_ - 1);
  put_u32(value, outbound_.last_assigned_tsn());
  for (const std::uint16_t stream : reset_->streams) put_u16(value, stream);
  Bytes param;
  put_param(param, ParamType::OUTGOING_RESET, value);
  queue_control(ChunkType::RE_CONFIG, 0, std::move(param));
}

void Association::on_re_config(const Chunk& chunk, Time now) {
  ByteView params = chunk.value;
  while (const auto param = next_param(params)) {
    if (static_cast<ParamType>(param->type) == ParamType::OUTGOING_RESET) on_outgoing_reset(*param, now);
    if (static_cast<ParamType>(param->type) == ParamType::RECONFIG_RESPONSE) on_reset_answer(*param);
  }
}

void Association::on_outgoing_reset(const Param& param, Time now) {
  if (param.value.size() < 12) return;
  const std::uint8_t* p = param.value.data();
  const std::uint32_t request = read_u32(p);
  // What is in progress is asked for again: with the same number by RFC 6525 section 5.2.7 (usrsctp), or with
  // the next one by dcSCTP (libwebrtc), which then waits for the answer to that.
  if (waiting_reset_ && request == peer_next_request_ + 1) ++peer_next_request_;
  if (request == peer_next_request_ - 1) return answer_reset(request, NOTHING_TO_DO);  // our answer was lost
  if (request != peer_next_request_) return answer_reset(request, BAD_SEQUENCE);
  if (!inbound_.has_all_up_to(read_u32(p + 8))) {
    waiting_reset_ = Bytes(param.value.begin(), param.value.end());
    return answer_reset(request, IN_PROGRESS);
  }
  waiting_reset_.reset();
  perform_reset(param.value, now);
  answer_reset(request, PERFORMED);
}

void Association::perform_reset(ByteView request, Time now) {
  ++peer_next_request_;
  for (std::size_t i = 12; i + 2 <= request.size(); i += 2) {
    const std::uint16_t stream = read_u16(request.data() + i);
    inbound_.reset_stream(stream);
    Channel* const channel = channel_of(stream);
    if (channel == nullptr) continue;
    channel->reset_received = true;
    channel->state = Channel::State::CLOSING;  // RFC 8831 section 6.7: we close our direction too
    resets_wanted_ = true;
    drop_channel_if_closed(stream);
  }
  request_resets(now);
}

void Association::answer_reset(std::uint32_t request, std::uint32_t outcome) {
  Bytes value;
  put_u32(value, request);
  put_u32(value, outcome);
  Bytes answer;
  put_param(answer, ParamType::RECONFIG_RESPONSE, value);
  queue_control(ChunkType::RE_CONFIG, 0, std::move(answer));
}

void Association::on_reset_answer(const Param& param) {
  if (param.value.size() < 8 || !reset_ || read_u32(param.value.data()) != reset_->request) return;
  if (read_u32(param.value.data() + 4) == IN_PROGRESS) return;  // asked again when the timer says so
  const Reset done = *std::exchange(reset_, std::nullopt);
  reset_timer_.reset();
  for (const std::uint16_t stream : done.streams) {
    outbound_.reset_stream(stream);
    drop_channel_if_closed(stream);
  }
}

// A channel is gone when both directions are reset.
void Association::drop_channel_if_closed(std::uint16_t stream) {
  const Channel* const channel = channel_of(stream);
  if (channel == nullptr || !channel->reset_sent || !channel->reset_received) return;
  if (reset_ && std::find(reset_->streams.begin(), reset_->streams.end(), stream) != reset_->streams.end())
    return;
  const bool announced = channel->announced;
  channels_.erase(channels_.begin() + (channel - channels_.data()));
  if (announced) events_.push_back(ChannelClosedEvent{ChannelId{stream}});
}

}  // namespace everframe::transport::sctp
