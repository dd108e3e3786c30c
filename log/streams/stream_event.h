// The events that stream rules are made of: records of partition 0 of the internal, compacted topic
// `__stele_streams`. docs/formats.md lists them.
//
//   key = topic id (16 bytes) and the stream's key; header ce_type = stele.stream.limited |
//   stele.stream.tombstoned; headers max_count, max_age_ms, truncate_before as decimal text; value
//   empty, or null if the stream has no rules any more: compaction then forgets it
//
// Each event says all of a stream's rules, so that the last one of a key is the whole truth.
// Thread: value types.
#pragma once

#include <string_view>
#include <vector>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "log/base/uuid.h"
#include "log/streams/stream_rules.h"

namespace stele::log {

inline constexpr std::string_view kStreamsTopicName = "__stele_streams";

struct StreamEvent {
  Uuid topic;
  Bytes key;  ///< of the stream's records
  StreamRules rules;
  friend bool operator==(const StreamEvent&, const StreamEvent&) = default;
};

/// One record batch that holds the event. kTooLarge: the key does not fit into a batch.
[[nodiscard]] Result<Bytes> encode_stream_event(const StreamEvent& event, std::int64_t now_ms);
/// All events of a batch, which compaction may have been over. kCorrupt: not what encode wrote.
[[nodiscard]] Result<std::vector<StreamEvent>> decode_stream_events(ByteView batch);

}  // namespace stele::log
