#include "answers.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <string_view>
#include <utility>

namespace flights {
namespace {

using stele::Code;
using stele::Result;

/// Members of a JSON object, one after the other. Texts are plain: airports, carriers, times.
class Object {
public:
  void add(std::string_view name, const std::string& json) {
    text_ += text_.empty() ? "" : ", ";
    text_ += '"';
    text_ += name;
    text_ += "\": ";
    text_ += json;
  }
  void add(std::string_view name, std::int64_t number) { add(name, std::to_string(number)); }
  [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }

private:
  std::string text_;
};

std::string json(const Carrier& carrier) {
  Object object;
  object.add("departed", carrier.departed);
  object.add("landed", carrier.landed);
  object.add("cancelled", carrier.cancelled);
  object.add("delay_minutes", carrier.delay_minutes);
  object.add("miles", carrier.miles);
  return object.text();
}

Result<std::string> carriers_at(const Program& program, const st::Moment& moment) {
  std::map<std::string, std::string, std::less<>> sorted;
  STELE_DO(program.carriers->for_each(moment, [&](std::string_view key, const Carrier& carrier) {
    sorted[std::string(key)] = json(carrier);
  }));
  Object object;
  for (const auto& [carrier, text] : sorted) object.add(carrier, text);
  return object.text();
}

Result<std::string> aircraft_at_times(const Program& program, const std::string& stream,
                                      const std::vector<std::string>& times) {
  Object object;
  for (const std::string& time : times) {
    STELE_TRY(const std::int64_t ms, time_ms(time));
    STELE_TRY(const auto answer, program.aircraft->get(stream, st::Moment{st::AtEventTime{ms}}));
    object.add(time, json(answer.state.value_or(Aircraft{})));
  }
  return object.text();
}

}  // namespace

std::string json(const Aircraft& aircraft) {
  Object object;
  object.add("events", aircraft.events);
  object.add("flights", aircraft.flights);
  object.add("miles", aircraft.miles);
  object.add("where", aircraft.where.empty() ? "null" : "\"" + aircraft.where + "\"");
  object.add("airborne", std::string(aircraft.airborne ? "true" : "false"));
  return object.text();
}

Result<std::int64_t> time_ms(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int end = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ%n", &year, &month, &day,
                               &hour, &minute, &second, &end);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (read != 6 || static_cast<std::size_t>(end) != text.size() || !date.ok())
    return std::unexpected(
        stele::Error{Code::kInvalid, text + " is no time such as 2013-01-03T15:26:00Z"});
  const auto since = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                     std::chrono::minutes(minute) + std::chrono::seconds(second);
  return std::chrono::milliseconds(since).count();
}

Result<std::string> answers(Program& program, const Questions& questions) {
  std::int64_t events = 0;
  std::int64_t streams = 0;
  STELE_DO(program.streams->for_each([&](std::string_view, const Stream& stream) {
    events += stream.events;
    ++streams;
  }));
  Object by_time;
  for (const std::string& time : questions.times) {
    STELE_TRY(const std::int64_t ms, time_ms(time));
    STELE_TRY(const std::string carriers, carriers_at(program, {st::AtEventTime{ms}}));
    by_time.add(time, carriers);
  }
  STELE_TRY(const stele::Position first, program.first_position());
  Object by_count;
  for (const std::int64_t count : questions.counts) {
    STELE_TRY(const std::string carriers,
              carriers_at(program, {st::AtPosition{first.next(count - 1)}}));
    by_count.add(std::to_string(count), carriers);
  }
  Object aircraft;
  for (const std::string& stream : questions.aircraft) {
    STELE_TRY(const std::string at_times, aircraft_at_times(program, stream, questions.times));
    aircraft.add(stream, at_times);
  }
  Object all;
  all.add("events", events);
  all.add("streams", streams);
  all.add("carriers_as_of_event_time", by_time.text());
  all.add("carriers_after_first_n_events", by_count.text());
  all.add("aircraft_as_of_event_time", aircraft.text());
  return all.text();
}

}  // namespace flights
