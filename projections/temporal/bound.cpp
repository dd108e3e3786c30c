#include "projections/temporal/bound.h"

#include "log/base/fail.h"

namespace stele::projections {
namespace {

bool is_store(const std::vector<InputId>& inputs) {
  return inputs.size() == 1 && inputs.front().is_store();
}

Position end_of_store(const Bound& known) {
  return Position(known.below.next(InputId::store()));
}

Result<Bound> at_token(Source& source, Bound known, const std::string& token) {
  STELE_TRY(Checkpoint below, source.parse_token(token));
  if (!known.below.covers(below))
    return fail(Code::kOutOfRange, "the token stands for more than is known at that moment");
  known.below = std::move(below);
  known.token = token;
  return known;
}

// Recorded times of a store never decrease with the position; elsewhere each event tells.
Result<Bound> at_recorded(Source& source, Bound known, std::int64_t us) {
  if (!known.below.places().empty() && known.below.places().front().input.is_store() &&
      source.events() != nullptr && us < INT64_MAX) {
    STELE_TRY(const Position behind, source.events()->find_recorded(us + 1));
    if (behind < end_of_store(known)) known.below = Checkpoint::of_store(behind.raw());
    return known;
  }
  known.recorded_us_max = us;
  return known;
}

}  // namespace

Result<Bound> known_by(Source& source, const std::vector<InputId>& inputs, const Moment& moment) {
  if (!moment.known_by.empty()) {
    STELE_TRY(Checkpoint below, source.parse_token(moment.known_by));
    return Bound{.below = std::move(below), .token = moment.known_by};
  }
  STELE_TRY(Checkpoint below, source.end(inputs));
  STELE_TRY(std::string token, source.token(below));
  return Bound{.below = std::move(below), .token = std::move(token)};
}

Result<Bound> below_position(Source& source, const Bound& known, Position position) {
  if (position > end_of_store(known))
    return fail(Code::kOutOfRange, "position {} is past the end, {}", position.raw() - 1,
                end_of_store(known).raw());
  Checkpoint below = Checkpoint::of_store(position.raw());
  STELE_TRY(std::string token, source.token(below));
  return Bound{.below = std::move(below), .token = std::move(token)};
}

Result<Bound> bound_of(Source& source, const std::vector<InputId>& inputs, const Moment& moment) {
  if (std::holds_alternative<AtVersion>(moment.at))
    return fail(Code::kInvalid, "only a state keyed by stream has versions");
  STELE_TRY(Bound known, known_by(source, inputs, moment));
  if (const auto* at = std::get_if<AtPosition>(&moment.at)) {
    if (!is_store(inputs))
      return fail(Code::kUnsupported, "{} has no positions: ask by token or time", source.name());
    if (at->position < Position(0) || at->position.raw() == INT64_MAX)
      return fail(Code::kOutOfRange, "positions count from 0");
    return below_position(source, known, at->position.next());
  }
  if (const auto* at = std::get_if<AtToken>(&moment.at))
    return at_token(source, std::move(known), at->token);
  if (const auto* at = std::get_if<AtRecorded>(&moment.at))
    return at_recorded(source, std::move(known), at->us);
  known.time_ms_max = std::get<AtEventTime>(moment.at).ms;
  return known;
}

}  // namespace stele::projections
