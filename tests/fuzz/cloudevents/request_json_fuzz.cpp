// Any text as the body of an append, a query, limits. What is taken keeps its limits.
#include <cstdint>
#include <string_view>

#include "log/base/check.h"
#include "server/cloudevents/decode.h"

namespace stele::cloudevents {
namespace {

void take(std::string_view text) {
  if (const auto append = parse_append(text)) {
    STELE_CHECK(append->conditions.size() <= log::kConditionsMax);
    for (const auto& condition : append->conditions) {
      STELE_CHECK(log::check_query(condition.fail_if_events_match));
      STELE_CHECK(!condition.after || condition.after->raw() >= 0);
    }
    for (const auto& expectation : append->expectations)
      STELE_CHECK(expectation.expected.version.raw() >= 0);
    for (const auto& event : append->events) STELE_CHECK(!event.topic.empty());
  }
  if (const auto query = parse_query(text)) {
    STELE_CHECK(log::check_query(std::get<log::Query>(query->read.select)));
    STELE_CHECK(query->limit.value_or(1) > 0);
  }
  if (const auto limits = parse_limits(text))
    STELE_CHECK(limits->max_count.value_or(1) > 0 && !limits->tombstoned);
}

}  // namespace
}  // namespace stele::cloudevents

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::cloudevents::take({reinterpret_cast<const char*>(data), size});
  return 0;
}
