// Reading a projection's states: as they are now, at least as new as a token, or as of a moment.
//
//   View<Account> view = engine->add(accounts).value();
//   view.get("acc-7").value().state->cents;
//   view.get("acc-7", AtLeast{token, std::chrono::seconds(1)});         // one's own write
//   view.get("acc-7", Moment{AtEventTime{t}});                          // the past
//
// A view follows the live version of its projection: at a switch its readers move to the new one,
// never back in checkpoint, without an error. If versions differ in the state's C++ type, a view
// stays with those of its own. Over partitions, it sees the ones that this instance folds.
//
// Threads: any, all at once, while others fold. Lifetime: after the engine is closed every call
// answers kClosed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "log/base/bytes.h"
#include "projections/fold/checkpoint.h"
#include "projections/temporal/as_of.h"

namespace stele::projections {

/// The answer has to reflect what the token stands for (an append's, an answer's).
struct AtLeast {
  std::string token;
  std::chrono::nanoseconds longest = std::chrono::seconds(1);  ///< to wait for that
};

/// A view without its type. What View says holds here.
class FlowView {
public:
  /// `state`: null if the key has none; valid during the call. Called again if a switch came
  /// between: the last call counts.
  using Visit = std::function<void(const void* state)>;

  FlowView() = default;
  FlowView(const FlowView&) = delete;
  FlowView& operator=(const FlowView&) = delete;
  virtual ~FlowView() = default;

  virtual Result<Checkpoint> read(ByteView key, const Visit& visit) const = 0;
  virtual Result<void> wait_for(const AtLeast& wanted) const = 0;
  virtual Result<Checkpoint> for_each(
      const std::function<void(ByteView key, const void* state)>& visit) const = 0;
  [[nodiscard]] virtual Result<std::string> token(const Checkpoint& checkpoint) const = 0;
  virtual Result<PastState> state_at(ByteView key, const Moment& moment) const = 0;
  virtual Result<std::unique_ptr<PastTable>> states_at(const Moment& moment) const = 0;
  /// Of the version that is read now.
  [[nodiscard]] virtual Result<std::uint32_t> version() const = 0;
};
using FlowViewPtr = std::shared_ptr<const FlowView>;

/// A state, and what it reflects.
template <class State>
class Answer {
public:
  std::optional<State> state;  ///< none: the key has no state
  Checkpoint checkpoint;       ///< exactly the events below it are in the state

  Answer(FlowViewPtr view, std::string token) : view_(std::move(view)), token_(std::move(token)) {}
  /// Stands for what the answer reflects: for AtLeast, AtToken and Moment::known_by.
  [[nodiscard]] Result<std::string> token() const {
    if (!token_.empty()) return token_;
    return view_->token(checkpoint);
  }

private:
  FlowViewPtr view_;
  std::string token_;  ///< empty: not written down yet
};

/// A key whose state is not the same at two moments.
template <class State>
struct Change {
  std::string_view key;
  const State* before = nullptr;  ///< null: it had none
  const State* after = nullptr;   ///< null: it has none
};

template <class State>
class View {
public:
  explicit View(FlowViewPtr view) : view_(std::move(view)) {}

  /// The state now. kClosed: the engine is; kIo of SQLite.
  [[nodiscard]] Result<Answer<State>> get(std::string_view key) const {
    Answer<State> answer(view_, {});
    auto read = view_->read(as_bytes(key), [&answer](const void* state) {
      answer.state.reset();
      if (state != nullptr) answer.state.emplace(*static_cast<const State*>(state));
    });
    if (!read) return std::unexpected(std::move(read).error());
    answer.checkpoint = *std::move(read);
    return answer;
  }

  /// The state once it reflects the token. kOverloaded: it does not after `longest` (ask again, or
  /// read without); kClosed: it never will, the projection has stopped (says why); kInvalid,
  /// kOutOfRange: the token.
  [[nodiscard]] Result<Answer<State>> get(std::string_view key, const AtLeast& wanted) const {
    STELE_DO(view_->wait_for(wanted));
    return get(key);
  }

  /// The state as of a moment, with the handlers of today. Errors as state_at() of
  /// temporal/as_of.h.
  [[nodiscard]] Result<Answer<State>> get(std::string_view key, const Moment& moment) const {
    auto past = view_->state_at(as_bytes(key), moment);
    if (!past) return std::unexpected(std::move(past).error());
    Answer<State> answer(view_, std::move(past->token));
    answer.checkpoint = std::move(past->checkpoint);
    if (past->state) answer.state.emplace(*static_cast<const State*>(past->state->data()));
    return answer;
  }

  /// Every key, by hash; folding waits meanwhile. What it reflects.
  Result<Checkpoint> for_each(
      const std::function<void(std::string_view key, const State& state)>& visit) const {
    return view_->for_each([&visit](ByteView key, const void* state) {
      visit(as_text(key), *static_cast<const State*>(state));
    });
  }
  /// The same as of a moment: reads all events since the nearest snapshot. The answer's token.
  Result<std::string> for_each(
      const Moment& moment,
      const std::function<void(std::string_view key, const State& state)>& visit) const {
    STELE_TRY(const auto table, view_->states_at(moment));
    table->for_each([&visit](ByteView key, const void* state) {
      visit(as_text(key), *static_cast<const State*>(state));
    });
    return table->token();
  }
  /// What has changed between two moments.
  Result<void> diff(const Moment& before, const Moment& after,
                    const std::function<void(const Change<State>& change)>& visit) const {
    STELE_TRY(const auto first, view_->states_at(before));
    STELE_TRY(const auto second, view_->states_at(after));
    projections::diff(*first, *second, [&visit](const PastChange& change) {
      visit({as_text(change.key), static_cast<const State*>(change.before),
             static_cast<const State*>(change.after)});
    });
    return {};
  }

  /// Of the version that is read now.
  [[nodiscard]] Result<std::uint32_t> version() const { return view_->version(); }
  [[nodiscard]] const FlowViewPtr& erased() const { return view_; }

private:
  FlowViewPtr view_;
};

}  // namespace stele::projections
