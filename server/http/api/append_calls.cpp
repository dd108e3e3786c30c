// Appends: to a stream, to a topic, to many streams at once.
#include "log/base/fail.h"
#include "server/cloudevents/decode.h"
#include "server/http/api/appending.h"
#include "server/http/api/ndjson_sink.h"
#include "server/http/api/preconditions.h"
#include "server/http/api/problems.h"
#include "server/http/api/use_cases.h"

namespace stele::http {

namespace {

bool has_media_type(const Request& request, std::string_view type) {
  return equals_ignoring_case(media_type(request.header("content-type")), type);
}

/// Binary mode if any ce- header is there.
Result<log::NewEvent> binary_event(const Request& request) {
  std::vector<cloudevents::Header> headers;
  headers.reserve(request.headers.size());
  bool is_binary = false;
  for (const Header& header : request.headers) {
    is_binary = is_binary || equals_ignoring_case(header.name.substr(0, 3), "ce-");
    headers.push_back({header.name, header.value});
  }
  if (is_binary) return cloudevents::parse_binary(headers, request.body);
  return fail(Code::kUnsupported, "no ce- headers, and the content type is none of {}, {}, {}",
              kStructured, kBatch, kNdjson);
}

/// An append of what the body says, by its media type, to the topic of the URL.
Result<log::EventAppend> append_of(const Call& call) {
  const Request& request = call.request;
  log::EventAppend append;
  if (has_media_type(request, kBatch)) {
    STELE_TRY(append.events, cloudevents::parse_batch(call.topic(), request.body));
  } else {
    STELE_TRY(log::NewEvent event, has_media_type(request, kStructured)
                                       ? cloudevents::parse_event(request.body)
                                       : binary_event(request));
    append.events.push_back({call.topic(), std::move(event)});
  }
  if (append.events.empty()) return fail(Code::kInvalid, "no event to append");
  return append;
}

void answer_append(Api& api, const ExchangePtr& exchange, const log::EventAppendResult& result,
                   bool names_stream) {
  api.metrics().count_answer(result);
  exchange->answer(result ? appended_response(*result, names_stream) : problem(result.error()));
}

bool has_preconditions(const Request& request) {
  return request.find("if-match") != nullptr || request.find("if-none-match") != nullptr;
}

Result<void> append_one_stream(const Call& call) {
  STELE_DO(call.check_parameters({"encoding"}));
  STELE_TRY(log::StreamName name, call.stream());
  STELE_TRY(const log::ExpectedVersion expected, expected_version(call.request));
  STELE_TRY(log::EventAppend append, append_of(call));
  for (log::TopicEvent& event : append.events) {
    if (event.event.stream && *event.event.stream != name.stream) {
      return fail(Code::kInvalid, "an event names another stream than the URL");
    }
    event.event.stream = name.stream;
  }
  if (expected.kind != log::ExpectedVersion::Kind::kAny) {
    append.expectations.push_back({std::move(name), expected});
  }
  submit(call.api, std::move(append),
         [&api = call.api, exchange = call.exchange](const log::EventAppendResult& result) {
           answer_append(api, exchange, result, true);
         });
  return {};
}

Result<void> append_one_topic(const Call& call) {
  STELE_DO(call.check_parameters({}));
  if (has_preconditions(call.request)) {
    return fail(Code::kInvalid, "a topic has no version: If-Match is for streams");
  }
  STELE_TRY(log::EventAppend append, append_of(call));
  submit(call.api, std::move(append),
         [&api = call.api, exchange = call.exchange](const log::EventAppendResult& result) {
           answer_append(api, exchange, result, false);
         });
  return {};
}

Result<std::unique_ptr<BodySink>> upload(const Call& call, std::optional<log::StreamName> stream) {
  STELE_DO(call.check_parameters({"encoding", "stream"}));
  if (has_preconditions(call.request)) {
    return fail(Code::kInvalid, "NDJSON is appended piece by piece: it takes no If-Match");
  }
  STELE_TRY(NdjsonTarget target, ndjson_target(call, std::move(stream)));
  return std::make_unique<NdjsonSink>(call.api, std::move(target), call.exchange);
}

std::unique_ptr<BodySink> answer_upload(const Call& call, Result<std::unique_ptr<BodySink>> sink) {
  if (sink) return *std::move(sink);
  call.answer(sink.error());
  return nullptr;
}

void answer_refusal(const Call& call, const Error& error) {
  if (error.code != Code::kUnsupported) return call.answer(error);
  call.answer(problem(415, error.detail));
}

}  // namespace

std::unique_ptr<BodySink> append_to_stream(Call& call) {
  if (has_media_type(call.request, kNdjson)) {
    const auto name = call.stream();
    return name ? answer_upload(call, upload(call, *name))
                : answer_upload(call, std::unexpected(name.error()));
  }
  if (const auto begun = append_one_stream(call); !begun) answer_refusal(call, begun.error());
  return nullptr;
}

std::unique_ptr<BodySink> append_to_topic(Call& call) {
  if (has_media_type(call.request, kNdjson)) return answer_upload(call, upload(call, std::nullopt));
  if (const auto begun = append_one_topic(call); !begun) answer_refusal(call, begun.error());
  return nullptr;
}

std::unique_ptr<BodySink> append_to_many(Call& call) {
  if (const auto known = call.check_parameters({}); !known) {
    call.answer(known.error());
    return nullptr;
  }
  if (!has_media_type(call.request, kJson)) {
    call.answer(problem(415, "the content type must be application/json"));
    return nullptr;
  }
  auto append = cloudevents::parse_append(call.request.body);
  if (!append) {
    call.answer(append.error());
    return nullptr;
  }
  submit(call.api, *std::move(append),
         [&api = call.api, exchange = call.exchange](const log::EventAppendResult& result) {
           answer_append(api, exchange, result, false);
         });
  return nullptr;
}

}  // namespace stele::http
