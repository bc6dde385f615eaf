// What no transport can be cheaper than: the kernel's UDP, and AES-128-GCM, ours (transport/aes_gcm.h) and
// through OpenSSL's EVP.
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/assert.h"
#include "platform_os/asio_executor.h"
#include "platform_os/udp_network.h"
#include "transport/aes_gcm.h"
#include "transport/measure.h"

namespace everframe::bench {

using transport::AesGcm;

namespace {

constexpr std::size_t DATAGRAM_BYTES = 120;
constexpr std::size_t BATCH = 64;

struct Aead {
  double seal_ns = 0;
  double open_ns = 0;
};

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

// One seal and one open with each peer's own contexts, peer after peer: what records of so many peers cost at
// least.
Aead aead(std::size_t peers, std::uint64_t messages) {
  std::vector<Context> seals;
  std::vector<Context> opens;
  std::uint8_t key[16] = {};
  std::uint8_t iv[12] = {};
  const std::uint8_t aad[13] = {};
  const std::uint8_t plain[DATAGRAM_BYTES] = {};
  for (std::size_t i = 0; i < peers; ++i) {
    key[0] = static_cast<std::uint8_t>(i);
    seals.emplace_back(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    opens.emplace_back(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    EVP_EncryptInit_ex(seals[i].get(), EVP_aes_128_gcm(), nullptr, key, iv);
    EVP_DecryptInit_ex(opens[i].get(), EVP_aes_128_gcm(), nullptr, key, iv);
  }
  std::vector<std::array<std::uint8_t, DATAGRAM_BYTES + 16>> sealed(peers);
  Aead spent;
  std::uint64_t done = 0;
  int length = 0;
  while (done < messages) {
    ++iv[11];
    const double begin = thread_cpu_ns();
    for (std::size_t i = 0; i < peers; ++i) {
      EVP_EncryptInit_ex(seals[i].get(), nullptr, nullptr, nullptr, iv);
      EVP_EncryptUpdate(seals[i].get(), nullptr, &length, aad, sizeof aad);
      EVP_EncryptUpdate(seals[i].get(), sealed[i].data(), &length, plain, sizeof plain);
      EVP_EncryptFinal_ex(seals[i].get(), sealed[i].data() + DATAGRAM_BYTES, &length);
      EVP_CIPHER_CTX_ctrl(seals[i].get(), EVP_CTRL_AEAD_GET_TAG, 16, sealed[i].data() + DATAGRAM_BYTES);
    }
    const double middle = thread_cpu_ns();
    for (std::size_t i = 0; i < peers; ++i) {
      std::uint8_t out[DATAGRAM_BYTES + 16];
      EVP_DecryptInit_ex(opens[i].get(), nullptr, nullptr, nullptr, iv);
      EVP_CIPHER_CTX_ctrl(opens[i].get(), EVP_CTRL_AEAD_SET_TAG, 16, sealed[i].data() + DATAGRAM_BYTES);
      EVP_DecryptUpdate(opens[i].get(), nullptr, &length, aad, sizeof aad);
      EVP_DecryptUpdate(opens[i].get(), out, &length, sealed[i].data(), DATAGRAM_BYTES);
      EF_ASSERT(EVP_DecryptFinal_ex(opens[i].get(), out + DATAGRAM_BYTES, &length) == 1);
    }
    spent.open_ns += thread_cpu_ns() - middle;
    spent.seal_ns += middle - begin;
    done += peers;
  }
  return {spent.seal_ns / static_cast<double>(done), spent.open_ns / static_cast<double>(done)};
}

// The same by what our records use.
Aead own_aead(std::size_t peers, std::uint64_t messages) {
  struct Peer {
    explicit Peer(AesGcm::Key key) : seal(key, schedules[0]), open(key, schedules[1]) {}
    AesGcm::Schedule schedules[2];
    AesGcm seal;
    AesGcm open;
    std::array<std::uint8_t, DATAGRAM_BYTES> text{};
    std::array<std::uint8_t, AesGcm::TAG_SIZE> tag{};
  };
  std::vector<std::unique_ptr<Peer>> crowd;
  std::array<std::uint8_t, AesGcm::KEY_SIZE> key{};
  std::array<std::uint8_t, AesGcm::NONCE_SIZE> nonce{};
  const std::uint8_t covered[13] = {};
  for (std::size_t i = 0; i < peers; ++i) {
    key[0] = static_cast<std::uint8_t>(i);
    crowd.push_back(std::make_unique<Peer>(key));
  }
  Aead spent;
  std::uint64_t done = 0;
  while (done < messages) {
    ++nonce[11];
    const double begin = thread_cpu_ns();
    for (const auto& peer : crowd) peer->seal.seal(nonce, covered, peer->text, peer->tag);
    const double middle = thread_cpu_ns();
    for (const auto& peer : crowd) {
      std::uint8_t out[DATAGRAM_BYTES];
      EF_ASSERT(peer->open.open(nonce, covered, peer->text, peer->tag, out));
    }
    spent.open_ns += thread_cpu_ns() - middle;
    spent.seal_ns += middle - begin;
    done += peers;
  }
  return {spent.seal_ns / static_cast<double>(done), spent.open_ns / static_cast<double>(done)};
}

int loopback(sockaddr_in& at) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  at = {};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  EF_ASSERT(socket >= 0 && bind(socket, reinterpret_cast<sockaddr*>(&at), size) == 0);
  EF_ASSERT(getsockname(socket, reinterpret_cast<sockaddr*>(&at), &size) == 0);
  return socket;
}

constexpr std::size_t BULK_BYTES = 1'187;  // a full datagram of ours

// A datagram of bulk to one peer: by our socket (platform_os), or by a bare sendmmsg that takes each apart.
double bulk_ns(bool ours, std::uint64_t datagrams) {
  platform_os::AsioExecutor executor("bench");
  platform_os::UdpNetwork network;
  const auto socket = network.open_udp(executor, Address::v4(127, 0, 0, 1, 0), [](auto) {}).value();
  sockaddr_in at{};
  const int bare = loopback(at);
  sockaddr_in to{};
  const int receiver = loopback(to);
  std::uint8_t bytes[BULK_BYTES] = {};
  iovec out{bytes, sizeof bytes};
  mmsghdr headers[BATCH] = {};
  std::vector<platform::Datagram> batch(BATCH, {Address::v4(127, 0, 0, 1, ntohs(to.sin_port)), bytes});
  for (mmsghdr& header : headers) {
    header.msg_hdr.msg_name = &to;
    header.msg_hdr.msg_namelen = sizeof to;
    header.msg_hdr.msg_iov = &out;
    header.msg_hdr.msg_iovlen = 1;
  }
  double spent = 0;
  for (std::uint64_t done = 0; done < datagrams; done += BATCH) {
    const double begin = thread_cpu_ns();
    if (ours) {
      socket->send(batch);
    } else {
      EF_ASSERT(sendmmsg(bare, headers, BATCH, 0) == BATCH);
    }
    spent += thread_cpu_ns() - begin;
    while (recv(receiver, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
    }
  }
  close(bare);
  close(receiver);
  return spent / static_cast<double>(datagrams);
}

}  // namespace

UdpFloor udp_floor(std::uint64_t messages) {
  sockaddr_in from{};
  sockaddr_in to{};
  const int sender = loopback(from);
  const int receiver = loopback(to);
  std::uint8_t bytes[DATAGRAM_BYTES] = {};
  std::uint8_t room[BATCH][DATAGRAM_BYTES];
  iovec out{bytes, sizeof bytes};
  iovec in[BATCH];
  mmsghdr sent[BATCH] = {};
  mmsghdr received[BATCH] = {};
  for (std::size_t i = 0; i < BATCH; ++i) {
    in[i] = {room[i], sizeof room[i]};
    sent[i].msg_hdr.msg_name = &to;
    sent[i].msg_hdr.msg_namelen = sizeof to;
    sent[i].msg_hdr.msg_iov = &out;
    sent[i].msg_hdr.msg_iovlen = 1;
    received[i].msg_hdr.msg_iov = &in[i];
    received[i].msg_hdr.msg_iovlen = 1;
  }
  double sending = 0;
  double receiving = 0;
  std::uint64_t done = 0;
  while (done < messages) {
    const double begin = thread_cpu_ns();
    EF_ASSERT(sendmmsg(sender, sent, BATCH, 0) == BATCH);
    const double middle = thread_cpu_ns();
    for (std::size_t got = 0; got < BATCH;) {
      const int count = recvmmsg(receiver, received, BATCH, 0, nullptr);
      EF_ASSERT(count > 0);
      got += static_cast<std::size_t>(count);
    }
    receiving += thread_cpu_ns() - middle;
    sending += middle - begin;
    done += BATCH;
  }
  close(sender);
  close(receiver);
  return {sending / static_cast<double>(done), receiving / static_cast<double>(done)};
}

void bench_floors(const Settings& settings, Report& report) {
  for (const std::size_t peers : settings.peers) {
    for (const bool own : {false, true}) {
      std::vector<double> seal;
      std::vector<double> open;
      for (int round = 0; round < settings.rounds; ++round) {
        const Aead spent = own ? own_aead(peers, settings.messages) : aead(peers, settings.messages);
        seal.push_back(spent.seal_ns);
        open.push_back(spent.open_ns);
      }
      report.add(
          (own ? "floor: our AES-128-GCM, " : "floor: EVP AES-128-GCM, ") + std::to_string(peers) + " peers",
          {{"seal_ns", median(seal)}, {"open_ns", median(open)}});
    }
  }
  std::vector<double> send;
  std::vector<double> receive;
  for (int round = 0; round < settings.rounds; ++round) {
    const UdpFloor spent = udp_floor(settings.messages / 4);
    send.push_back(spent.send_ns);
    receive.push_back(spent.receive_ns);
  }
  report.add("floor: UDP on loopback, batches of 64",
             {{"sendmmsg_ns", median(send)}, {"recvmmsg_ns", median(receive)}});
  std::vector<double> apart;
  std::vector<double> ours;
  for (int round = 0; round < settings.rounds; ++round) {
    apart.push_back(bulk_ns(false, settings.messages / 4));
    ours.push_back(bulk_ns(true, settings.messages / 4));
  }
  report.add("bulk to one peer, 1,187 bytes each, batches of 64",
             {{"sendmmsg_ns", median(apart)}, {"our_socket_ns", median(ours)}});
}

}  // namespace everframe::bench
