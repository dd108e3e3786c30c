#include <array>

#include "log/events/event_time.h"
#include "server/cloudevents/encode.h"

namespace stele::cloudevents {
namespace {

struct ProblemRow {
  Code code;
  Problem problem;
};

// What the client can do stands in log/base/error.h.
constexpr std::array kProblems = std::to_array<ProblemRow>({
    {Code::kNotFound, {404, "Not found"}},
    {Code::kAlreadyExists, {409, "Already exists"}},
    {Code::kWrongVersion, {412, "Wrong version"}},
    {Code::kConditionFailed, {409, "Condition failed"}},
    {Code::kOutOfRange, {416, "Out of range"}},
    {Code::kTooLarge, {413, "Too large"}},
    {Code::kInvalid, {400, "Invalid"}},
    {Code::kUnsupported, {501, "Not supported"}},
    {Code::kCorrupt, {500, "Stored data is damaged"}},
    {Code::kIo, {500, "Input or output failed"}},
    {Code::kNoSpace, {507, "No space left"}},
    {Code::kOutcomeUnknown, {500, "Outcome unknown"}},
    {Code::kOverloaded, {503, "Overloaded"}},
    {Code::kOutOfSequence, {409, "Out of sequence"}},
    {Code::kFenced, {409, "Fenced"}},
    {Code::kClosed, {503, "The store is closed"}},
    {Code::kCancelled, {503, "Cancelled"}},
    {Code::kTombstoned, {410, "Tombstoned"}},
});

constexpr bool table_is_indexed_by_code() {
  for (std::size_t i = 0; i < kProblems.size(); ++i) {
    if (static_cast<std::size_t>(kProblems[i].code) != i) return false;
  }
  return kProblems.size() == static_cast<std::size_t>(Code::kTombstoned) + 1;
}
static_assert(table_is_indexed_by_code());

void write_optional(JsonObject& object, std::string_view name, std::optional<std::int64_t> value) {
  if (value)
    object.wide(name, *value);
  else
    object.at(name).append("null");
}

template <class Ordinal>
std::optional<std::int64_t> raw(const std::optional<Ordinal>& ordinal) {
  return ordinal ? std::optional(ordinal->raw()) : std::nullopt;
}

void write_time(JsonObject& object, std::string_view name, std::int64_t time_us) {
  std::string& out = object.at(name);
  out.push_back('"');
  log::append_time_us(out, time_us);
  out.push_back('"');
}

void write_expected(const log::ExpectedVersion& expected, std::string& out) {
  switch (expected.kind) {
    case log::ExpectedVersion::Kind::kAny:
      out.append("\"any\"");
      return;
    case log::ExpectedVersion::Kind::kNoStream:
      out.append("\"no_stream\"");
      return;
    case log::ExpectedVersion::Kind::kExists:
      out.append("\"exists\"");
      return;
    case log::ExpectedVersion::Kind::kExact:
      write_wide(expected.version.raw(), out);
      return;
  }
}

void write_failed(const log::FailedExpectation& failed, std::string& out) {
  JsonObject object(out);
  object.integer("index", static_cast<std::int64_t>(failed.index));
  object.text("topic", failed.stream.topic);
  write_stream_name(failed.stream.stream, object);
  write_expected(failed.expected, object.at("expectedVersion"));
  write_optional(object, "actualVersion", raw(failed.actual));
  object.boolean("tombstoned", failed.tombstoned);
  object.close();
}

void write_failed(const log::FailedCondition& failed, std::string& out) {
  JsonObject object(out);
  object.integer("index", static_cast<std::int64_t>(failed.index));
  object.integer("item", static_cast<std::int64_t>(failed.item));
  object.wide("position", failed.conflict.raw());
  object.close();
}

/// The members that every problem has.
void write_common(const Error& error, unsigned status, JsonObject& object) {
  std::string& out = object.at("type");
  out.append("\"/problems/").append(name(error.code)).push_back('"');
  object.text("title", problem_of(error.code).title);
  object.integer("status", status);
  object.text("detail", error.detail);
  object.text("code", name(error.code));
}

}  // namespace

void write_page_end(const log::PageSummary& page, std::string& out) {
  JsonObject object(out, JsonObject::kGoesOn);
  object.boolean("end", page.end);
  object.wide("asOf", page.as_of.raw());
  object.text("next", page.next);
  if (page.last_version) object.wide("lastVersion", page.last_version->raw());
  if (page.first_version) object.wide("firstVersion", page.first_version->raw());
  object.close();
}

void write_appended(const log::AppendedEvents& appended, std::string& out) {
  constexpr std::size_t kPlaceBytes = 128;  // about
  out.reserve(out.size() + (appended.events.size() + 1) * kPlaceBytes);
  JsonObject object(out);
  write_array(appended.events, object.at("events"), [&](const log::AppendedEvent& event) {
    JsonObject place(out);
    place.text("id", event.id);
    place.wide("position", event.position.raw());
    place.integer("partition", event.partition.partition);
    place.wide("offset", event.offset.raw());
    if (event.version) place.wide("version", event.version->raw());
    place.close();
  });
  write_time(object, "recordedTime", appended.recorded_us);
  object.boolean("duplicate", appended.duplicate);
  object.text("token", appended.token);
  object.close();
}

void write_stream(const log::StreamInfo& info, std::string& out) {
  JsonObject object(out);
  object.text("topic", info.name.topic);
  write_stream_name(info.name.stream, object);
  write_optional(object, "lastVersion", raw(info.last_version));
  write_optional(object, "firstVersion", raw(info.first_version));
  write_optional(object, "maxCount", info.rules.max_count);
  write_optional(object, "maxAgeMs", info.rules.max_age_ms);
  write_optional(object, "truncateBefore", raw(info.rules.truncate_before));
  object.boolean("tombstoned", info.rules.tombstoned);
  object.close();
}

Problem problem_of(Code code) {
  return kProblems[static_cast<std::size_t>(code)].problem;
}

void write_problem(const Error& error, unsigned status, std::string& out) {
  JsonObject object(out);
  write_common(error, status, object);
  object.close();
}

void write_problem(const log::AppendRefusal& refusal, std::string& out) {
  JsonObject object(out);
  write_common(refusal.error, http_status(refusal.error.code), object);
  if (refusal.expectations.size() == 1)
    write_optional(object, "actualVersion", raw(refusal.expectations.front().actual));
  const auto write_each = [&](const auto& failed) { write_failed(failed, out); };
  if (!refusal.expectations.empty())
    write_array(refusal.expectations, object.at("expectations"), write_each);
  if (!refusal.conditions.empty())
    write_array(refusal.conditions, object.at("conditions"), write_each);
  if (!refusal.conflicts.empty()) write_batch(refusal.conflicts, object.at("conflicts"));
  object.close();
}

}  // namespace stele::cloudevents
