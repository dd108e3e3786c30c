#include "tests/crash/driver.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/format/batch_builder.h"
#include "tests/crash/oracle.h"

namespace stele::crash {
namespace {

constexpr std::int64_t kTimeStart = 1'700'000'000'000;

}  // namespace

log::StoreOptions small_options() {
  return {.journal_bytes_min = 64 << 10,
          .journal_bytes_max = 64 << 10,
          .group_bytes_max = 16 << 10,
          .append_bytes_max = 8 << 10};
}

Driver::Driver(SimEnv& env, History& history, log::StoreOptions options)
    : env_(env), history_(history), options_(options) {}

Driver::~Driver() {
  store_.reset();
}

Result<void> Driver::open() {
  auto opened = log::Store::open(kFolder, env_, options_);
  if (!opened) return std::unexpected(opened.error());
  store_ = std::move(*opened);
  store_->on_advance([this](std::span<const log::PartitionAdvance> advances) {
    for (const log::PartitionAdvance& one : advances) {
      const auto topic = history_.find(one.partition.topic);
      if (topic) history_.seen[{*topic, one.partition.partition}].end = one.end;
    }
  });
  return {};
}

bool Driver::alive() const {
  return store_ != nullptr && !env_.crashed() && store_->state() == log::StoreState::kOpen;
}

void Driver::expect(bool holds, const std::string& what) {
  if (!holds && broken_.empty()) broken_ = what;
}

void Driver::close() {
  if (!alive()) return;
  settle();
  const auto closed = store_->close();
  expect(closed.has_value() || env_.crashed() || env_.fired_count() > 0, "a clean close failed");
  store_.reset();
}

void Driver::reopen() {
  if (!alive()) return;
  close();
  if (env_.crashed()) return;
  const auto opened = open();
  expect(opened.has_value() || env_.crashed() || env_.fired_count() > 0,
         "not opened after a clean close: " + (opened ? "" : opened.error().text()));
}

void Driver::answer(std::size_t index, const std::optional<Error>& error) {
  Asked& one = history_.asked[index];
  if (!error) {
    one.answer = Answer::kAcked;
  } else {
    refusals_.push_back(error->code);
    if (error->code == Code::kOutcomeUnknown) return;
    one.answer = Answer::kRefused;
    ++refused_;
    expect(refusals_allowed_ || env_.crashed() || env_.fired_count() > 0,
           "refused: " + error->text());
  }
}

std::size_t Driver::create(const std::string& name, std::int32_t partitions,
                           log::TopicSettings settings) {
  history_.topics.push_back({name, partitions, std::nullopt});
  const std::size_t topic = history_.topics.size() - 1;
  if (!alive()) return topic;
  Asked asked{.kind = Kind::kCreate, .batches = {}, .topic = topic, .settings = settings};
  const std::size_t index = history_.ask(std::move(asked));
  const auto created = store_->create_topic({name, partitions, std::move(settings)});
  if (created) history_.topics[topic].id = (*created)->id;
  answer(index, created ? std::nullopt : std::optional(created.error()));
  return topic;
}

void Driver::configure(std::size_t topic, log::TopicSettings settings) {
  if (!alive() || !history_.topics[topic].id) return;
  Asked asked{.kind = Kind::kConfigure, .batches = {}, .topic = topic, .settings = settings};
  const std::size_t index = history_.ask(std::move(asked));
  const auto done = store_->configure_topic(*history_.topics[topic].id, settings);
  answer(index, done ? std::nullopt : std::optional(done.error()));
}

void Driver::drop(std::size_t topic) {
  if (!alive() || !history_.topics[topic].id) return;
  const std::size_t index =
      history_.ask({.kind = Kind::kDelete, .batches = {}, .topic = topic, .settings = {}});
  const auto done = store_->delete_topic(*history_.topics[topic].id);
  answer(index, done ? std::nullopt : std::optional(done.error()));
}

void Driver::reserve(std::int32_t count) {
  if (!alive()) return;
  const std::int64_t expected = expected_after(history_, history_.asked.size()).next_producer_id;
  const std::size_t index =
      history_.ask({.kind = Kind::kReserve, .batches = {}, .settings = {}, .number = count});
  const auto first = store_->reserve_producer_ids(count);
  answer(index, first ? std::nullopt : std::optional(first.error()));
  if (first) expect(*first == expected, "producer ids were given twice, or left out");
}

Batch Driver::make_batch(Place place, std::int32_t records, std::size_t value_bytes,
                         std::int64_t producer, std::int32_t sequence) {
  BatchOptions options;
  if (producer >= 0)
    options = {.producer_id = producer, .producer_epoch = 0, .base_sequence = sequence};
  BatchBuilder builder(options);
  const std::size_t number = history_.asked.size();
  const std::int64_t time = kTimeStart + static_cast<std::int64_t>(number);
  std::string value = std::to_string(number) + " " + std::to_string(place.topic) + "-" +
                      std::to_string(place.partition) + " ";
  value.resize(std::max(value.size(), value_bytes), static_cast<char>('a' + number % 26));
  for (std::int32_t i = 0; i < records; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::string key =
        key_count_ == 0 ? "key" : "key" + std::to_string((number * 5 + at) % key_count_);
    NewRecord record{
        .key = as_bytes(key), .value = as_bytes(value), .headers = {}, .timestamp_ms = time};
    if (key_count_ > 0 && number % 7 == 3) record.value.reset();
    STELE_CHECK(builder.add(record).has_value());
  }
  auto bytes = builder.finish();
  STELE_CHECK(bytes.has_value());
  return {.place = place,
          .bytes = std::make_shared<const Bytes>(std::move(*bytes)),
          .record_count = records,
          .timestamp_ms = time,
          .producer = producer,
          .first_sequence = sequence};
}

void Driver::ask_append(std::vector<Batch> batches, std::optional<std::size_t> retry_of) {
  log::AppendRequest request;
  for (const Batch& batch : batches) {
    request.batches.push_back(
        {.to = {*history_.topics[batch.place.topic].id, batch.place.partition},
         .batch = *batch.bytes,
         .min_timestamp_ms = batch.timestamp_ms,
         .max_timestamp_ms = batch.timestamp_ms});
  }
  const std::size_t index = history_.ask(
      {.kind = Kind::kAppend, .batches = std::move(batches), .retry_of = retry_of, .settings = {}});
  if (pipelined_) {
    ++pending_;
    store_->submit(std::move(request), [this, index](Result<log::AppendOutcome> result) {
      --pending_;
      answered(index, result);
    });
  } else {
    answered(index, store_->append(std::move(request)));
  }
}

void Driver::answered(std::size_t index, const Result<log::AppendOutcome>& result) {
  answer(index, result ? std::nullopt : std::optional(result.error()));
  if (result) check_outcome(index, *result);
}

// What is answered is where it will be found: the same as if it had been asked for alone.
void Driver::check_outcome(std::size_t index, const log::AppendOutcome& outcome) {
  const Asked& one = history_.asked[index];
  expect(outcome.size() == one.batches.size(), "an answer for each batch");
  const std::size_t first = history_.first_try(index);
  std::int64_t position = 0;
  std::map<Place, std::int64_t> ends;
  for (std::size_t i = 0; i < first; ++i) {
    if (!history_.counts(i)) continue;
    position += history_.asked[i].record_count();
    for (const Batch& batch : history_.asked[i].batches) ends[batch.place] += batch.record_count;
  }
  for (std::size_t i = 0; i < outcome.size() && i < one.batches.size(); ++i) {
    const log::AppendedBatch& batch = outcome[i];
    expect(batch.base_offset.raw() == ends[one.batches[i].place], "answered with another offset");
    expect(batch.position.raw() == position, "answered with another position");
    expect(batch.duplicate == (first != index), "a retry is a duplicate, nothing else is");
    position += one.batches[i].record_count;
  }
}

void Driver::append(Place place, std::int32_t records, std::size_t value_bytes) {
  append_all({place}, records, value_bytes);
}

void Driver::append_all(const std::vector<Place>& places, std::int32_t records,
                        std::size_t value_bytes) {
  if (!alive()) return;
  std::vector<Batch> batches;
  for (const Place& place : places) {
    if (!history_.topics[place.topic].id) return;
    batches.push_back(make_batch(place, records, value_bytes, -1, -1));
  }
  ask_append(std::move(batches), std::nullopt);
}

void Driver::produce(std::int64_t producer, Place place, std::int32_t records) {
  if (!alive() || !history_.topics[place.topic].id) return;
  std::int32_t sequence = 0;
  for (std::size_t i = 0; i < history_.asked.size(); ++i) {
    if (!history_.counts(i)) continue;
    for (const Batch& batch : history_.asked[i].batches) {
      if (batch.producer == producer && batch.place == place) sequence += batch.record_count;
    }
  }
  // What was refused is sent again as it was: a sequence number never names two batches.
  for (std::size_t i = history_.asked.size(); i-- > 0;) {
    const Asked& one = history_.asked[i];
    if (one.batches.size() != 1 || one.batches[0].producer != producer ||
        one.batches[0].place != place || one.batches[0].first_sequence != sequence)
      continue;
    ask_append(std::vector(one.batches), one.retry_of.value_or(i));
    return;
  }
  ask_append({make_batch(place, records, 40, producer, sequence)}, std::nullopt);
}

void Driver::retry(std::int64_t producer, Place place, std::size_t back) {
  if (!alive()) return;
  for (std::size_t i = history_.asked.size(); i-- > 0;) {
    const Asked& one = history_.asked[i];
    if (one.kind != Kind::kAppend || !history_.counts(i) || one.batches.size() != 1) continue;
    if (one.batches[0].producer != producer || one.batches[0].place != place) continue;
    if (back-- > 0) continue;
    ask_append(std::vector(one.batches), one.retry_of.value_or(i));
    return;
  }
}

void Driver::poll() {
  if (alive()) store_->poll();
}

void Driver::settle() {
  if (store_ != nullptr) store_->run_until([this] { return pending_ == 0; });
}

Offset Driver::end(Place place) const {
  const auto seen = history_.seen.find(place);
  return seen == history_.seen.end() ? Offset(0) : seen->second.end;
}

void Driver::trim(Place place, Offset before) {
  if (!alive() || !history_.topics[place.topic].id) return;
  const std::size_t index = history_.ask({.kind = Kind::kTrim,
                                          .batches = {},
                                          .topic = place.topic,
                                          .settings = {},
                                          .number = before.raw(),
                                          .partition = place.partition});
  const auto done =
      store_->delete_records({*history_.topics[place.topic].id, place.partition}, before);
  answer(index, done ? std::nullopt : std::optional(done.error()));
}

void Driver::maintain(std::chrono::nanoseconds later) {
  if (!alive()) return;
  env_.advance(later);
  store_->maintain();
  for (int i = 0; i < 6 && alive(); ++i) store_->poll();
}

void Driver::compact(int polls) {
  for (int i = 0; i < polls && alive(); ++i) {
    if (i % 8 == 0) store_->maintain();
    store_->poll();
  }
}

void Driver::poke() {
  env_.advance(std::chrono::seconds(20));
  for (int i = 0; i < 5; ++i) {
    store_->maintain();
    store_->poll();
  }
  const auto created = store_->create_topic({.name = "poke"});
  expect(!created && created.error().code == Code::kClosed,
         "a stopped store takes what it is given");
  expect(!store_->close(), "a stopped store closes as if all were well");
}

void Driver::look() {
  if (!alive()) return;
  History copy = history_;
  const auto judged = judge(*store_, copy, history_.asked.size());
  expect(judged.has_value() || env_.crashed() || env_.fired_count() > 0,
         "while running: " + (judged ? "" : judged.error().text()));
  if (judged) history_.seen = copy.seen;
}

}  // namespace stele::crash
