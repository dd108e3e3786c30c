#include "projections/remote/kafka_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "log/base/fail.h"
#include "projections/remote/kafka_lot.h"

namespace stele::projections {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPollEvery{100};  ///< callbacks, and fatal errors, while nothing comes
constexpr std::uint64_t kWake = 1;
// librdkafka looks again at a queue that was full only when something else wakes its thread, up to a
// second later. So: ask the leader something, if nothing has come for a while.
constexpr milliseconds kStalledAfter{3};
constexpr milliseconds kWakeEvery{20};
constexpr milliseconds kWakeLongest{2};

/// A partition that is being read.
struct Input {
  InputId id;
  std::string place;  ///< for messages
  rd_kafka_topic_t* topic = nullptr;
  KafkaQueue queue;
  std::int64_t next = 0;
  bool started = false;
  bool at_end = false;
};

/// The client with its partitions and queues. Lots keep it: their messages refer into it.
struct Fetching {
  std::shared_ptr<KafkaClient> client;
  std::vector<std::pair<std::string, KafkaTopic>> topics;
  std::vector<Input> inputs;
  int wake_fd = -1;

  Fetching() = default;
  Fetching(const Fetching&) = delete;
  Fetching& operator=(const Fetching&) = delete;
  ~Fetching() {
    for (Input& input : inputs) {
      if (!input.started) continue;
      rd_kafka_queue_io_event_enable(input.queue.get(), -1, nullptr, 0);
      rd_kafka_consume_stop(input.topic, input.id.partition);
    }
    inputs.clear();
    topics.clear();
    client.reset();
    if (wake_fd >= 0) close(wake_fd);
  }

  [[nodiscard]] rd_kafka_topic_t* topic(const std::string& name) {
    for (const auto& [known, handle] : topics) {
      if (known == name) return handle.get();
    }
    topics.emplace_back(name, rd_kafka_topic_new(client->get(), name.c_str(), nullptr));
    return topics.back().second.get();
  }
};

class KafkaReader final : public SourceReader {
public:
  KafkaReader(std::shared_ptr<Fetching> fetching, std::size_t lot_events_max)
      : fetching_(std::move(fetching)), taken_(std::max<std::size_t>(lot_events_max, 1)) {}

  Result<LotPtr> next(nanoseconds longest) override;

private:
  /// Null: no queue has anything.
  Result<LotPtr> take_turns();
  Result<LotPtr> take(Input& input);
  /// True if the message is a record; else what it says is noted.
  bool is_record(Input& input, const rd_kafka_message_t& message);
  [[nodiscard]] bool at_end() const {
    return std::ranges::all_of(fetching_->inputs, &Input::at_end);
  }
  [[nodiscard]] LotPtr nothing() const;
  /// Until a queue has something, or for a while.
  void sleep(nanoseconds longest) const;
  [[nodiscard]] bool may_be_stalled() const {
    const auto now = steady_clock::now();
    return !at_end() && now - given_ > kStalledAfter && now - woken_ > kWakeEvery;
  }
  void wake_fetching();

  std::shared_ptr<Fetching> fetching_;
  std::vector<rd_kafka_message_t*> taken_;
  std::size_t turn_ = 0;
  std::optional<Error> failure_;  ///< told when what came before it has been given
  bool told_end_ = false;
  steady_clock::time_point given_;  ///< when the last lot was
  steady_clock::time_point woken_;  ///< when fetching was, last
};

Result<LotPtr> KafkaReader::next(nanoseconds longest) {
  const auto until = steady_clock::now() + std::min<nanoseconds>(longest, std::chrono::hours(24));
  for (;;) {
    if (failure_) return std::unexpected(*failure_);
    STELE_DO(fetching_->client->poll(milliseconds(0)));
    STELE_TRY(LotPtr lot, take_turns());
    if (lot != nullptr) {
      told_end_ = lot->end;
      given_ = steady_clock::now();
      return lot;
    }
    if (failure_) continue;
    if (may_be_stalled()) wake_fetching();
    const nanoseconds left = until - steady_clock::now();
    if ((at_end() && !told_end_) || left <= nanoseconds(0)) {
      told_end_ = at_end();
      return nothing();
    }
    sleep(left);
  }
}

Result<LotPtr> KafkaReader::take_turns() {
  std::vector<Input>& inputs = fetching_->inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs[turn_];
    turn_ = (turn_ + 1) % inputs.size();
    STELE_TRY(LotPtr lot, take(input));
    if (lot != nullptr || failure_) return lot;
  }
  return nullptr;
}

Result<LotPtr> KafkaReader::take(Input& input) {
  const ssize_t count =
      rd_kafka_consume_batch_queue(input.queue.get(), 0, taken_.data(), taken_.size());
  if (count <= 0) return nullptr;
  const std::span<rd_kafka_message_t*> messages(taken_.data(), static_cast<std::size_t>(count));
  std::size_t record_count = 0;
  for (rd_kafka_message_t* message : messages) {
    if (is_record(input, *message)) {
      messages[record_count++] = message;
    } else {
      rd_kafka_message_destroy(message);
    }
  }
  auto lot = std::make_shared<KafkaLot>(fetching_, input.id, messages.first(record_count));
  lot->next = input.next;
  std::int64_t first = 0;
  std::int64_t end = 0;
  rd_kafka_get_watermark_offsets(fetching_->client->get(), input.id.topic.c_str(),
                                 input.id.partition, &first, &end);
  lot->input_end = input.at_end ? input.next : std::max(input.next, end);
  lot->end = at_end();
  return lot;
}

bool KafkaReader::is_record(Input& input, const rd_kafka_message_t& message) {
  if (failure_) return false;  // what follows it is fetched again, by the next reader
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      input.at_end = false;
      input.next = message.offset + 1;
      return true;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      input.at_end = true;
      input.next = std::max(input.next, message.offset);
      return false;
    default:
      failure_ = kafka_error(message.err, fmt::format("{} at {}", input.place, input.next));
      if (const char* why = rd_kafka_message_errstr(&message); why != nullptr)
        failure_->detail += fmt::format(" ({})", why);
      return false;
  }
}

LotPtr KafkaReader::nothing() const {
  auto lot = std::make_shared<KafkaLot>(nullptr, InputId(), std::span<rd_kafka_message_t*>());
  if (!fetching_->inputs.empty()) {
    const Input& input = fetching_->inputs[turn_];
    lot->input = input.id;
    lot->next = lot->input_end = input.next;
  }
  lot->end = at_end();
  return lot;
}

void KafkaReader::sleep(nanoseconds longest) const {
  longest = std::min<nanoseconds>(longest, at_end() ? kPollEvery : kStalledAfter);
  pollfd waiting{.fd = fetching_->wake_fd, .events = POLLIN, .revents = 0};
  std::uint64_t count = 0;
  if (::poll(&waiting, 1, timeout_ms(longest)) > 0)
    static_cast<void>(!read(fetching_->wake_fd, &count, sizeof count));
}

void KafkaReader::wake_fetching() {
  woken_ = steady_clock::now();
  const std::vector<Input>& inputs = fetching_->inputs;
  const auto behind = std::ranges::find(inputs.begin() + static_cast<std::ptrdiff_t>(turn_),
                                        inputs.end(), false, &Input::at_end);
  turn_ = (turn_ + 1) % inputs.size();
  if (behind == inputs.end()) return;
  std::int64_t first = 0;
  std::int64_t end = 0;
  rd_kafka_query_watermark_offsets(fetching_->client->get(), behind->id.topic.c_str(),
                                   behind->id.partition, &first, &end, timeout_ms(kWakeLongest));
}

/// Where an input is read from: "nowhere yet" is where it begins, whatever was removed.
std::int64_t start_of(const Checkpoint& from, const InputId& input) {
  const std::int64_t next = from.next(input);
  return next == 0 ? RD_KAFKA_OFFSET_BEGINNING : next;
}

Result<void> start(Fetching& fetching, const InputId& id, const Checkpoint& from,
                   const std::string& brokers) {
  Input& input = fetching.inputs.emplace_back();
  input.id = id;
  input.place = fmt::format("kafka {}: {}/{}", brokers, id.topic, id.partition);
  input.next = from.next(id);
  input.topic = fetching.topic(id.topic);
  input.queue.reset(rd_kafka_queue_new(fetching.client->get()));
  rd_kafka_queue_io_event_enable(input.queue.get(), fetching.wake_fd, &kWake, sizeof kWake);
  if (rd_kafka_consume_start_queue(input.topic, id.partition, start_of(from, id),
                                   input.queue.get()) != 0)
    return std::unexpected(kafka_error(rd_kafka_last_error(), input.place));
  input.started = true;
  return {};
}

KafkaSettings reader_settings(const KafkaOptions& options, std::size_t input_count) {
  KafkaSettings settings = {
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"auto.offset.reset", "error"},
      {"check.crcs", "true"},
      // By bytes alone: a queue at a limit is looked at again after up to a second.
      {"queued.min.messages", "1000000"},
      {"queued.max.messages.kbytes",
       std::to_string(std::max<std::size_t>(
           options.fetched_bytes_max / 1024 / std::max<std::size_t>(input_count, 1), 64))},
      {"fetch.error.backoff.ms", "100"},
      {"fetch.wait.max.ms", "100"},  // the end is known when a fetch has found nothing
  };
  const KafkaSettings shared = kafka_settings(options);
  settings.insert(settings.end(), shared.begin(), shared.end());
  return settings;
}

Result<void> check_inputs(KafkaClient& client, const std::vector<InputId>& inputs,
                          const KafkaOptions& options) {
  std::vector<std::string> topics;
  for (const InputId& input : inputs) topics.push_back(input.topic);
  std::ranges::sort(topics);
  topics.erase(std::ranges::unique(topics).begin(), topics.end());
  STELE_TRY(const auto counts, client.partition_counts(topics, options.answer_within));
  for (const InputId& input : inputs) {
    const auto at = std::ranges::lower_bound(topics, input.topic) - topics.begin();
    const std::int32_t count = counts[static_cast<std::size_t>(at)];
    if (input.partition < 0 || input.partition >= count)
      return fail(Code::kNotFound, "kafka {}: topic {} has {} partitions, none is {}",
                  options.brokers, input.topic, count, input.partition);
  }
  return {};
}

}  // namespace

KafkaSettings kafka_settings(const KafkaOptions& options) {
  KafkaSettings settings = {
      {"bootstrap.servers", options.brokers},
      {"client.id", "stele"},
      {"reconnect.backoff.ms", "20"},
      {"reconnect.backoff.max.ms", "1000"},
      {"topic.metadata.refresh.interval.ms", "10000"},
      {"allow.auto.create.topics", "false"},
  };
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  return settings;
}

Result<std::unique_ptr<SourceReader>> open_kafka_reader(const KafkaOptions& options,
                                                        const std::vector<InputId>& inputs,
                                                        const Checkpoint& from) {
  auto fetching = std::make_shared<Fetching>();
  STELE_TRY(fetching->client,
            KafkaClient::open(RD_KAFKA_CONSUMER, reader_settings(options, inputs.size())));
  STELE_DO(check_inputs(*fetching->client, inputs, options));
  fetching->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fetching->wake_fd < 0) return fail(Code::kIo, "eventfd: errno {}", errno);
  fetching->inputs.reserve(inputs.size());
  for (const InputId& id : inputs) STELE_DO(start(*fetching, id, from, options.brokers));
  return std::make_unique<KafkaReader>(std::move(fetching), options.lot_events_max);
}

}  // namespace stele::projections
