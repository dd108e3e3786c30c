// One record of `__consumer_offsets`: what a group's state machine asks to be written, and what it
// is rebuilt from. Both sides begin with Kafka's int16 version: the key's says which kind of record
// it is, the value's in which version it is written. No value: a tombstone.
#pragma once

#include <optional>

#include "log/base/bytes.h"

namespace stele::groups {

struct GroupRecord {
  Bytes key;
  std::optional<Bytes> value;
};

}  // namespace stele::groups
