#include "projections/remote/kafka_source.h"

#include <mutex>

#include "log/base/fail.h"
#include "projections/remote/kafka_producer.h"
#include "projections/remote/kafka_reader.h"
#include "projections/remote/kafka_token.h"

namespace stele::projections {
namespace {

class KafkaSource final : public Source {
public:
  KafkaSource(KafkaOptions options, std::shared_ptr<KafkaClient> asking, Env& env)
      : options_(std::move(options)), asking_(std::move(asking)), env_(env) {}

  [[nodiscard]] std::string name() const override { return "kafka " + options_.brokers; }

  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    const std::lock_guard lock(mutex_);
    STELE_TRY(const auto counts, asking_->partition_counts(topics, options_.answer_within));
    std::vector<InputId> inputs;
    for (std::size_t i = 0; i < topics.size(); ++i) {
      for (std::int32_t partition = 0; partition < counts[i]; ++partition)
        inputs.push_back({topics[i], partition});
    }
    return inputs;
  }

  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& /*topics*/,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override {
    return open_kafka_reader(options_, inputs, from);
  }

  Result<Checkpoint> end(const std::vector<InputId>& inputs) override;

  Result<std::string> token(const Checkpoint& checkpoint) override {
    return encode_kafka_token(checkpoint);
  }
  Result<Checkpoint> parse_token(std::string_view token) override {
    return decode_kafka_token(token);
  }

  EventAccess* events() override { return nullptr; }

  Result<void> append(std::vector<log::TopicEvent> events) override {
    STELE_TRY(KafkaProducer * producer, opened_producer());
    return producer->append(events, env_.wall_us() / 1000);
  }

private:
  Result<KafkaProducer*> opened_producer() {
    const std::lock_guard lock(mutex_);
    if (producer_ == nullptr) {
      STELE_TRY(producer_, KafkaProducer::open(options_));
    }
    return producer_.get();
  }

  KafkaOptions options_;
  std::mutex mutex_;
  std::shared_ptr<KafkaClient> asking_;
  std::unique_ptr<KafkaProducer> producer_;
  Env& env_;
};

Result<Checkpoint> KafkaSource::end(const std::vector<InputId>& inputs) {
  const std::lock_guard lock(mutex_);
  Checkpoint end;
  for (const InputId& input : inputs) {
    std::int64_t first = 0;
    std::int64_t next = 0;
    const auto error =
        rd_kafka_query_watermark_offsets(asking_->get(), input.topic.c_str(), input.partition,
                                         &first, &next, timeout_ms(options_.answer_within));
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
      return std::unexpected(kafka_error(
          error, fmt::format("{}: end of {}/{}", name(), input.topic, input.partition)));
    end.set(input, next);
  }
  return end;
}

}  // namespace

Result<std::unique_ptr<Source>> open_kafka_source(KafkaOptions options, Env& env) {
  KafkaSettings settings = kafka_settings(options);
  settings.insert(settings.begin(), {"isolation.level", "read_committed"});
  STELE_TRY(auto asking, KafkaClient::open(RD_KAFKA_CONSUMER, settings));
  return std::make_unique<KafkaSource>(std::move(options), std::move(asking), env);
}

}  // namespace stele::projections
