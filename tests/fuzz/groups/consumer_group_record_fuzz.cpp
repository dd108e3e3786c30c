// Records of a consumer group, as a damaged log would hold them: [key bytes][key][value
// bytes][value]… with one byte for a size, 255 for "no value". Whatever can be read is applied, and
// a heartbeat then finds a state that it can work with.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "server/groups/consumer_group.h"

namespace stele::groups {
namespace {

constexpr std::uint8_t kNoValue = 255;

class OneTopic final : public GroupTopics {
public:
  [[nodiscard]] std::optional<AssignableTopic> find(std::string_view topic_name) const override {
    if (topic_name != "a") return std::nullopt;
    return AssignableTopic{.id = {}, .partition_count = 4};
  }
  [[nodiscard]] std::optional<std::string> name_of(const Uuid& id) const override {
    return id.is_zero() ? std::optional<std::string>("a") : std::nullopt;
  }
  void each_name(const std::function<void(std::string_view)>& visit) const override { visit("a"); }
};

/// The next piece, its size in front. False at the end.
bool take_piece(ByteView& input, ByteView& piece, bool& is_there) {
  if (input.empty()) return false;
  const auto size = static_cast<std::uint8_t>(input[0]);
  input = input.subspan(1);
  is_there = size != kNoValue;
  if (!is_there) return true;
  piece = input.first(std::min<std::size_t>(size, input.size()));
  input = input.subspan(piece.size());
  return true;
}

void take(ByteView input) {
  const OneTopic topics;
  ConsumerGroup group("g", topics, {});
  ByteView key, value;
  bool has_key = false, has_value = false;
  while (take_piece(input, key, has_key) && take_piece(input, value, has_value)) {
    const auto read = read_consumer_key(has_key ? key : ByteView());
    if (!read) continue;
    (void)group.apply(*read, has_value ? std::optional(value) : std::nullopt);
  }
  group.loaded(std::chrono::seconds(1));
  (void)group.describe();
  kafka::ConsumerGroupHeartbeatRequest join{.group_id = "g", .member_id = "new"};
  join.rebalance_timeout_ms = 1'000;
  join.subscribed_topic_names = {{"a"}};
  join.topic_partitions.emplace();
  std::vector<GroupRecord> records;
  (void)group.heartbeat(join, {.now = {std::chrono::seconds(2), 2'000}}, records);
  group.expire(std::chrono::hours(1), records);
}

}  // namespace
}  // namespace stele::groups

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::groups::take(std::as_bytes(std::span(data, size)));
  return 0;
}
