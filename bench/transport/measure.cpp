#include "transport/measure.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "base/assert.h"

namespace {
std::uint64_t allocations = 0;  // the benchmark has one thread

void* counted(std::size_t size) {
  ++allocations;
  if (void* const block = std::malloc(size)) return block;
  std::abort();
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace everframe::bench {

using namespace transport;

bool Settings::wants(std::string_view part) const {
  return only.empty() || std::find(only.begin(), only.end(), part) != only.end();
}

double thread_cpu_ns() {
  timespec spent{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
}

Heap heap() {
  const auto info = mallinfo2();
  return {allocations, static_cast<std::int64_t>(info.uordblks + info.hblkhd)};
}

void count_openssl() {
  const int taken = CRYPTO_set_mem_functions(
      [](std::size_t size, const char*, int) { return size > 0 ? counted(size) : nullptr; },
      [](void* block, std::size_t size, const char*, int) {
        ++allocations;
        return std::realloc(block, size);
      },
      [](void* block, const char*, int) { std::free(block); });
  EF_ASSERT(taken == 1);
}

const ChannelOptions& state_options() {
  static const ChannelOptions options{"state", "everframe.1", false, 0, {}};
  return options;
}
const ChannelOptions& events_options() {
  static const ChannelOptions options{"events", "everframe.1", true, {}, {}};
  return options;
}

Address address_of(std::size_t client) {
  return Address::v4(10, 1, static_cast<std::uint8_t>(client >> 8), static_cast<std::uint8_t>(client), 5'000);
}

namespace {
const Address SERVER = Address::v4(10, 0, 0, 1, 3'478);

std::shared_ptr<const Certificate> certificate() {
  static const auto made = Certificate::make().value();
  return made;
}
}  // namespace

Crowd::Crowd(std::size_t peers) : endpoint(certificate(), {{SERVER}, peers, 1}) {
  for (std::size_t i = 0; i < peers; ++i) clients.push_back(std::make_unique<Client>(certificate(), i + 2));
}

void Crowd::connect() {
  for (const auto& client : clients) {
    client->open(events_options(), now).value();
    state = client->open(state_options(), now).value();
    const auto accepted = endpoint.accept(client->offer(), now).value();
    ids.push_back(accepted.peer);
    EF_ASSERT(client->accept_answer(accepted.answer, now).has_value());
    exchange();
  }
  // Delayed acknowledgements and the last of the handshakes.
  for (int i = 0; i < 200 && endpoint.figures().connected < clients.size(); ++i) {
    now += std::chrono::milliseconds(10);
    for (const auto& client : clients) client->advance(now);
    endpoint.advance(now);
    exchange();
  }
  EF_ASSERT(endpoint.figures().connected == clients.size());
}

bool Crowd::pass_down() {
  const double before = timed ? thread_cpu_ns() : 0;
  if (const auto due = endpoint.next_timeout(); due && *due <= now) endpoint.advance(now);
  endpoint.flush(now, out_);
  while (auto event = endpoint.next_event()) messages += std::holds_alternative<PeerMessage>(event->what);
  if (timed) endpoint_ns += thread_cpu_ns() - before;
  datagrams += out_.size();
  for (const Outgoing& datagram : out_) {
    const std::size_t client = std::size_t{datagram.to.ip[14]} << 8 | datagram.to.ip[15];
    clients[client]->receive(SERVER, datagram.bytes, now);
  }
  const bool any = !out_.empty();
  endpoint.recycle(out_);
  return any;
}

bool Crowd::pass_up() {
  bool any = false;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->flush(now, out_);
    while (auto event = clients[i]->next_event())
      messages += std::holds_alternative<PeerMessage>(event->what);
    const double before = timed && !out_.empty() ? thread_cpu_ns() : 0;
    for (const Outgoing& datagram : out_) endpoint.receive(address_of(i), datagram.bytes, now);
    if (before > 0) endpoint_ns += thread_cpu_ns() - before;
    datagrams += out_.size();
    any = any || !out_.empty();
    out_.clear();
  }
  return any;
}

void Crowd::exchange() {
  for (int i = 0; i < 100; ++i) {
    const bool down = pass_down();
    if (!pass_up() && !down) return;
  }
}

}  // namespace everframe::bench
