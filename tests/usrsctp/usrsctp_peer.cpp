#include "usrsctp_peer.h"

#include <arpa/inet.h>
#include <sys/time.h>
#include <usrsctp.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace {
std::int64_t virtual_ms = 1'000'000;
}

// usrsctp takes its time from here instead of from the C library: with the system's it would not send again
// what a moment ago, as it sees it, it has sent, though its timer says so.
extern "C" int gettimeofday(timeval* __restrict out, void* __restrict) noexcept {
  *out = {virtual_ms / 1'000, virtual_ms % 1'000 * 1'000};
  return 0;
}

namespace everframe::tests {

namespace {

constexpr std::uint16_t PORT = 5'000;
constexpr std::uint32_t MTU = 1'150;
constexpr std::uint32_t RTO_MS = 200;
constexpr std::uint16_t STREAMS = 64;
constexpr int BUFFER = 1 << 20;

int output(void* peer, void* bytes, std::size_t size, std::uint8_t, std::uint8_t) {
  const auto* begin = static_cast<const std::uint8_t*>(bytes);
  static_cast<UsrsctpPeer*>(peer)->packets.emplace_back(begin, begin + size);
  return 0;
}

struct Library {
  Library() {
    usrsctp_init_nothreads(0, output, nullptr);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
  }
  ~Library() {
    for (int i = 0; i < 100 && usrsctp_finish() != 0; ++i) usrsctp_handle_timers(1'000);
  }
};

sockaddr_conn address_of(void* peer) {
  sockaddr_conn out{};
  out.sconn_family = AF_CONN;
  out.sconn_port = htons(PORT);
  out.sconn_addr = peer;
  return out;
}

template <class T>
void set(struct ::socket* socket, int level, int option, const T& value) {
  EF_ASSERT(usrsctp_setsockopt(socket, level, option, &value, sizeof value) == 0);
}

}  // namespace

UsrsctpPeer::UsrsctpPeer(Way way) {
  static const Library library;
  usrsctp_register_address(this);
  struct ::socket* const socket =
      usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
  EF_ASSERT(socket != nullptr);
  configure(socket);
  sockaddr_conn own = address_of(this);
  EF_ASSERT(usrsctp_bind(socket, reinterpret_cast<sockaddr*>(&own), sizeof own) == 0);
  (way == Way::LISTENS ? listener_ : socket_) = socket;
  if (way == Way::LISTENS) {
    EF_ASSERT(usrsctp_listen(socket, 1) == 0);
  }
}

UsrsctpPeer::~UsrsctpPeer() {
  if (socket_ != nullptr) usrsctp_close(socket_);
  if (listener_ != nullptr) usrsctp_close(listener_);
  usrsctp_deregister_address(this);
}

void UsrsctpPeer::configure(struct ::socket* socket) const {
  usrsctp_set_non_blocking(socket, 1);
  set(socket, SOL_SOCKET, SO_LINGER, linger{1, 0});
  set(socket, SOL_SOCKET, SO_SNDBUF, BUFFER);
  set(socket, SOL_SOCKET, SO_RCVBUF, BUFFER);
  set(socket, IPPROTO_SCTP, SCTP_NODELAY, 1);
  set(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, 1);
  sctp_initmsg init{};
  init.sinit_num_ostreams = init.sinit_max_instreams = STREAMS;
  set(socket, IPPROTO_SCTP, SCTP_INITMSG, init);
  sctp_rtoinfo rto{};
  rto.srto_initial = rto.srto_min = RTO_MS;
  rto.srto_max = 10 * RTO_MS;
  set(socket, IPPROTO_SCTP, SCTP_RTOINFO, rto);
  sctp_assoc_value resets{};
  resets.assoc_id = SCTP_ALL_ASSOC;
  resets.assoc_value = SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ;
  set(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, resets);
  sctp_paddrparams path{};
  path.spp_flags = SPP_PMTUD_DISABLE;
  path.spp_pathmtu = MTU;
  set(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, path);
  for (const std::uint16_t type : {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT}) {
    sctp_event event{};
    event.se_assoc_id = SCTP_ALL_ASSOC;
    event.se_type = type;
    event.se_on = 1;
    set(socket, IPPROTO_SCTP, SCTP_EVENT, event);
  }
}

void UsrsctpPeer::connect() {
  sockaddr_conn other = address_of(this);
  const int done = usrsctp_connect(socket_, reinterpret_cast<sockaddr*>(&other), sizeof other);
  EF_ASSERT(done == 0 || errno == EINPROGRESS);
}

void UsrsctpPeer::receive(ByteView packet) {
  usrsctp_conninput(this, packet.data(), packet.size(), 0);
}

void UsrsctpPeer::tick() {
  ++virtual_ms;
  usrsctp_handle_timers(1);
  if (listener_ != nullptr && socket_ == nullptr) {
    socket_ = usrsctp_accept(listener_, nullptr, nullptr);
    if (socket_ == nullptr) return;
    usrsctp_set_non_blocking(socket_, 1);  // all else is as the listener's
  }
  take_in();
  while (up && !waiting_.empty() && sent(waiting_.front())) waiting_.pop_front();
  while (waiting_.empty() && !resets_.empty() && asked_to_reset(resets_.front())) resets_.pop_front();
}

void UsrsctpPeer::take_in() {
  for (;;) {
    Bytes bytes(100'000);
    sctp_rcvinfo info{};
    socklen_t info_size = sizeof info;
    unsigned kind = 0;
    int flags = 0;
    const ssize_t got = usrsctp_recvv(socket_, bytes.data(), bytes.size(), nullptr, nullptr, &info,
                                      &info_size, &kind, &flags);
    if (got <= 0) return;
    bytes.resize(static_cast<std::size_t>(got));
    if ((flags & MSG_NOTIFICATION) != 0) {
      notified(bytes);
      continue;
    }
    partial_.insert(partial_.end(), bytes.begin(), bytes.end());
    if ((flags & MSG_EOR) == 0) continue;
    heard.push_back({info.rcv_sid, ntohl(info.rcv_ppid), std::exchange(partial_, {})});
  }
}

void UsrsctpPeer::notified(const Bytes& what) {
  const auto* const head = reinterpret_cast<const sctp_notification*>(what.data());
  if (head->sn_header.sn_type == SCTP_ASSOC_CHANGE) {
    up = head->sn_assoc_change.sac_state == SCTP_COMM_UP;
  } else if (head->sn_header.sn_type == SCTP_STREAM_RESET_EVENT) {
    const sctp_stream_reset_event& reset = head->sn_strreset_event;
    if ((reset.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) == 0) return;
    const std::size_t count = (reset.strreset_length - sizeof reset) / sizeof(std::uint16_t);
    gone.insert(gone.end(), reset.strreset_stream_list, reset.strreset_stream_list + count);
  }
}

bool UsrsctpPeer::sent(const Message& message) {
  sctp_sendv_spa how{};
  how.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  how.sendv_sndinfo.snd_sid = message.stream;
  how.sendv_sndinfo.snd_ppid = htonl(message.ppid);
  how.sendv_sndinfo.snd_flags = static_cast<std::uint16_t>(SCTP_EOR | (message.ordered ? 0 : SCTP_UNORDERED));
  const ssize_t done = usrsctp_sendv(socket_, message.bytes.data(), message.bytes.size(), nullptr, 0, &how,
                                     sizeof how, SCTP_SENDV_SPA, 0);
  return done == static_cast<ssize_t>(message.bytes.size());
}

// Refused while another reset is under way, or something of the stream has not been sent.
bool UsrsctpPeer::asked_to_reset(std::uint16_t stream) {
  alignas(sctp_reset_streams) std::uint8_t bytes[sizeof(sctp_reset_streams) + sizeof(std::uint16_t)] = {};
  auto* const reset = reinterpret_cast<sctp_reset_streams*>(bytes);
  reset->srs_assoc_id = SCTP_ALL_ASSOC;
  reset->srs_flags = SCTP_STREAM_RESET_OUTGOING;
  reset->srs_number_streams = 1;
  reset->srs_stream_list[0] = stream;
  return usrsctp_setsockopt(socket_, IPPROTO_SCTP, SCTP_RESET_STREAMS, reset, sizeof bytes) == 0;
}

}  // namespace everframe::tests
