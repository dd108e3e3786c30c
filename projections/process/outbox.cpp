#include "projections/process/outbox.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/events/event_view.h"
#include "log/events/utf8.h"
#include "projections/process/event_coding.h"
#include "projections/process/lasting_tag.h"

namespace stele::projections {
namespace {

constexpr std::uint32_t kFormatVersion = 1;
/// In one append: below the store's limits (16 conditions of 64 items; append_bytes_max).
constexpr std::size_t kFlushEventsMax = 512;
constexpr std::size_t kFlushBytesMax = 192 << 10;
/// Of a TopicEvent besides its texts, and of what is added to them.
constexpr std::size_t kWaitingBytes = 512;
constexpr std::int64_t kUsPerMs = 1000;
constexpr std::int64_t kTimeMsMax = 253'402'300'799'999;  // the end of 9999: RFC 3339 has no more

constexpr std::string_view kTimerExtension = "timer";
constexpr std::string_view kCausationExtension = "causationid";

std::string tag_of(std::string_view id) {
  return lasting_tag(kEffectTag, id);
}

void set_extension(log::NewEvent& event, std::string_view name, std::string value) {
  const auto given = std::ranges::find(event.extensions, name, &log::Attribute::name);
  if (given != event.extensions.end())
    given->value = std::move(value);
  else
    event.extensions.push_back({std::string(name), std::move(value)});
}

bool has_extension(const log::NewEvent& event, std::string_view name) {
  return std::ranges::find(event.extensions, name, &log::Attribute::name) != event.extensions.end();
}

std::size_t bytes_of(const log::NewEvent& event) {
  std::size_t bytes = kWaitingBytes + (event.data ? event.data->size() : 0) +
                      (event.stream ? event.stream->size() : 0) + event.subject.size();
  for (const auto* attributes : {&event.extensions, &event.headers})
    for (const auto& [name, value] : *attributes)
      bytes += name.size() + (value ? value->size() : 0);
  return bytes;
}

/// No event has any of the batch's tags: an item for each event.
std::vector<log::AppendCondition> none_has_left(const std::vector<log::TopicEvent>& batch) {
  std::vector<log::AppendCondition> conditions;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (i % log::kQueryItemsMax == 0) conditions.emplace_back();
    conditions.back().fail_if_events_match.items.push_back({.tags = {tag_of(batch[i].event.id)}});
  }
  return conditions;
}
static_assert(kFlushEventsMax <= log::kConditionsMax * log::kQueryItemsMax);

Bytes encoded(const log::NewEvent& event) {
  ByteWriter writer;
  write_event(writer, event);
  return writer.take();
}

}  // namespace

bool may_pass(Code code) {
  switch (code) {
    case Code::kOverloaded:
    case Code::kOutcomeUnknown:
    case Code::kIo:
    case Code::kNoSpace:
    case Code::kClosed:
      return true;
    default:
      return false;
  }
}

// --- the fold asks ---

void Outbox::begin(const InputEvent& event, bool muted) {
  cause_.clear();
  log::append_made_id(cause_, event.topic, event.partition, event.offset);
  cause_id_ = event_id(event);
  if (!log::is_utf8(cause_id_)) cause_id_ = cause_;
  const bool sayable = event.time_ms >= 0 && event.time_ms <= kTimeMsMax;
  cause_time_ms_ = sayable ? event.time_ms
                           : std::clamp<std::int64_t>(event.recorded_us / kUsPerMs, 0, kTimeMsMax);
  muted_ = muted;
  number_ = change_number_ = 0;
  waiting_before_ = waiting_.size();
  timers_before_.clear();
  take_off_fired(event);
}

void Outbox::take_off_fired(const InputEvent& event) {
  if (timers_.empty() || !cause_id_.starts_with(projection_)) return;
  for (const HeaderView& header : event.headers) {
    if (header.key != "ce_timer" || !header.value) continue;
    const auto timer = timers_.find(as_text(*header.value));
    if (timer == timers_.end()) return;
    ByteReader reader(timer->second.event);
    if (read_event(reader).id == cause_id_) remove_timer(timer);
    return;
  }
}

void Outbox::discard() {
  pop_back_to(waiting_before_);
  while (!timers_before_.empty()) {
    auto& [name, timer] = timers_before_.back();
    if (const auto now = timers_.find(name); now != timers_.end()) remove_timer(now);
    if (timer) set_timer(name, std::move(*timer));
    timers_before_.pop_back();
  }
}

std::string Outbox::next_id() {
  return fmt::format("{}/{}/{}", projection_, cause_, number_++);
}

void Outbox::complete(log::NewEvent& event, std::string id, std::int64_t time_ms) const {
  event.tags.push_back(tag_of(id));
  event.id = std::move(id);
  if (!event.time_ms && event.time_text.empty()) event.time_ms = time_ms;
  if (!has_extension(event, kCausationExtension))
    set_extension(event, kCausationExtension, cause_id_);
}

void Outbox::append(std::string topic, log::NewEvent event) {
  std::string id = next_id();
  if (muted_) return;
  complete(event, std::move(id), cause_time_ms_);
  wait(std::move(topic), std::move(event));
}

void Outbox::publish(std::string topic, log::NewEvent event) {
  std::string id = fmt::format("{}/{}/c{}", projection_, cause_, change_number_++);
  if (muted_) return;
  complete(event, std::move(id), cause_time_ms_);
  wait(std::move(topic), std::move(event));
}

void Outbox::schedule(std::string timer, std::int64_t at_ms, std::string topic,
                      log::NewEvent event) {
  complete(event, next_id(), at_ms);
  set_extension(event, kTimerExtension, timer);
  remember(timer);
  set_timer(timer, {.at_ms = at_ms, .topic = std::move(topic), .event = encoded(event)});
}

void Outbox::cancel(std::string_view timer) {
  const auto known = timers_.find(timer);
  if (known == timers_.end()) return;
  remember(timer);
  remove_timer(known);
}

// --- what waits ---

void Outbox::wait(std::string topic, log::NewEvent event) {
  const std::size_t bytes = bytes_of(event);
  waiting_bytes_ += bytes;
  waiting_.push_back({{std::move(topic), std::move(event)}, bytes});
}

void Outbox::pop(std::size_t count) {
  for (; count > 0; --count) {
    waiting_bytes_ -= waiting_.front().bytes;
    waiting_.pop_front();
  }
}

void Outbox::pop_back_to(std::size_t count) {
  while (waiting_.size() > count) {
    waiting_bytes_ -= waiting_.back().bytes;
    waiting_.pop_back();
  }
}

bool Outbox::full() const {
  return waiting_.size() > kWaitingCountMax || waiting_bytes_ > kWaitingBytesMax;
}

// --- out ---

std::vector<log::TopicEvent> Outbox::first_waiting() const {
  std::vector<log::TopicEvent> batch;
  std::size_t bytes = 0;
  for (const Waiting& next : waiting_) {
    bytes += next.bytes;
    if (batch.size() == kFlushEventsMax || (!batch.empty() && bytes > kFlushBytesMax)) break;
    batch.push_back(next.event);
  }
  return batch;
}

Result<void> Outbox::flush(Source& to) {
  EventAccess* events = to.events();
  while (!waiting_.empty()) {
    std::vector<log::TopicEvent> batch = first_waiting();
    if (events != nullptr) {
      STELE_DO(flush_some(std::move(batch), *events));
      continue;
    }
    const std::size_t count = batch.size();
    if (auto appended = to.append(std::move(batch)); !appended)
      return not_left(std::move(appended).error());
    pop(count);
  }
  return {};
}

Result<void> Outbox::flush_some(std::vector<log::TopicEvent> batch, EventAccess& events) {
  const std::size_t count = batch.size();
  if (count == 1) return flush_one(events);
  std::vector<log::AppendCondition> conditions = none_has_left(batch);
  auto appended = events.append({.events = std::move(batch), .conditions = std::move(conditions)});
  if (appended) {
    pop(count);
    return {};
  }
  const log::AppendRefusal& refusal = appended.error();
  if (may_pass(refusal.error.code)) return not_left(refusal.error);
  if (refusal.error.code == Code::kConditionFailed && !refusal.conditions.empty()) {
    left_already(refusal.conditions);
    return {};
  }
  // Some ids are known and others are not, or one event spoils the batch: one by one tells which.
  for (std::size_t i = 0; i < count; ++i) STELE_DO(flush_one(events));
  return {};
}

Result<void> Outbox::flush_one(EventAccess& events) {
  const log::TopicEvent& first = waiting_.front().event;
  auto appended = events.append({.events = {first}, .conditions = none_has_left({first})});
  if (!appended) {
    const Code code = appended.error().error.code;
    if (code != Code::kConditionFailed && code != Code::kAlreadyExists)
      return not_left(std::move(appended).error().error);
  }
  pop(1);
  return {};
}

void Outbox::left_already(const std::vector<log::FailedCondition>& known) {
  std::set<std::size_t, std::greater<>> places;
  for (const log::FailedCondition& failed : known)
    places.insert(failed.index * log::kQueryItemsMax + failed.item);
  for (const std::size_t place : places) {
    const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(place);
    waiting_bytes_ -= at->bytes;
    waiting_.erase(at);
  }
}

std::unexpected<Error> Outbox::not_left(Error error) const {
  const log::TopicEvent& first = waiting_.front().event;
  return at(fmt::format("effect {} to topic {}", first.event.id, first.topic), std::move(error));
}

// --- timers ---

void Outbox::set_timer(const std::string& name, Timer timer) {
  const auto known = timers_.find(name);
  if (known != timers_.end()) remove_timer(known);
  due_.emplace(timer.at_ms, name);
  timers_.emplace(name, std::move(timer));
}

void Outbox::remove_timer(Timers::iterator timer) {
  due_.erase({timer->second.at_ms, timer->first});
  timers_.erase(timer);
}

void Outbox::remember(std::string_view name) {
  const auto known = timers_.find(name);
  timers_before_.emplace_back(name,
                              known != timers_.end() ? std::optional(known->second) : std::nullopt);
}

std::optional<std::int64_t> Outbox::next_due_ms() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

Result<std::size_t> Outbox::fire_due(std::int64_t now_ms, Source& to) {
  std::size_t fired = 0;
  while (fired < kFireMax && !due_.empty() && due_.begin()->first <= now_ms && !full()) {
    const auto timer = timers_.find(due_.begin()->second);
    ByteReader reader(timer->second.event);
    wait(timer->second.topic, read_event(reader));
    remove_timer(timer);
    ++fired;
  }
  if (fired > 0) STELE_DO(flush(to));
  return fired;
}

// --- kept with the checkpoint ---

void Outbox::encode(Bytes& to) const {
  ByteWriter body;
  body.put(kFormatVersion);
  body.put(static_cast<std::uint32_t>(waiting_.size()));
  for (const Waiting& waiting : waiting_) {
    write_bytes(body, as_bytes(waiting.event.topic));
    write_event(body, waiting.event.event);
  }
  body.put(static_cast<std::uint32_t>(timers_.size()));
  for (const auto& [name, timer] : timers_) {
    write_bytes(body, as_bytes(name));
    body.put(timer.at_ms);
    write_bytes(body, as_bytes(timer.topic));
    body.put_bytes(timer.event);
  }
  ByteWriter all;
  write_bytes(all, body.take());
  const Bytes bytes = all.take();
  to.insert(to.end(), bytes.begin(), bytes.end());
}

Result<void> Outbox::decode(ByteView& from) {
  ByteReader outer(from);
  const ByteView body = as_bytes(read_text(outer));
  if (!outer.ok()) return fail(Code::kCorrupt, "an outbox is cut off");
  ByteReader reader(body);
  const auto version = reader.get<std::uint32_t>();
  if (reader.ok() && version > kFormatVersion)
    return fail(Code::kUnsupported, "an outbox of format {}", version);
  Outbox read(projection_);
  for (std::size_t left = reader.get_count(sizeof(std::uint32_t)); left > 0; --left) {
    std::string topic(read_text(reader));
    read.wait(std::move(topic), read_event(reader));
  }
  for (std::size_t left = reader.get_count(sizeof(std::uint32_t)); left > 0; --left) {
    const std::string name(read_text(reader));
    Timer timer{.at_ms = reader.get<std::int64_t>(), .topic = {}, .event = {}};
    timer.topic = read_text(reader);
    timer.event = encoded(read_event(reader));
    read.set_timer(name, std::move(timer));
  }
  if (!reader.finished() || version != kFormatVersion)
    return fail(Code::kCorrupt, "an outbox of {} bytes cannot be read", body.size());
  waiting_ = std::move(read.waiting_);
  waiting_bytes_ = read.waiting_bytes_;
  timers_ = std::move(read.timers_);
  due_ = std::move(read.due_);
  timers_before_.clear();
  waiting_before_ = waiting_.size();
  from = from.subspan(sizeof(std::uint32_t) + body.size());
  return {};
}

}  // namespace stele::projections
