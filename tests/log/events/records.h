// Records with headers, for tests of what is read out of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/format/batch_builder.h"
#include "log/format/records.h"

namespace stele::log {

using Header = std::pair<std::string, std::optional<std::string>>;

/// One record, in a batch of its own: view() reads it.
class OneRecord {
public:
  explicit OneRecord(const NewRecord& record) {
    BatchBuilder builder;
    builder.add(record).value();
    batch_ = builder.finish().value();
  }
  explicit OneRecord(const std::vector<Header>& headers,
                     std::optional<std::string> key = std::nullopt,
                     std::optional<std::string> value = std::nullopt,
                     std::int64_t timestamp_ms = 1'000)
      : OneRecord(made(headers, key, value, timestamp_ms)) {}

  /// Valid as long as this.
  [[nodiscard]] RecordView view() const {
    RecordReader reader(parse_batch_header(batch_).value(),
                        ByteView(batch_).subspan(kBatchHeaderBytes));
    (void)reader.next();
    return reader.record();
  }

private:
  static Bytes made(const std::vector<Header>& headers, const std::optional<std::string>& key,
                    const std::optional<std::string>& value, std::int64_t timestamp_ms) {
    std::vector<HeaderView> views;
    for (const auto& [name, header] : headers)
      views.push_back({name, header ? std::optional(as_bytes(*header)) : std::nullopt});
    BatchBuilder builder;
    builder
        .add({.key = key ? std::optional(as_bytes(*key)) : std::nullopt,
              .value = value ? std::optional(as_bytes(*value)) : std::nullopt,
              .headers = views,
              .timestamp_ms = timestamp_ms})
        .value();
    return builder.finish().value();
  }
  explicit OneRecord(Bytes batch) : batch_(std::move(batch)) {}

  Bytes batch_;
};

inline Bytes bytes_of(std::string_view text) {
  const ByteView view = as_bytes(text);
  return {view.begin(), view.end()};
}

}  // namespace stele::log
