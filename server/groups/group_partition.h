// Which partition of `__consumer_offsets` keeps a group: as Kafka computes it, so that its tools
// look in the right place.
#pragma once

#include <cstdint>
#include <string_view>

namespace stele::groups {

/// Java's String.hashCode of a UTF-8 text.
[[nodiscard]] std::int32_t java_hash(std::string_view text);

/// abs(hash) mod count; `partition_count` is at least 1.
[[nodiscard]] std::int32_t partition_of_group(std::string_view group_id,
                                              std::int32_t partition_count);

}  // namespace stele::groups
