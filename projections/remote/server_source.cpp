#include "projections/remote/server_source.h"

#include <algorithm>
#include <span>

#include "log/base/fail.h"
#include "projections/remote/position_reader.h"
#include "projections/remote/server_access.h"

namespace stele::projections {
namespace {

constexpr std::size_t kAppendCountMax = 1000;

class ServerSource final : public Source {
public:
  ServerSource(ServerOptions options, std::unique_ptr<Source> partitions)
      : options_(std::move(options)),
        partitions_(std::move(partitions)),
        access_(options_.grpc, options_.answer_within) {}

  [[nodiscard]] std::string name() const override { return access_.place(); }

  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    if (by_partition()) return partitions_->inputs(topics);
    STELE_DO(access_.check_topics(topics));
    return std::vector<InputId>{InputId::store()};
  }

  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override {
    if (by_partition()) return partitions_->open(topics, inputs, from);
    if (topics.empty() || inputs != std::vector<InputId>{InputId::store()})
      return fail(Code::kInvalid, "by position a server is one input, with some topics");
    STELE_DO(access_.check_topics(topics));
    return open_position_reader(access_, topics, Position(from.next(InputId::store())));
  }

  Result<Checkpoint> end(const std::vector<InputId>& inputs) override {
    if (by_partition()) return partitions_->end(inputs);
    STELE_TRY(const Position end, access_.end());
    return Checkpoint::of_store(end.raw());
  }

  Result<std::string> token(const Checkpoint& checkpoint) override {
    if (by_partition()) return partitions_->token(checkpoint);
    return access_.token(Position(checkpoint.next(InputId::store())));
  }

  Result<Checkpoint> parse_token(std::string_view token) override {
    if (by_partition()) return partitions_->parse_token(token);
    STELE_TRY(const Position next, access_.parse_token(token));
    return Checkpoint::of_store(next.raw());
  }

  EventAccess* events() override { return &access_; }

  Result<void> append(std::vector<log::TopicEvent> events) override {
    for (std::span<const log::TopicEvent> left = events; !left.empty();) {
      const auto some = left.first(std::min(left.size(), kAppendCountMax));
      STELE_DO(append_some(some));
      left = left.subspan(some.size());
    }
    return {};
  }

private:
  [[nodiscard]] bool by_partition() const { return options_.order == ServerOrder::kByPartition; }
  Result<void> append_some(std::span<const log::TopicEvent> events);

  ServerOptions options_;
  std::unique_ptr<Source> partitions_;  ///< the same server, over the Kafka protocol; or null
  ServerAccess access_;
};

// An append that is cut otherwise than the attempt before it is refused for the ids that are there
// already: then by halves, down to single events, each of which is a retry or new.
Result<void> ServerSource::append_some(std::span<const log::TopicEvent> events) {
  auto appended = access_.append({.events = {events.begin(), events.end()}});
  if (appended) return {};
  Error error = std::move(appended).error().error;
  const bool is_divisible = error.code == Code::kAlreadyExists || error.code == Code::kTooLarge;
  if (!is_divisible || events.size() == 1) return std::unexpected(std::move(error));
  const std::size_t half = events.size() / 2;
  STELE_DO(append_some(events.first(half)));
  return append_some(events.subspan(half));
}

}  // namespace

Result<std::unique_ptr<Source>> open_server_source(ServerOptions options, Env& env) {
  std::unique_ptr<Source> partitions;
  if (options.order == ServerOrder::kByPartition) {
    STELE_TRY(partitions, open_kafka_source(options.kafka, env));
  }
  return std::make_unique<ServerSource>(std::move(options), std::move(partitions));
}

}  // namespace stele::projections
