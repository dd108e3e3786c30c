// Commands on typed states: a projection's handlers fold the state, a function of yours decides.
//
//   Result<Decision> decide(const Account& account, const Withdraw& command) {
//     if (account.cents < command.cents) return refuse("overdrawn");
//     return Decision().add(Withdrawn{command.cents});
//   }
//   Decider<Account> bank(accounts, store);              // accounts: projection<Account>(…)
//   Result<Decided> done = bank.handle("acc-7", Withdraw{500}, {.command = request_id});
//   // kInvalid: refused by decide(); else it has happened, once; done->token: read your own write
//
// The state that decide() sees is that of the stream up to the version which the append then
// expects to be the last; if it isn't, everything is done again, at most attempts_max times.
// handle_query() does the same over all events that a query matches, with an append condition in
// place of the version. Retries, command ids and errors: process/decide.h. The projection need not
// run anywhere. Threads: any, at once. Lifetime: the store outlives it.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "projections/fold/projection.h"
#include "projections/process/decide.h"
#include "projections/process/decision.h"

namespace stele::projections {

/// The answer "no" of a decide function: kInvalid, with the reason for people.
[[nodiscard]] inline std::unexpected<Error> refuse(std::string reason) {
  return std::unexpected(Error{Code::kInvalid, std::move(reason)});
}

namespace detail {

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

/// decide(state, command), wherever it is declared beside its types.
template <class S, class Command>
auto call_decide(const S& state, const Command& command) {
  return decide(state, command);
}

}  // namespace detail

/// A state that was loaded, to be looked at or to be decided upon.
template <class S>
class Loaded {
public:
  Loaded(DefinitionPtr definition, LoadedState loaded)
      : definition_(std::move(definition)), loaded_(std::move(loaded)) {}
  [[nodiscard]] const S& state() const { return *static_cast<const S*>(loaded_.state.data()); }
  /// Of the stream's last event; none: there is no stream.
  [[nodiscard]] std::optional<Version> version() const { return loaded_.version; }
  [[nodiscard]] const LoadedState& untyped() const { return loaded_; }

private:
  DefinitionPtr definition_;  ///< its state's type is loaded_'s
  LoadedState loaded_;
};

template <class S>
class Decider {
public:
  /// `topic`: of the streams; empty: the projection's first.
  Decider(const Projection<S>& projection, EventAccess& store, std::string topic = {})
      : definition_(projection.definition()), store_(&store), topic_(std::move(topic)) {
    if (topic_.empty() && !definition_->topics.empty()) topic_ = definition_->topics.front();
  }

  [[nodiscard]] Result<Loaded<S>> load(const std::string& stream) const {
    STELE_TRY(LoadedState loaded,
              load_state(*definition_, *store_, log::StreamName{topic_, stream}));
    return Loaded<S>(definition_, std::move(loaded));
  }

  /// `command`: something that decide(const S&, command) is declared for, or a function of the
  /// state itself. `from`: an earlier load() of the stream, which spares reading it all.
  template <class Command>
  Result<Decided> handle(const std::string& stream, const Command& command,
                         const DecideOptions& options = {}, const Loaded<S>* from = nullptr) const {
    return run(log::StreamName{topic_, stream}, stream, command, options, from);
  }

  /// The state of all events that the query matches, whatever their streams. The query names what
  /// the decision rests on: types that the projection has handlers for, tags. Events that are
  /// decided say their streams themselves (DecidedPlace).
  template <class Command>
  Result<Decided> handle_query(const log::Query& query, const Command& command,
                               const DecideOptions& options = {}) const {
    return run(query, std::nullopt, command, options, nullptr);
  }

private:
  template <class Command>
  Result<Decided> run(const DecideScope& scope, const std::optional<std::string>& stream,
                      const Command& command, const DecideOptions& options,
                      const Loaded<S>* from) const {
    const DecideFunction decide_now =
        [&](const void* state) -> Result<std::vector<log::TopicEvent>> {
      auto decided = answer(*static_cast<const S*>(state), command);
      static_assert(detail::kIsResult<decltype(decided)>, "decide() answers with a Result<…>");
      if (!decided) return std::unexpected(std::move(decided).error());
      return detail::to_decision(*std::move(decided)).take(topic_, stream);
    };
    std::optional<LoadedState> begin;
    if (from != nullptr) begin = from->untyped();
    return decide_and_append(*definition_, *store_, scope, decide_now, options, begin);
  }

  template <class Command>
  static auto answer(const S& state, const Command& command) {
    if constexpr (std::is_invocable_v<const Command&, const S&>)
      return command(state);
    else
      return detail::call_decide(state, command);
  }

  DefinitionPtr definition_;
  EventAccess* store_;
  std::string topic_;
};

/// Decider<S>, by its projection.
template <class S>
[[nodiscard]] Decider<S> decider(const Projection<S>& projection, EventAccess& store,
                                 std::string topic = {}) {
  return Decider<S>(projection, store, std::move(topic));
}

}  // namespace stele::projections
