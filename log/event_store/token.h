// Tokens: what a client resumes from. Opaque text, 44 characters of base64url:
//
//   0 kind u8 = 1 | 1 store id, 16 bytes | 17 timeline i32 | 21 position i64 | 29 crc-32c of 0…29
//   u32 all little-endian
//
// The position is the first one behind what the token stands for.
// Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "log/base/error.h"
#include "log/base/ordinal.h"
#include "log/base/uuid.h"

namespace stele::log {

struct TokenPlace {
  Uuid store;
  std::int32_t timeline = 0;
  Position next;
  friend bool operator==(const TokenPlace&, const TokenPlace&) = default;
};

[[nodiscard]] std::string encode_token(const TokenPlace& place);
/// kInvalid: not what encode_token() made.
[[nodiscard]] Result<TokenPlace> decode_token(std::string_view token);

}  // namespace stele::log
