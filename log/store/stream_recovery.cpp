#include "log/store/stream_recovery.h"

namespace stele::log {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;

Result<void> fold_batches(StoreParts& parts, ByteView batches) {
  while (!batches.empty()) {
    STELE_TRY(const BatchHeader header, parse_batch_header(batches));
    const auto bytes = static_cast<std::size_t>(header.batch_bytes);
    STELE_TRY(const auto events, decode_stream_events(batches.first(bytes)));
    for (const StreamEvent& event : events) {
      // Events of deleted topics stay in the log for good.
      if (parts.sequencer.find_topic(event.topic) != nullptr) parts.streams->fold(event);
    }
    batches = batches.subspan(bytes);
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
  const PartitionPtr partition = parts.sequencer.find_partition({topic->id, 0});
  Bytes buffer(kReadBytes);
  for (Offset at = partition->log_start(); at < partition->end();) {
    STELE_TRY(const PartitionRead read, partition->read(at, buffer));
    if (read.bytes == 0 && read.needed > buffer.size()) {
      buffer.resize(read.needed);
      continue;
    }
    STELE_DO(fold_batches(parts, ByteView(buffer).first(read.bytes)));
    at = read.next;
  }
  return {};
}

}  // namespace stele::log
