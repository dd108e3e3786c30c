#include "log/event_store/first_version.h"

#include "log/event_store/stream_limits.h"

namespace stele::log {
namespace {

class FirstVersion {
public:
  FirstVersion(const Store& store, BatchCache& cache, const StreamPlace& stream)
      : reader_(store, cache, {.topic = stream.topic.id}), stream_(stream) {}

  // Of the events from number `first` to the newest one.
  Result<std::optional<Version>> find(std::int64_t first) {
    STELE_TRY(bool kept, is_kept(first));
    if (kept) return Version(first);
    std::int64_t gone = first;
    std::int64_t found = stream_.last.number;
    STELE_TRY(kept, is_kept(found));
    if (!kept) return std::nullopt;
    while (found - gone > 1) {
      const std::int64_t middle = gone + (found - gone) / 2;
      STELE_TRY(kept, is_kept(middle));
      (kept ? found : gone) = middle;
    }
    return Version(found);
  }

private:
  Result<bool> is_kept(std::int64_t number) {
    STELE_TRY(const auto posting, stream_.postings.at_number(number));
    if (!posting) return false;
    STELE_DO(reader_.move_to(posting->position));
    return reader_.batch() != nullptr && reader_.record(posting->position).has_value();
  }

  PositionReader reader_;
  const StreamPlace& stream_;
};

}  // namespace

Result<std::optional<Version>> find_first_version(const Store& store, BatchCache& cache,
                                                  const StreamPlace& stream, Position end) {
  const StreamLimits limits(store, end);
  STELE_TRY(const Position from, limits.first_position(stream.topic.id, stream.key, stream.rules));
  if (from > stream.last.position) return std::nullopt;
  STELE_TRY(const auto oldest, stream.postings.forward(from, 1));
  if (oldest.empty() || oldest.front().number > stream.last.number) return std::nullopt;
  return FirstVersion(store, cache, stream).find(oldest.front().number);
}

}  // namespace stele::log
