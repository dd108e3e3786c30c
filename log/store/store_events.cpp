// The convenience form of append: events in, batches made here.
#include <algorithm>
#include <map>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "log/format/batch_builder.h"
#include "log/format/partitioner.h"
#include "log/store/store_impl.h"

namespace stele::log {
namespace {

constexpr std::int64_t kUsPerMs = 1000;

struct EventBatch {
  BatchBuilder builder;
  std::int64_t min_timestamp_ms = INT64_MAX;
  std::int64_t max_timestamp_ms = INT64_MIN;
};

Result<void> add_event(EventBatch& batch, const Event& event, std::int64_t now_ms) {
  std::vector<HeaderView> headers;
  if (!event.type.empty()) headers.push_back({"ce_type", as_bytes(event.type)});
  for (const auto& [key, value] : event.headers) headers.push_back({key, as_bytes(value)});
  const std::int64_t timestamp_ms = event.timestamp_ms >= 0 ? event.timestamp_ms : now_ms;
  batch.min_timestamp_ms = std::min(batch.min_timestamp_ms, timestamp_ms);
  batch.max_timestamp_ms = std::max(batch.max_timestamp_ms, timestamp_ms);
  const auto bytes_of = [](const std::optional<std::string_view>& text) {
    return text ? std::optional(as_bytes(*text)) : std::nullopt;
  };
  return batch.builder.add({.key = bytes_of(event.key),
                            .value = bytes_of(event.value),
                            .headers = headers,
                            .timestamp_ms = timestamp_ms});
}

}  // namespace

Result<AppendOutcome> StoreImpl::append(std::string_view topic, std::span<const Event> events) {
  const TopicPtr info = find_topic(topic);
  if (info == nullptr) return fail(Code::kNotFound, "topic {} does not exist", topic);
  if (events.empty()) return fail(Code::kInvalid, "no events to append");
  const std::int64_t now_ms = parts().env.wall_us() / kUsPerMs;
  std::map<std::int32_t, EventBatch> batches;
  for (const Event& event : events) {
    std::int32_t partition = event.partition;
    if (partition < 0 && event.key) {
      partition = partition_of_key(as_bytes(*event.key), info->partition_count);
    } else if (partition < 0) {
      partition = static_cast<std::int32_t>(next_partition_++ %
                                            static_cast<std::uint32_t>(info->partition_count));
    }
    STELE_DO(add_event(batches[partition], event, now_ms));
  }
  auto owned = std::make_shared<std::vector<Bytes>>();
  owned->reserve(batches.size());
  AppendRequest request;
  for (auto& [partition, batch] : batches) {
    STELE_TRY(Bytes bytes, batch.builder.finish());
    owned->push_back(std::move(bytes));
    request.batches.push_back(
        {{info->id, partition}, owned->back(), batch.min_timestamp_ms, batch.max_timestamp_ms});
  }
  request.owner = std::move(owned);
  return append(std::move(request));
}

Result<AppendedBatch> StoreImpl::append(std::string_view topic, const Event& event) {
  STELE_TRY(const AppendOutcome outcome, append(topic, std::span(&event, 1)));
  STELE_CHECK(outcome.size() == 1);
  return outcome.front();
}

}  // namespace stele::log
