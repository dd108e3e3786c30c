// Letting go of streams, and listing them.
#include <algorithm>

#include "log/base/fail.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_writer.h"
#include "server/http/api/preconditions.h"
#include "server/http/api/problems.h"
#include "server/http/api/use_cases.h"

namespace stele::http {

namespace {

constexpr std::int64_t kListed = 100;
constexpr std::int64_t kListedMax = 10'000;
constexpr std::int64_t kLookedAtMax = 200'000;  // a listing must not stop the loop

void answer_done(const ExchangePtr& exchange, const Result<void>& done) {
  exchange->answer(done ? Response{.status = 204} : problem(done.error()));
}

Result<void> begin_tombstone(const Call& call) {
  STELE_DO(call.check_parameters({"encoding"}));
  STELE_TRY(const log::StreamName name, call.stream());
  STELE_TRY(const log::ExpectedVersion expected, expected_version(call.request));
  call.api.events().tombstone(name, expected, [exchange = call.exchange](const Result<void>& done) {
    answer_done(exchange, done);
  });
  return {};
}

Result<void> begin_put_limits(const Call& call) {
  STELE_DO(call.check_parameters({"encoding"}));
  STELE_TRY(const log::StreamName name, call.stream());
  STELE_TRY(const log::StreamRules limits, cloudevents::parse_limits(call.request.body));
  call.api.events().set_limits(name, limits, [exchange = call.exchange](const Result<void>& done) {
    answer_done(exchange, done);
  });
  return {};
}

Response scavenged(const Result<log::ScavengeReport>& report) {
  if (!report) return problem(report.error());
  Response response{.content_type = kJson};
  cloudevents::JsonObject counts(response.body);
  counts.wide("partitions", report->partitions);
  counts.wide("segments", report->segments);
  counts.wide("eventsRemoved", report->events_removed);
  counts.wide("bytesRemoved", report->bytes_removed);
  counts.wide("partitionsFailed", report->partitions_failed);
  if (!report->first_failure.empty()) counts.text("firstFailure", report->first_failure);
  counts.close();
  response.body += '\n';
  return response;
}

Result<void> begin_scavenge(const Call& call) {
  STELE_DO(call.check_parameters({"topic"}));
  std::optional<std::string> topic;
  if (const std::string* named = call.parameter("topic")) topic = *named;
  call.api.events().scavenge(topic,
                             [exchange = call.exchange](const Result<log::ScavengeReport>& report) {
                               exchange->answer(scavenged(report));
                             });
  return {};
}

Result<Response> limits_of(const Call& call) {
  STELE_DO(call.check_parameters({"encoding"}));
  STELE_TRY(const log::StreamName name, call.stream());
  STELE_TRY(const log::StreamInfo info, call.api.events().stream(name));
  Response response{.content_type = kJson};
  if (info.last_version) response.headers = etag_line(*info.last_version);
  cloudevents::write_stream(info, response.body);
  response.body += '\n';
  return response;
}

Result<Response> listing_of(const Call& call) {
  STELE_DO(call.check_parameters({"prefix", "limit"}));
  const log::TopicPtr topic = call.api.store().find_topic(call.topic());
  if (!topic) return fail(Code::kNotFound, "topic {} does not exist", call.topic());
  const std::string* prefix = call.parameter("prefix");
  std::int64_t limit = kListed;
  if (const std::string* wanted = call.parameter("limit")) {
    STELE_TRY(limit, parse_whole(*wanted, "limit"));
    if (limit == 0 || limit > kListedMax) {
      return fail(Code::kInvalid, "limit is not between 1 and {}", kListedMax);
    }
  }
  Response response{.content_type = kJson};
  const Position end = call.api.store().end();
  std::int64_t looked_at = 0;
  std::int64_t listed = 0;
  bool is_whole = true;
  response.body = R"({"streams":[)";
  STELE_DO(call.api.store().index().for_each(
      log::TermKind::kStream, topic->id, [&](const log::TermView& term, const log::TermHead& head) {
        is_whole = listed < limit && looked_at++ < kLookedAtMax;
        if (!is_whole) return false;
        const bool is_wanted = prefix == nullptr || as_text(term.bytes).starts_with(*prefix);
        if (!is_wanted || head.last >= end) return true;
        if (listed++ > 0) response.body += ',';
        cloudevents::JsonObject stream(response.body);
        cloudevents::write_stream_name(as_text(term.bytes), stream);
        stream.wide("lastVersion", head.count - 1);
        stream.wide("lastPosition", head.last.raw());
        stream.close();
        return true;
      }));
  response.body += is_whole ? R"(],"end":true})" : R"(],"end":false})";
  response.body += '\n';
  return response;
}

void answer(const Call& call, Result<Response> response) {
  if (!response) return call.answer(response.error());
  call.answer(*std::move(response));
}

}  // namespace

std::unique_ptr<BodySink> tombstone_stream(Call& call) {
  if (const auto begun = begin_tombstone(call); !begun) call.answer(begun.error());
  return nullptr;
}

std::unique_ptr<BodySink> put_limits(Call& call) {
  if (!equals_ignoring_case(media_type(call.request.header("content-type")), kJson)) {
    call.answer(problem(415, "the content type must be application/json"));
    return nullptr;
  }
  if (const auto begun = begin_put_limits(call); !begun) call.answer(begun.error());
  return nullptr;
}

std::unique_ptr<BodySink> scavenge(Call& call) {
  if (const auto begun = begin_scavenge(call); !begun) call.answer(begun.error());
  return nullptr;
}

std::unique_ptr<BodySink> get_limits(Call& call) {
  answer(call, limits_of(call));
  return nullptr;
}

std::unique_ptr<BodySink> list_streams(Call& call) {
  answer(call, listing_of(call));
  return nullptr;
}

}  // namespace stele::http
