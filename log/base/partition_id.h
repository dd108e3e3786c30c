// Which partition of which topic: by topic id, so that a recreated topic is another one.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "log/base/uuid.h"

namespace stele {

struct TopicPartition {
  Uuid topic;
  std::int32_t partition = 0;
  [[nodiscard]] std::string text() const { return topic.text() + "-" + std::to_string(partition); }
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace stele

template <>
struct std::hash<stele::TopicPartition> {
  std::size_t operator()(const stele::TopicPartition& id) const noexcept {
    return std::hash<stele::Uuid>{}(id.topic) +
           static_cast<std::size_t>(id.partition) * 0x9e3779b97f4a7c15ULL;
  }
};
