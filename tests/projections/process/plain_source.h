// A Source that only appends, for tests: as a Kafka cluster it knows no conditions. Thread: one.
#pragma once

#include <string>
#include <vector>

#include "projections/sources/source.h"

namespace stele::projections {

class PlainSource final : public Source {
public:
  [[nodiscard]] std::string name() const override { return "plain"; }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& /*topics*/) override {
    return std::vector<InputId>{};
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& /*topics*/,
                                             const std::vector<InputId>& /*inputs*/,
                                             const Checkpoint& /*from*/) override {
    return std::unexpected(Error{Code::kUnsupported, "plain"});
  }
  Result<Checkpoint> end(const std::vector<InputId>& /*inputs*/) override { return Checkpoint(); }
  Result<std::string> token(const Checkpoint& /*checkpoint*/) override { return ""; }
  Result<Checkpoint> parse_token(std::string_view /*token*/) override { return Checkpoint(); }
  EventAccess* events() override { return nullptr; }
  Result<void> append(std::vector<log::TopicEvent> events) override {
    if (failing) return std::unexpected(Error{Code::kIo, "down"});
    for (log::TopicEvent& event : events) appended.push_back(std::move(event));
    return {};
  }
  bool failing = false;
  std::vector<log::TopicEvent> appended;
};

}  // namespace stele::projections
