// Versions of events that were not found by their stream, from the index.
//
// Thread: its owner's; made for one page.
#pragma once

#include <map>

#include "log/store/store.h"

namespace stele::log {

class VersionLookup {
public:
  /// `store` outlives it.
  explicit VersionLookup(const Store& store) : store_(store) {}

  /// Of the event of this stream at the position; nullopt: the topic is not indexed. kCorrupt, kIo.
  Result<std::optional<Version>> find(const TopicInfo& topic, ByteView key, Position position);

private:
  struct StreamKey {
    Uuid topic;
    std::string key;
    auto operator<=>(const StreamKey&) const = default;
  };
  const Store& store_;
  std::map<StreamKey, std::unique_ptr<PostingReader>> readers_;
};

}  // namespace stele::log
