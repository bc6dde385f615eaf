// What FoundationDB's atomic operations do to a value (documentation "Atomic operations", API version 510 and
// later, where AND and MIN of an absent key give the operand). Pure.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "embedded/types.h"

namespace everframe::embedded {

// Is `operation` one of fdb_transaction_atomic_op's?
bool is_atomic_operation(int operation);

// The value after `type` (not SET, CLEAR_RANGE or a versionstamped one) met `existing`; absent: the key is
// cleared. Numbers are little-endian; ADD, AND, OR, XOR, MIN and MAX give a value as long as the operand: the
// existing one is cut or padded with zeros to it.
std::optional<std::string> apply_atomic(MutationType type, const std::optional<std::string>& existing,
                                        std::string_view operand);

inline constexpr std::size_t STAMP_BYTES =
    10;  // commit version (8 bytes), order in its batch (2), big-endian

std::string versionstamp(Version version, std::uint16_t order);

// A key or value for a versionstamp ends in 4 bytes, little-endian: where its 10 bytes go. The place, if the
// stamp fits before those 4 bytes.
std::optional<std::size_t> stamp_offset(std::string_view text);

// `text` without its last 4 bytes, and `stamp` in its place. Text without a place for it loses only the 4
// bytes (FoundationDB's behaviour for values).
std::string with_stamp(std::string_view text, std::string_view stamp);

}  // namespace everframe::embedded
