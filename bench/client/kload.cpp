// kload: a load client on librdkafka for any broker that speaks Kafka's protocol; ours and the
// peers get the same one. Every mode prints one JSON line.
//   kload create  -b B -t T -p PARTITIONS [-c key=value]…      topic settings with -c
//   kload delete  -b B -t T
//   kload produce -b B -t T -p PARTITIONS -n COUNT -s BYTES [-k KEYS] [-X key=value]…   -k:
//   16-digit
//                 keys, drawn from so many with a fixed seed
//   kload consume -b B -t T -p PARTITIONS -n COUNT [-X key=value]…
//   kload latency -b B -t T -p PARTITIONS -s BYTES -r RATE -d SECONDS [-w WARM_SECONDS] [-X …]
// latency: producer and consumer in one process; a record's time counts from the moment at which it
// should have been sent, so a stalled broker cannot hide behind a stalled client. Says "measuring"
// on stderr when the warm-up is over.
// Payload: 8,192 different JSON-like events, in turn: lz4 finds real redundancy, not a repetition.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Settings = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kPayloads = 8192;
constexpr int kAdminMs = 30'000;
constexpr auto kConsumeLongest = std::chrono::seconds(120);

struct Options {
  std::string brokers = "127.0.0.1:9092";
  std::string topic = "bench";
  std::int32_t partitions = 1;
  std::int64_t count = 1'000'000;
  std::size_t bytes = 1024;
  std::int64_t rate = 5000;
  std::int64_t seconds = 15;
  std::int64_t warm_seconds = 5;
  std::uint64_t keys = 0;  ///< 0: records have none
  Settings client;
  Settings topic_settings;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "kload: %s\n", why.c_str());
  std::exit(1);
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

double seconds_since(std::int64_t began_ns) {
  return static_cast<double>(now_ns() - began_ns) / 1e9;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<std::string> make_payloads(std::size_t bytes) {
  static constexpr std::string_view kTypes[] = {"OrderPlaced",  "OrderPaid",    "ItemAdded",
                                                "AddressMoved", "OrderShipped", "RefundIssued"};
  std::mt19937_64 random(17);
  std::vector<std::string> payloads(kPayloads);
  for (std::string& payload : payloads) {
    payload = R"({"id":")" + std::to_string(random()) + R"(","type":")" +
              std::string(kTypes[random() % std::size(kTypes)]) + R"(","customer":)" +
              std::to_string(random() % 1'000'000) + R"(,"lines":[)";
    while (payload.size() < bytes) {
      payload += R"({"sku":")" + std::to_string(random() & 0xffffffff) + R"(","quantity":)" +
                 std::to_string(random() % 20) + R"(,"price":)" +
                 std::to_string(random() % 100'000) + "},";
    }
    payload.resize(bytes);
  }
  return payloads;
}

void set(rd_kafka_conf_t* conf, const std::string& key, const std::string& value) {
  char why[512];
  if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK)
    give_up(why);
}

rd_kafka_t* make_client(rd_kafka_type_t type, rd_kafka_conf_t* conf, const Options& options) {
  set(conf, "bootstrap.servers", options.brokers);
  for (const auto& [key, value] : options.client) set(conf, key, value);
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof why);
  if (client == nullptr) give_up(why);
  return client;
}

// --- topics ---

void check_topics(const rd_kafka_topic_result_t** results, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
      give_up(rd_kafka_err2str(rd_kafka_topic_result_error(results[i])));
  }
}

rd_kafka_event_t* answer_of(rd_kafka_queue_t* queue) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kAdminMs);
  if (event == nullptr) give_up("no answer");
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
    give_up(rd_kafka_event_error_string(event));
  return event;
}

int create_topic(const Options& options) {
  rd_kafka_t* client = make_client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), options);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(options.topic.c_str(), options.partitions, 1, nullptr, 0);
  for (const auto& [key, value] : options.topic_settings)
    rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str());
  rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue);
  std::size_t count = 0;
  const auto* result = rd_kafka_event_CreateTopics_result(answer_of(queue));
  check_topics(rd_kafka_CreateTopics_result_topics(result, &count), count);
  return 0;
}

int delete_topic(const Options& options) {
  rd_kafka_t* client = make_client(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), options);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(options.topic.c_str());
  rd_kafka_DeleteTopics(client, &topic, 1, nullptr, queue);
  std::size_t count = 0;
  const auto* result = rd_kafka_event_DeleteTopics_result(answer_of(queue));
  check_topics(rd_kafka_DeleteTopics_result_topics(result, &count), count);
  return 0;
}

// --- producing ---

/// What delivery reports add up to. Given to librdkafka as the opaque of the client.
struct Deliveries {
  std::atomic<std::int64_t> good = 0;
  std::atomic<std::int64_t> bad = 0;
  std::vector<std::int64_t> us;  ///< of records that carry when they were due; the poller's thread
};

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& deliveries = *static_cast<Deliveries*>(opaque);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++deliveries.good;
  } else if (deliveries.bad++ < 5) {
    std::fprintf(stderr, "delivery: %s\n", rd_kafka_err2str(message->err));
  }
  const auto due = reinterpret_cast<std::intptr_t>(message->_private);
  if (due > 0) deliveries.us.push_back((now_ns() - due) / 1000);
}

rd_kafka_t* make_producer(const Options& options, Deliveries& deliveries) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "acks", "all");
  set(conf, "queue.buffering.max.messages", "1000000");
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  rd_kafka_conf_set_opaque(conf, &deliveries);
  return make_client(RD_KAFKA_PRODUCER, conf, options);
}

rd_kafka_topic_t* open_topic(rd_kafka_t* client, const Options& options) {
  rd_kafka_topic_t* topic = rd_kafka_topic_new(client, options.topic.c_str(), nullptr);
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(client, 0, topic, &metadata, kAdminMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
    give_up("no metadata");
  rd_kafka_metadata_destroy(metadata);
  return topic;
}

void print_run(const char* mode, const Options& options, double seconds, double cpu,
               std::int64_t errors) {
  const auto count = static_cast<double>(options.count);
  const double bytes = count * static_cast<double>(options.bytes);
  std::printf(
      "{\"mode\":\"%s\",\"count\":%lld,\"bytes\":%.0f,\"seconds\":%.4f,\"mb_s\":%.2f,"
      "\"records_s\":%.0f,\"client_cpu_s\":%.2f,\"errors\":%lld}\n",
      mode, static_cast<long long>(options.count), bytes, seconds, bytes / 1e6 / seconds,
      count / seconds, cpu, static_cast<long long>(errors));
  std::fflush(stdout);
}

int produce(const Options& options) {
  std::vector<std::string> payloads = make_payloads(options.bytes);
  Deliveries deliveries;
  rd_kafka_t* client = make_producer(options, deliveries);
  rd_kafka_topic_t* topic = open_topic(client, options);
  const double cpu = cpu_seconds();
  const std::int64_t began = now_ns();
  std::mt19937_64 random(23);
  std::array<char, 17> key{};
  for (std::int64_t i = 0; i < options.count; ++i) {
    std::string& payload = payloads[static_cast<std::size_t>(i) % kPayloads];
    std::size_t key_bytes = 0;
    if (options.keys > 0) {
      std::snprintf(key.data(), key.size(), "%016llx",
                    static_cast<unsigned long long>(random() % options.keys));
      key_bytes = key.size() - 1;
    }
    while (rd_kafka_produce(topic, static_cast<std::int32_t>(i % options.partitions), 0,
                            payload.data(), payload.size(), key_bytes > 0 ? key.data() : nullptr,
                            key_bytes, nullptr) == -1) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        give_up(rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(client, 10);
    }
    if (i % 1000 == 0) rd_kafka_poll(client, 0);
  }
  while (deliveries.good + deliveries.bad < options.count) rd_kafka_poll(client, 100);
  print_run("produce", options, seconds_since(began), cpu_seconds() - cpu, deliveries.bad);
  return deliveries.bad == 0 ? 0 : 1;
}

// --- consuming ---

rd_kafka_queue_t* start_consumer(const Options& options, std::int64_t from) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "group.id", "kload");
  set(conf, "enable.auto.commit", "false");
  set(conf, "queued.min.messages", "1000000");
  rd_kafka_t* client = make_client(RD_KAFKA_CONSUMER, conf, options);
  rd_kafka_poll_set_consumer(client);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(options.partitions);
  for (std::int32_t i = 0; i < options.partitions; ++i)
    rd_kafka_topic_partition_list_add(list, options.topic.c_str(), i)->offset = from;
  if (rd_kafka_assign(client, list) != RD_KAFKA_RESP_ERR_NO_ERROR) give_up("assign");
  rd_kafka_topic_partition_list_destroy(list);
  return rd_kafka_queue_get_consumer(client);
}

/// Takes up to `most` records off the queue and gives each to `use`. Returns how many.
template <class Use>
std::int64_t take(rd_kafka_queue_t* queue, int wait_ms, std::int64_t most, Use&& use) {
  static thread_local std::vector<rd_kafka_message_t*> messages(1000);
  // Never more than will come: the call waits for as many as it is asked for.
  const auto want = static_cast<std::size_t>(std::min<std::int64_t>(most, 1000));
  const ssize_t got = rd_kafka_consume_batch_queue(queue, wait_ms, messages.data(), want);
  std::int64_t records = 0;
  for (ssize_t i = 0; i < got; ++i) {
    rd_kafka_message_t* message = messages[static_cast<std::size_t>(i)];
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++records;
      use(*message);
    } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      std::fprintf(stderr, "consume: %s\n", rd_kafka_message_errstr(message));
    }
    rd_kafka_message_destroy(message);
  }
  return records;
}

// The clock starts at the first record: connecting and looking up offsets is not what is asked.
int consume(Options options) {
  const double cpu = cpu_seconds();
  const std::int64_t began = now_ns();
  std::int64_t first = 0;
  std::size_t bytes = 0;
  rd_kafka_queue_t* queue = start_consumer(options, RD_KAFKA_OFFSET_BEGINNING);
  for (std::int64_t seen = 0; seen < options.count;) {
    seen += take(queue, 1000, options.count - seen, [&](const rd_kafka_message_t& message) {
      bytes += message.len;
      if (first == 0) first = now_ns();
    });
    if (std::chrono::nanoseconds(now_ns() - began) > kConsumeLongest) give_up("too slow");
  }
  options.bytes = bytes / static_cast<std::size_t>(options.count);
  print_run("consume", options, seconds_since(first), cpu_seconds() - cpu, 0);
  ::_exit(0);  // closing a consumer takes a second that says nothing
}

// --- latency ---

void print_percentiles(const char* name, std::vector<std::int64_t>& us) {
  std::ranges::sort(us);
  const auto at = [&](double part) {
    if (us.empty()) return 0LL;
    const auto index = static_cast<std::size_t>(part * static_cast<double>(us.size()));
    return static_cast<long long>(us[std::min(index, us.size() - 1)]);
  };
  std::printf("\"%s\":{\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,\"p999\":%lld,\"max\":%lld}", name,
              at(.5), at(.9), at(.99), at(.999), at(1));
}

/// Sends at the wanted rate; the payload begins with when it was due, 0 during the warm-up.
void send_at_rate(rd_kafka_topic_t* topic, const Options& options) {
  std::vector<std::string> payloads = make_payloads(std::max<std::size_t>(options.bytes, 8));
  const std::int64_t warm = options.rate * options.warm_seconds;
  const std::int64_t total = warm + options.rate * options.seconds;
  const std::int64_t began = now_ns();
  for (std::int64_t i = 0; i < total; ++i) {
    const std::int64_t due = began + i * 1'000'000'000 / options.rate;
    std::this_thread::sleep_until(Clock::time_point(std::chrono::nanoseconds(due)));
    if (i == warm) std::fprintf(stderr, "measuring\n");
    const std::int64_t tag = i < warm ? 0 : due;
    std::string& payload = payloads[static_cast<std::size_t>(i) % kPayloads];
    std::memcpy(payload.data(), &tag, sizeof tag);
    if (rd_kafka_produce(topic, static_cast<std::int32_t>(i % options.partitions),
                         RD_KAFKA_MSG_F_COPY, payload.data(), payload.size(), nullptr, 0,
                         reinterpret_cast<void*>(static_cast<std::intptr_t>(tag))) == -1)
      give_up(rd_kafka_err2str(rd_kafka_last_error()));
  }
}

int latency(const Options& options) {
  const std::int64_t wanted = options.rate * options.seconds;
  std::vector<std::int64_t> received_us;
  std::atomic<std::int64_t> received = 0;
  std::atomic<bool> stop = false;
  rd_kafka_queue_t* queue = start_consumer(options, RD_KAFKA_OFFSET_END);
  Deliveries deliveries;
  rd_kafka_t* producer = make_producer(options, deliveries);
  rd_kafka_topic_t* topic = open_topic(producer, options);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // the consumer has found the end by then
  std::thread consumer([&] {
    while (!stop) {
      take(queue, 20, 1, [&](const rd_kafka_message_t& message) {
        std::int64_t due = 0;
        std::memcpy(&due, message.payload, sizeof due);
        if (due == 0) return;
        received_us.push_back((now_ns() - due) / 1000);
        ++received;
      });
    }
  });
  std::thread poller([&] {
    while (!stop) rd_kafka_poll(producer, 50);
  });
  send_at_rate(topic, options);
  rd_kafka_flush(producer, kAdminMs);
  for (int i = 0; i < 500 && received < wanted; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  stop = true;
  consumer.join();
  poller.join();
  std::printf(
      "{\"mode\":\"latency\",\"rate\":%lld,\"sent\":%lld,\"received\":%lld,\"errors\":%lld,",
      static_cast<long long>(options.rate), static_cast<long long>(wanted),
      static_cast<long long>(received.load()), static_cast<long long>(deliveries.bad));
  print_percentiles("end_to_end_us", received_us);
  std::printf(",");
  print_percentiles("acknowledged_us", deliveries.us);
  std::printf("}\n");
  std::fflush(stdout);
  ::_exit(received == wanted && deliveries.bad == 0 ? 0 : 1);
}

// --- arguments ---

std::pair<std::string, std::string> split_setting(const char* text) {
  const char* equals = std::strchr(text, '=');
  if (equals == nullptr) give_up(std::string("not key=value: ") + text);
  return {std::string(text, equals), equals + 1};
}

Options parse(int count, char** arguments) {
  Options options;
  optind = 2;
  for (int option = 0; (option = ::getopt(count, arguments, "b:t:p:n:s:k:r:d:w:X:c:")) != -1;) {
    switch (option) {
      case 'b':
        options.brokers = optarg;
        break;
      case 't':
        options.topic = optarg;
        break;
      case 'p':
        options.partitions = std::atoi(optarg);
        break;
      case 'n':
        options.count = std::atoll(optarg);
        break;
      case 's':
        options.bytes = static_cast<std::size_t>(std::atoll(optarg));
        break;
      case 'k':
        options.keys = static_cast<std::uint64_t>(std::atoll(optarg));
        break;
      case 'r':
        options.rate = std::atoll(optarg);
        break;
      case 'd':
        options.seconds = std::atoll(optarg);
        break;
      case 'w':
        options.warm_seconds = std::atoll(optarg);
        break;
      case 'X':
        options.client.push_back(split_setting(optarg));
        break;
      case 'c':
        options.topic_settings.push_back(split_setting(optarg));
        break;
      default:
        std::exit(2);
    }
  }
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view mode = count > 1 ? arguments[1] : "";
  const Options options = parse(count, arguments);
  if (mode == "create") return create_topic(options);
  if (mode == "delete") return delete_topic(options);
  if (mode == "produce") return produce(options);
  if (mode == "consume") return consume(options);
  if (mode == "latency") return latency(options);
  std::fprintf(stderr, "kload create|delete|produce|consume|latency …\n");
  return 2;
}
