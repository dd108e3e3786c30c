// A regular expression over topic names in RE2's syntax, which is RE2J's: Kafka's for
// SubscribedTopicRegex. Matching takes time linear in the name, whatever the expression.
// Thread: any number may match at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "log/base/error.h"

namespace stele::groups {

class TopicPattern {
public:
  /// What one compiled expression may take; a larger one is kInvalid.
  static constexpr std::int64_t kMemoryBytesMax = 1 << 20;

  /// kInvalid with RE2's own words for what is wrong.
  [[nodiscard]] static Result<TopicPattern> compile(std::string_view expression);

  TopicPattern(TopicPattern&&) noexcept;
  TopicPattern& operator=(TopicPattern&&) noexcept;
  ~TopicPattern();

  /// The whole name, not a part of it.
  [[nodiscard]] bool matches(std::string_view topic_name) const;

private:
  struct Compiled;
  explicit TopicPattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace stele::groups
