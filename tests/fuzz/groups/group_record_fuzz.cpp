// Records of classic groups and offsets, as a damaged log would hold them: the first byte says
// which decoder gets the rest. What can be read is written again and reads as the same; a group is
// built from it, and goes through a rebalance and its end.
#include <chrono>
#include <cstdint>
#include <string>

#include "log/base/check.h"
#include "server/groups/classic_group.h"

namespace stele::groups {
namespace {

/// Takes every record at once.
class FuzzHost final : public ClassicHost {
public:
  Time now() override { return now_; }
  std::int64_t wall_ms() override { return 1; }
  std::string new_member_id(std::string_view prefix) override {
    return std::string(prefix) + "-new-" + std::to_string(++last_id_);
  }
  void store(ClassicGroup&, Result<GroupRecord> record, StoreTicket) override {
    if (record) STELE_CHECK(read_group_value(*record->value).has_value());
  }
  void count_rebalance() override {}

  Time now_{0};

private:
  int last_id_ = 0;
};

void take_offset(ByteView value) {
  const auto read = read_offset_value(value);
  if (!read) return;
  const OffsetCommitKey key{.group = "g", .topic = "t", .partition = 1};
  const auto record = offset_record(key, *read);
  if (!record) return;  // metadata of a later version may be longer than a text may be
  const auto again = read_offset_value(*record->value);
  STELE_CHECK(again.has_value() && again->offset == read->offset &&
              again->metadata == read->metadata);
}

void take_group(ByteView value) {
  const auto read = read_group_value(value);
  if (!read) return;
  FuzzHost host;
  const GroupSettings settings;
  ClassicGroup group("g", *read, host, settings);
  (void)group.describe();
  if (const auto record = group.record()) {
    STELE_CHECK(read_group_value(*record->value).has_value());
  }
  kafka::JoinGroupRequest join{.group_id = "g", .session_timeout_ms = 6'000};
  join.protocol_type = read->protocol_type;
  join.protocols.push_back({read->protocol.value_or("p"), {}});
  group.join({.request = join, .version = 0, .client_id = "c", .client_host = "/h"},
             [](const kafka::JoinGroupResponse&) {});
  for (int i = 0; i < 64 && group.next_deadline() != kNeverDue; ++i) {
    host.now_ = std::max(host.now_, group.next_deadline());
    group.expire();
  }
}

void take_key(ByteView key) {
  const auto known = read_record_key(key);
  if (!known) return;
  const auto offset = read_offset_key(key);
  if (!offset) return;
  STELE_CHECK(offset->group == known->group);
  const auto tombstone = offset_tombstone(*offset);
  STELE_CHECK(tombstone.has_value());
  STELE_CHECK(read_offset_key(tombstone->key).has_value());
}

}  // namespace
}  // namespace stele::groups

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stele;
  if (size == 0) return 0;
  const ByteView rest = std::as_bytes(std::span(data + 1, size - 1));
  switch (data[0] % 4) {
    case 0:
      groups::take_key(rest);
      break;
    case 1:
      groups::take_offset(rest);
      break;
    case 2:
      groups::take_group(rest);
      break;
    default:
      (void)groups::subscribed_topics(rest);
  }
  return 0;
}
