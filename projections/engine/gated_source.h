// A source that a version beside the live one reads through: it gives no event from behind a gate.
// A version with effects must not fold past the live one: at the switch its effects begin exactly
// where the other's ended, and what it has folded with its effects muted is gone for good.
//
//   live version     ──────────────────────────────► checkpoint = the gate
//   other version    ─────────────────► waits there ┤
//
// Lots are cut at the gate; at the gate a reader says `end`. Thread: as Source and SourceReader.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "projections/sources/source.h"

namespace stele::projections {

/// Where others have got to. Threads: any.
class Gate {
public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  virtual ~Gate() = default;
  /// Events at this place of the input and behind it are not given; nullopt: all are.
  [[nodiscard]] virtual std::optional<std::int64_t> limit(const InputId& input) const = 0;
  /// Blocks until the limit of `input` may have left `place`, at most `longest`.
  virtual void wait(const InputId& input, std::int64_t place,
                    std::chrono::nanoseconds longest) const = 0;
};

class GatedSource final : public Source {
public:
  /// Both outlive it and its readers.
  GatedSource(Source& source, const Gate& gate) : source_(source), gate_(gate) {}

  [[nodiscard]] std::string name() const override { return source_.name(); }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    return source_.inputs(topics);
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override;
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override {
    return source_.end(inputs);
  }
  Result<std::string> token(const Checkpoint& checkpoint) override {
    return source_.token(checkpoint);
  }
  Result<Checkpoint> parse_token(std::string_view token) override {
    return source_.parse_token(token);
  }
  EventAccess* events() override { return source_.events(); }
  Result<void> append(std::vector<log::TopicEvent> events) override {
    return source_.append(std::move(events));
  }

private:
  Source& source_;
  const Gate& gate_;
};

}  // namespace stele::projections
