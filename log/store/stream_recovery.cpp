#include "log/store/stream_recovery.h"

namespace stele::log {
namespace {

Result<void> fold_batch(StoreParts& parts, ByteView batch) {
  STELE_TRY(const auto events, decode_stream_events(batch));
  for (const StreamEvent& event : events) {
    // Events of deleted topics stay in the log for good.
    if (parts.sequencer.find_topic(event.topic) != nullptr) parts.streams->fold(event);
  }
  return {};
}

}  // namespace

Result<void> recover_streams(StoreParts& parts) {
  parts.streams =
      std::make_unique<StreamTable>(parts.index->hasher(), parts.options.stream_rules_max);
  parts.sequencer.set_streams(*parts.streams);
  const TopicPtr topic = parts.sequencer.catalogue().find(kStreamsTopicName);
  if (topic == nullptr || !topic->internal) return {};
  return for_each_batch(*parts.sequencer.find_partition({topic->id, 0}),
                        [&](ByteView batch) { return fold_batch(parts, batch); });
}

}  // namespace stele::log
