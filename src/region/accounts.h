// Accounts: a guest's token is 32 random bytes, shown to the player once as 43 characters of base64url (RFC
// 4648 section 5). The store keeps its SHA-256 only: who reads the store cannot enter as anybody.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "platform/clock.h"

namespace everframe::region {

inline constexpr std::size_t TOKEN_LENGTH = 43;  // characters

std::string new_token(platform::Entropy& entropy);
// The account's key; nothing for what cannot be a token.
std::optional<Bytes> token_hash(std::string_view token);

}  // namespace everframe::region
