// Codec: the bytes of spec/wire.md. Encoding appends and cannot fail; decoding is total: any bytes give a
// message or an Error that says where they broke the grammar, and never more memory than the input could
// fill. Pure; any thread.
#pragma once
#include <span>

#include "base/codec.h"
#include "base/result.h"
#include "wire/messages.h"

namespace everframe::wire {

void encode(Bytes& out, const ClientEvent& message);
void encode(Bytes& out, const PoseUpdate& message);
void encode(Bytes& out, const ServerEvent& message);
void encode(Bytes& out, const State& message);

Result<ClientEvent> decode_client_event(ByteView bytes);
Result<PoseUpdate> decode_client_state(ByteView bytes);
Result<ServerEvent> decode_server_event(ByteView bytes);
Result<State> decode_server_state(ByteView bytes);

// What many clients see alike is encoded once: a sender joins encoded parts.
void encode_entity(Bytes& out, const EntityView& entity);
void encode_avatar_pose(Bytes& out, const AvatarPose& avatar);
// A whole State message from `message`'s head (its avatars are ignored) and already encoded ones.
void encode_state(Bytes& out, const State& message, std::span<const ByteView> encoded_avatars);

// An ActionBody alone, as a durable input queue keeps it.
void encode_action_body(Bytes& out, const ActionBody& body);
std::optional<ActionBody> read_action_body(ByteReader& in);

}  // namespace everframe::wire
