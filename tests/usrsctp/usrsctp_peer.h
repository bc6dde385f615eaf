// UsrsctpPeer: an association of usrsctp's over packets in memory (AF_CONN, without its threads), one at a
// time connecting or listening. Its timers and its clock run by tick(), so a run is always the same but for
// the tags that it chooses. Threads: one.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

#include "base/bytes.h"

struct socket;

namespace everframe::tests {

class UsrsctpPeer {
 public:
  enum class Way { CONNECTS, LISTENS };
  explicit UsrsctpPeer(Way way);
  ~UsrsctpPeer();
  UsrsctpPeer(const UsrsctpPeer&) = delete;
  UsrsctpPeer& operator=(const UsrsctpPeer&) = delete;

  struct Message {
    std::uint16_t stream = 0;
    std::uint32_t ppid = 0;
    Bytes bytes;
    bool ordered = true;
  };
  void connect();
  void send(Message message) { waiting_.push_back(std::move(message)); }
  void reset(std::uint16_t stream) { resets_.push_back(stream); }  // our sending half of it
  void receive(ByteView packet);
  void tick();  // a millisecond has passed

  std::deque<Bytes> packets;        // that it wants to send
  std::vector<Message> heard;       // whether ordered is not told
  std::vector<std::uint16_t> gone;  // streams whose other half the peer has reset
  bool up = false;

 private:
  void configure(struct ::socket* socket) const;
  void take_in();
  void notified(const Bytes& what);
  bool sent(const Message& message);
  bool asked_to_reset(std::uint16_t stream);

  struct ::socket* socket_ = nullptr;  // that has the association; of a listener once there is one
  struct ::socket* listener_ = nullptr;
  std::deque<Message> waiting_;
  std::deque<std::uint16_t> resets_;
  Bytes partial_;
};

}  // namespace everframe::tests
