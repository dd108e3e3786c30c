// Reads: pages, lines, and what is followed.
#include "log/base/fail.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/encode.h"
#include "server/http/api/event_stream.h"
#include "server/http/api/origin.h"
#include "server/http/api/page_source.h"
#include "server/http/api/preconditions.h"
#include "server/http/api/problems.h"
#include "server/http/api/read_parameters.h"
#include "server/http/api/use_cases.h"
#include "server/http/api/web_socket.h"

namespace stele::http {

namespace {

constexpr std::size_t kLinesPageEvents = 500;
constexpr std::size_t kLinesPageBytes = 128 << 10;
constexpr std::size_t kPageBytes = 1 << 20;

/// A page's body follows a HEAD's head only in its length, which is not worth a read.
class NoBody final : public BodySource {
  Next pump(std::string&) override { return Next::kEnd; }
};

/// Writes the elements of an array.
class ElementSink final : public log::EventSink {
public:
  explicit ElementSink(std::string& out) : out_(out) {}

  void take(const log::EventView& event) override {
    if (!std::exchange(first_, false)) out_ += ',';
    cloudevents::write_event(event, out_);
  }

private:
  std::string& out_;
  bool first_ = true;
};

Response not_modified(Version version) {
  return {.status = 304, .headers = etag_line(version)};
}

void answer_page(const Call& call, ReadCall& read) {
  read.read.bytes_max = kPageBytes;
  const bool is_batch = read.form == ReadForm::kBatch;
  Response response{.content_type = is_batch ? kBatch : kJson};
  response.body = is_batch ? "[" : R"({"events":[)";
  ElementSink sink(response.body);
  const auto page = call.api.events().read_into(read.read, sink);
  if (!page) return call.answer(page.error());
  if (page->last_version) {
    if (has_version(call.request, *page->last_version)) {
      return call.answer(not_modified(*page->last_version));
    }
    response.headers = etag_line(*page->last_version);
  }
  if (!page->end) response.headers += next_link(call.request, page->next);
  response.body += ']';
  if (!is_batch) cloudevents::write_page_end(*page, response.body);
  response.body += '\n';
  call.answer(std::move(response));
}

void answer_lines(const Call& call, ReadCall& read) {
  read.read.events_max = kLinesPageEvents;
  read.read.bytes_max = kLinesPageBytes;
  auto cursor = call.api.events().open(std::move(read.read), true);
  if (!cursor) return call.answer(cursor.error());
  auto source = std::make_unique<PageSource>(*std::move(cursor), read.limit);
  const auto first = source->begin();
  if (!first) return call.answer(first.error());
  Response response{.content_type = kNdjson};
  if (first->last_version) response.headers = etag_line(*first->last_version);
  call.exchange->answer(std::move(response), std::move(source));
}

void answer_follow(const Call& call, ReadCall& read) {
  auto seat = call.api.followers().admit();
  if (!seat) return call.answer(problem(503, "too many follow already"));
  auto follower = Follower::open(call.api.events(), std::move(read.read), read.limit);
  if (!follower) return call.answer(follower.error());
  auto first = follower->next();
  if (!first) return call.answer(first.error());
  if (read.form == ReadForm::kEventStream) {
    call.exchange->answer(
        {.content_type = kEventStream, .headers = "X-Accel-Buffering: no\r\n"},
        std::make_unique<EventStream>(*std::move(follower), *std::move(first), *std::move(seat)));
    return;
  }
  call.exchange->take_over([&api = call.api, head = call.request.head,
                            follower = *std::move(follower), step = *std::move(first),
                            place = *std::move(seat)](TakenSocket taken) mutable {
    serve_web_socket(api, std::move(taken), std::move(head), std::move(follower), std::move(step),
                     std::move(place));
  });
}

void answer_head_of_stream(const Call& call, const log::StreamName& name) {
  const auto info = call.api.events().stream(name);
  if (!info) return call.answer(info.error());
  if (info->rules.tombstoned) return call.answer({Code::kTombstoned, "the stream was deleted"});
  if (!info->last_version) return call.answer({Code::kNotFound, "there is no such stream"});
  call.exchange->answer({.content_type = kJson, .headers = etag_line(*info->last_version)},
                        std::make_unique<NoBody>());
}

/// A query knows a topic by name only: one that does not exist would read as an empty one.
Result<void> check_topic(const Call& call) {
  if (call.api.store().find_topic(call.topic())) return {};
  return fail(Code::kNotFound, "topic {} does not exist", call.topic());
}

Response not_acceptable(const Error& error) {
  return problem(error.code == Code::kUnsupported ? 406 : cloudevents::http_status(error.code),
                 error.detail);
}

void answer_read(const Call& call, Result<ReadCall> read) {
  if (!read) {
    const bool is_form = read.error().code == Code::kUnsupported;
    return call.answer(is_form ? not_acceptable(read.error()) : problem(read.error()));
  }
  call.api.metrics().count_read(read->form);
  switch (read->form) {
    case ReadForm::kPage:
    case ReadForm::kBatch:
      return answer_page(call, *read);
    case ReadForm::kLines:
      return answer_lines(call, *read);
    case ReadForm::kEventStream:
    case ReadForm::kWebSocket:
      return answer_follow(call, *read);
  }
}

}  // namespace

std::unique_ptr<BodySink> read_stream(Call& call) {
  auto name = call.stream();
  if (!name) {
    call.answer(name.error());
  } else if (call.exchange->is_head()) {
    answer_head_of_stream(call, *name);
  } else {
    answer_read(call, parse_read(call, log::StreamSelection{std::move(name->topic),
                                                            std::move(name->stream)}));
  }
  return nullptr;
}

std::unique_ptr<BodySink> read_topic(Call& call) {
  if (const auto known = check_topic(call); !known) {
    call.answer(known.error());
  } else {
    answer_read(call, parse_read(call, log::TopicSelection{call.topic()}));
  }
  return nullptr;
}

std::unique_ptr<BodySink> read_all(Call& call) {
  answer_read(call, parse_read(call, log::AllSelection{}));
  return nullptr;
}

std::unique_ptr<BodySink> query_events(Call& call) {
  if (!equals_ignoring_case(media_type(call.request.header("content-type")), kJson)) {
    call.answer(problem(415, "the content type must be application/json"));
    return nullptr;
  }
  answer_read(call, parse_query_read(call));
  return nullptr;
}

}  // namespace stele::http
