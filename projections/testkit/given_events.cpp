#include "projections/testkit/given_events.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/events/event_record.h"

namespace stele::projections {

namespace {

class GivenLot final : public Lot {
public:
  std::vector<InputEvent> views;
};

constexpr std::string_view kDigits = "0123456789abcdef";

std::int32_t digit(char c) {
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<std::int32_t>(at);
}

std::optional<std::string> text_of(const std::optional<ByteView>& bytes) {
  return bytes ? std::optional<std::string>(as_text(*bytes)) : std::nullopt;
}

}  // namespace

/// Gives the inputs' events in turns, a lot of each.
class GivenReader final : public SourceReader {
public:
  GivenReader(const GivenEvents& events, std::vector<std::string> topics,
              std::vector<InputPlace> places)
      : events_(events), topics_(std::move(topics)), places_(std::move(places)) {}

  Result<LotPtr> next(std::chrono::nanoseconds longest) override {
    std::unique_lock lock(events_.mutex_);
    events_.grown_.wait_for(lock, longest, [this] { return find_input(); });
    if (!find_input()) return caught_up();
    InputPlace& place = places_[turn_];
    auto lot = std::make_shared<GivenLot>();
    lot->input = place.input;
    lot->input_end = events_.end_of(place.input);
    while (place.next < lot->input_end && lot->views.size() < events_.lot_events_) {
      const InputEvent& event = events_.at_place(place.input, place.next++).view;
      if (std::ranges::find(topics_, event.topic) != topics_.end()) lot->views.push_back(event);
    }
    lot->next = place.next;
    lot->events = lot->views;
    turn_ = (turn_ + 1) % places_.size();
    return lot;
  }

private:
  /// Moves turn_ to an input that has more; false if none has.
  bool find_input() {
    for (std::size_t tried = 0; tried < places_.size(); ++tried) {
      const InputPlace& place = places_[turn_];
      if (place.next < events_.end_of(place.input)) return true;
      turn_ = (turn_ + 1) % places_.size();
    }
    return false;
  }

  LotPtr caught_up() const {
    auto lot = std::make_shared<GivenLot>();
    lot->end = true;
    if (places_.empty()) return lot;
    lot->input = places_[turn_].input;
    lot->next = places_[turn_].next;
    lot->input_end = lot->next;
    return lot;
  }

  const GivenEvents& events_;
  std::vector<std::string> topics_;
  std::vector<InputPlace> places_;
  std::size_t turn_ = 0;
};

void GivenEvents::add_topic(const std::string& topic, std::int32_t partition_count) {
  const std::lock_guard lock(mutex_);
  std::vector<Partition>& partitions = topics_[topic];
  partitions.resize(std::max(partitions.size(), static_cast<std::size_t>(partition_count)));
}

Position GivenEvents::add(GivenEvent event) {
  const std::lock_guard lock(mutex_);
  return keep(std::move(event));
}

Position GivenEvents::keep(GivenEvent event) {
  const Position position(static_cast<std::int64_t>(all_.size()));
  if (!event.recorded_us) {
    event.recorded_us = all_.empty() ? kFirstRecordedUs : all_.back().view.recorded_us + 1000;
  }
  if (!event.time_ms) event.time_ms = *event.recorded_us / 1000;
  Kept& kept = all_.emplace_back();
  kept.event = std::move(event);
  const GivenEvent& given = kept.event;
  for (const log::Attribute& header : given.headers) {
    if (header.name == "ce_id" && header.value) ids_.emplace(given.topic, *header.value);
    kept.headers.push_back(
        {header.name, header.value ? std::optional(as_bytes(*header.value)) : std::nullopt});
  }
  std::vector<Partition>& partitions = topics_[given.topic];
  const auto number = static_cast<std::size_t>(given.partition);
  if (partitions.size() <= number) partitions.resize(number + 1);
  std::vector<const Kept*>& events = partitions[number].events;
  kept.view = {.topic = given.topic,
               .partition = given.partition,
               .offset = Offset(static_cast<std::int64_t>(events.size())),
               .position = position,
               .recorded_us = *given.recorded_us,
               .time_ms = *given.time_ms,
               .type = given.type,
               .headers = kept.headers};
  if (given.data) kept.view.data = as_bytes(*given.data);
  if (given.stream) {
    kept.view.stream = as_bytes(*given.stream);
    kept.view.version = Version(versions_[{given.topic, *given.stream}]++);
  }
  events.push_back(&kept);
  grown_.notify_all();
  return position;
}

std::size_t GivenEvents::count() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

GivenEvent GivenEvents::at(Position position) const {
  const std::lock_guard lock(mutex_);
  return all_.at(static_cast<std::size_t>(position.raw())).event;
}

std::int64_t GivenEvents::end_of(const InputId& input) const {
  if (input.is_store()) return static_cast<std::int64_t>(all_.size());
  const auto topic = topics_.find(input.topic);
  const auto number = static_cast<std::size_t>(input.partition);
  if (topic == topics_.end() || number >= topic->second.size()) return 0;
  return static_cast<std::int64_t>(topic->second[number].events.size());
}

const GivenEvents::Kept& GivenEvents::at_place(const InputId& input, std::int64_t place) const {
  const auto index = static_cast<std::size_t>(place);
  if (input.is_store()) return all_[index];
  return *topics_.find(input.topic)
              ->second[static_cast<std::size_t>(input.partition)]
              .events[index];
}

Result<std::vector<InputId>> GivenEvents::inputs(const std::vector<std::string>& topics) {
  const std::lock_guard lock(mutex_);
  std::vector<InputId> inputs;
  for (const std::string& topic : topics) {
    const auto found = topics_.find(topic);
    if (found == topics_.end()) {
      return fail(Code::kNotFound, "topic {} is not among the given events", topic);
    }
    for (std::size_t number = 0; number < found->second.size(); ++number) {
      inputs.push_back({topic, static_cast<std::int32_t>(number)});
    }
  }
  if (inputs_ == Inputs::kStore) return std::vector{InputId::store()};
  return inputs;
}

Result<std::unique_ptr<SourceReader>> GivenEvents::open(const std::vector<std::string>& topics,
                                                        const std::vector<InputId>& inputs,
                                                        const Checkpoint& from) {
  STELE_TRY(const Checkpoint ends, end(inputs));
  std::vector<InputPlace> places;
  for (const InputId& input : inputs) {
    const std::int64_t next = from.next(input);
    if (next < 0 || next > ends.next(input)) {
      return fail(Code::kOutOfRange, "given events end at {}, the checkpoint says {}",
                  ends.next(input), next);
    }
    places.push_back({input, next});
  }
  return std::make_unique<GivenReader>(*this, topics, std::move(places));
}

Result<Checkpoint> GivenEvents::end(const std::vector<InputId>& inputs) {
  const std::lock_guard lock(mutex_);
  Checkpoint ends;
  for (const InputId& input : inputs) ends.set(input, end_of(input));
  return ends;
}

Result<std::string> GivenEvents::token(const Checkpoint& checkpoint) {
  Bytes bytes;
  checkpoint.encode(bytes);
  std::string text = "given-";
  for (const std::byte byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

Result<Checkpoint> GivenEvents::parse_token(std::string_view token) {
  constexpr std::string_view kStart = "given-";
  const auto refused = [&] {
    return fail(Code::kInvalid, "'{}' is no token of given events", token);
  };
  if (!token.starts_with(kStart) || token.size() % 2 != 0) return refused();
  Bytes bytes;
  for (std::size_t at = kStart.size(); at < token.size(); at += 2) {
    const std::int32_t high = digit(token[at]);
    const std::int32_t low = digit(token[at + 1]);
    if (high < 0 || low < 0) return refused();
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  ByteView left = bytes;
  const Result<Checkpoint> checkpoint = Checkpoint::decode(left);
  if (!checkpoint || !left.empty()) return refused();
  return *checkpoint;
}

Result<void> GivenEvents::append(std::vector<log::TopicEvent> events) {
  log::EventEncoder encoder;
  const std::lock_guard lock(mutex_);
  for (const log::TopicEvent& event : events) {
    if (!event.event.id.empty() && ids_.contains({event.topic, event.event.id})) continue;
    const std::int64_t now_ms =
        (all_.empty() ? kFirstRecordedUs : all_.back().view.recorded_us) / 1000;
    STELE_TRY(const NewRecord record, encoder.encode(event.event, now_ms));
    GivenEvent given{.topic = event.topic,
                     .stream = text_of(record.key),
                     .type = event.event.type,
                     .data = text_of(record.value),
                     .time_ms = record.timestamp_ms};
    for (const HeaderView& header : record.headers) {
      given.headers.push_back({std::string(header.key), text_of(header.value)});
    }
    keep(std::move(given));
  }
  return {};
}

}  // namespace stele::projections
