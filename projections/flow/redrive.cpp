#include "projections/flow/redrive.h"

#include <set>
#include <utility>

#include "log/base/fail.h"
#include "projections/flow/parking.h"

namespace stele::projections {
namespace {

/// The copies of a page that are to be folded again.
class ParkedCopies final : public log::EventSink {
public:
  ParkedCopies(const Definition& definition,
               const std::function<bool(const std::string& origin)>& is_recorded, Position end)
      : definition_(definition), is_recorded_(is_recorded), end_(end) {}

  void take(const log::EventView& event) override {
    if (event.place.position >= end_) return;
    const auto origin = parked_origin(event, definition_.name);
    if (!origin || !is_recorded_(*origin) || !taken_.insert(*origin).second) return;
    // Each redrive is an attempt of its own; tried again at the same place, it is the same.
    copies_.push_back(redriven_copy(
        event, *origin, fmt::format("{}/redriven/{}/{}", definition_.name, *origin, end_.raw())));
  }
  [[nodiscard]] std::vector<log::TopicEvent> release() { return std::exchange(copies_, {}); }

private:
  const Definition& definition_;
  const std::function<bool(const std::string& origin)>& is_recorded_;
  Position end_;  ///< what is appended meanwhile does not count
  std::vector<log::TopicEvent> copies_;
  std::set<std::string> taken_;
};

}  // namespace

Result<std::size_t> append_again(
    EventAccess& events, Source& to, const Definition& definition,
    const std::function<bool(const std::string& origin)>& is_recorded) {
  STELE_TRY(const Position end, events.end());
  ParkedCopies sink(definition, is_recorded, end);
  log::ReadRequest request{.select = log::TopicSelection{definition.park_topic}};
  std::size_t count = 0;
  for (;;) {
    STELE_TRY(const log::PageSummary page, events.read_into(request, sink));
    auto copies = sink.release();
    count += copies.size();
    if (!copies.empty()) STELE_DO(to.append(std::move(copies)));
    STELE_TRY(const Position next, events.parse_token(page.next));
    if (page.end || next >= end) return count;
    request.from.token = page.next;
  }
}

}  // namespace stele::projections
