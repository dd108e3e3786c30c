#include "projections/engine/gated_source.h"

#include <algorithm>
#include <limits>

namespace stele::projections {
namespace {

std::int64_t place_of(const InputId& input, const InputEvent& event) {
  return input.is_store() ? event.position.raw() : event.offset.raw();
}

/// A piece of a lot, which it keeps alive.
class LotPiece final : public Lot {
public:
  explicit LotPiece(LotPtr whole) : whole_(std::move(whole)) {
    input = whole_->input;
    input_end = whole_->input_end;
  }

private:
  LotPtr whole_;
};

/// Reads ahead of the gate by one lot at most.
class GatedReader final : public SourceReader {
public:
  GatedReader(std::unique_ptr<SourceReader> reader, const Gate& gate, Checkpoint from)
      : reader_(std::move(reader)), gate_(gate), from_(std::move(from)) {}

  Result<LotPtr> next(std::chrono::nanoseconds longest) override {
    if (waiting_ == nullptr) {
      auto lot = reader_->next(longest);
      if (!lot) return lot;
      const auto limit = gate_.limit((*lot)->input);
      if (!limit || (*lot)->next <= *limit) return lot;
      waiting_ = *std::move(lot);
      given_count_ = 0;
      return give(*limit);
    }
    const InputId& input = waiting_->input;
    if (const auto limit = gate_.limit(input); limit && count_below(*limit) == 0) {
      gate_.wait(input, *limit, longest);
    }
    return give(gate_.limit(input).value_or(std::numeric_limits<std::int64_t>::max()));
  }

private:
  /// Of the events that were not given yet.
  [[nodiscard]] std::size_t count_below(std::int64_t limit) const {
    const auto rest = waiting_->events.subspan(given_count_);
    const auto cut = std::ranges::partition_point(
        rest, [&](const InputEvent& event) { return place_of(waiting_->input, event) < limit; });
    return static_cast<std::size_t>(cut - rest.begin());
  }

  /// What of the waiting lot stands before the gate.
  LotPtr give(std::int64_t limit) {
    const std::size_t count = count_below(limit);
    auto piece = std::make_shared<LotPiece>(waiting_);
    piece->events = waiting_->events.subspan(given_count_, count);
    given_count_ += count;
    if (waiting_->next <= limit) {
      piece->next = waiting_->next;  // and whether that is the end, the next lot will tell
      waiting_ = nullptr;
      return piece;
    }
    // After a restart the gate may stand before what this version has folded already.
    piece->next = std::max(limit, from_.next(waiting_->input));
    piece->end = count == 0;
    return piece;
  }

  std::unique_ptr<SourceReader> reader_;
  const Gate& gate_;
  Checkpoint from_;
  LotPtr waiting_;  ///< a lot that reaches behind the gate; null: none
  std::size_t given_count_ = 0;
};

}  // namespace

Result<std::unique_ptr<SourceReader>> GatedSource::open(const std::vector<std::string>& topics,
                                                        const std::vector<InputId>& inputs,
                                                        const Checkpoint& from) {
  STELE_TRY(auto reader, source_.open(topics, inputs, from));
  return std::make_unique<GatedReader>(std::move(reader), gate_, from);
}

}  // namespace stele::projections
