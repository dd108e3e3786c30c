#include "server/http/api/ndjson_sink.h"

#include <fmt/format.h>

#include <deque>
#include <iterator>

#include "log/base/fail.h"
#include "server/cloudevents/decode.h"
#include "server/cloudevents/json_writer.h"
#include "server/http/api/appending.h"
#include "server/http/api/problems.h"
#include "server/http/response_writer.h"

namespace stele::http {

Result<NdjsonTarget> ndjson_target(const Call& call, std::optional<log::StreamName> stream) {
  NdjsonTarget target{.topic = call.topic()};
  const std::string* from = call.parameter("stream");
  if (from != nullptr && stream) {
    return fail(Code::kInvalid, "the stream is that of the URL: no ?stream= beside it");
  }
  if (from != nullptr && from->empty()) {
    return fail(Code::kInvalid, "stream is empty: an attribute, or a JSON pointer like /data/id");
  }
  if (from != nullptr) target.stream_from = *from;
  if (stream) target.stream = std::move(stream->stream);
  return target;
}

struct NdjsonSink::Upload : std::enable_shared_from_this<Upload> {
  struct Batch {
    log::EventAppend append;
    std::int64_t first_line = 0;
    std::size_t bytes = 0;
  };

  Upload(Api& to, NdjsonTarget where, ExchangePtr answer_to)
      : api(to), target(std::move(where)), exchange(std::move(answer_to)) {}

  void take(std::string_view piece);
  void take_line(std::string_view text);
  Result<log::NewEvent> event_of(std::string_view text) const;
  void cut();
  void submit_first();
  void on_answer(const log::EventAppendResult& result, std::size_t count);
  void stop_at(std::int64_t at, unsigned with_status, Error error);
  void finish_if_done();
  void write_summary(std::string& out) const;

  Api& api;
  NdjsonTarget target;
  ExchangePtr exchange;
  std::string partial;  ///< a line that has not arrived whole
  std::int64_t line = 0;
  Batch filling;
  std::deque<Batch> batches;  ///< full; the first is under way
  bool ended = false;
  std::optional<Error> stopped;  ///< nothing more is taken
  std::int64_t stopped_line = 0;
  unsigned status = 201;
  std::int64_t appended = 0;
  std::int64_t duplicates = 0;
  std::optional<Position> first_position;
  std::optional<Position> last_position;
  std::string token;
};

void NdjsonSink::Upload::take(std::string_view piece) {
  while (!piece.empty() && !stopped) {
    const std::size_t end = piece.find('\n');
    const std::string_view begun = piece.substr(0, end);
    if (partial.size() + begun.size() > kLineBytesMax) {
      return stop_at(line + 1, 413,
                     {Code::kTooLarge, fmt::format("a line over {} bytes", kLineBytesMax)});
    }
    if (end == std::string_view::npos) {
      partial += begun;
      return;
    }
    if (partial.empty()) {
      take_line(begun);
    } else {
      partial += begun;
      take_line(std::exchange(partial, {}));
    }
    piece.remove_prefix(end + 1);
  }
}

void NdjsonSink::Upload::take_line(std::string_view text) {
  ++line;
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.find_first_not_of(" \t") == std::string_view::npos) return;
  auto event = event_of(text);
  if (!event) return stop_at(line, 400, std::move(event.error()));
  if (filling.append.events.empty()) filling.first_line = line;
  filling.append.events.push_back({target.topic, *std::move(event)});
  filling.bytes += text.size();
  if (filling.append.events.size() >= kUploadBatchLines || filling.bytes >= kUploadBatchBytes) {
    cut();
  }
}

Result<log::NewEvent> NdjsonSink::Upload::event_of(std::string_view text) const {
  STELE_TRY(log::NewEvent event, cloudevents::parse_event(text));
  if (target.stream) {
    if (event.stream && *event.stream != *target.stream) {
      return fail(Code::kInvalid, "the event names another stream than the URL");
    }
    event.stream = target.stream;
  } else if (!target.stream_from.empty()) {
    STELE_TRY(event.stream, cloudevents::find_text(text, target.stream_from));
  }
  return event;
}

/// What was gathered is a batch now.
void NdjsonSink::Upload::cut() {
  if (filling.append.events.empty()) return;
  batches.push_back(std::exchange(filling, {}));
  if (batches.size() == 1) submit_first();
}

void NdjsonSink::Upload::submit_first() {
  log::EventAppend flying = std::move(batches.front().append);
  const std::size_t count = flying.events.size();
  submit(api, std::move(flying),
         [self = shared_from_this(), count](const log::EventAppendResult& result) {
           self->on_answer(result, count);
         });
}

void NdjsonSink::Upload::on_answer(const log::EventAppendResult& result, std::size_t count) {
  api.metrics().count_answer(result);
  if (!result) {
    Error error = result.error().error;
    error.detail = fmt::format("the batch that begins in this line: {}", error.detail);
    const std::int64_t at = batches.front().first_line;
    batches.clear();
    filling = {};
    return stop_at(at, problem(result.error()).status, std::move(error));
  }
  (result->duplicate ? duplicates : appended) += static_cast<std::int64_t>(count);
  if (!first_position) first_position = result->events.front().position;
  last_position = result->events.back().position;
  token = result->token;
  batches.pop_front();
  if (!batches.empty()) submit_first();
  finish_if_done();
  if (!exchange->answered()) exchange->want_more();
}

/// Nothing from that line on is appended; what stands before it is.
void NdjsonSink::Upload::stop_at(std::int64_t at, unsigned with_status, Error error) {
  stopped = std::move(error);
  stopped_line = at;
  status = with_status;
  cut();
  finish_if_done();
}

void NdjsonSink::Upload::finish_if_done() {
  if (exchange->answered() || !batches.empty() || !(ended || stopped)) return;
  if (!stopped && duplicates > 0 && appended == 0) status = 200;
  Response response{.status = status, .content_type = stopped ? kProblem : kJson};
  write_summary(response.body);
  exchange->answer(std::move(response));
}

void NdjsonSink::Upload::write_summary(std::string& out) const {
  out += '{';
  if (stopped) {
    fmt::format_to(
        std::back_inserter(out),
        R"("type":"about:blank","title":"{}","status":{},"code":"{}","line":"{}","detail":)",
        reason(status), status, name(stopped->code), stopped_line);
    cloudevents::write_json_string(fmt::format("line {}: {}", stopped_line, stopped->detail), out);
    out += ',';
  }
  fmt::format_to(std::back_inserter(out), R"("lines":"{}","appended":"{}","duplicates":"{}")", line,
                 appended, duplicates);
  if (first_position) {
    fmt::format_to(std::back_inserter(out),
                   R"(,"firstPosition":"{}","lastPosition":"{}","token":"{}")",
                   first_position->raw(), last_position->raw(), token);
  }
  out += "}\n";
}

NdjsonSink::NdjsonSink(Api& api, NdjsonTarget target, ExchangePtr exchange)
    : upload_(std::make_shared<Upload>(api, std::move(target), std::move(exchange))) {}

NdjsonSink::~NdjsonSink() = default;

void NdjsonSink::take(std::string_view piece) {
  upload_->take(piece);
}

void NdjsonSink::end() {
  Upload& upload = *upload_;
  if (!upload.partial.empty()) upload.take("\n");
  upload.ended = true;
  if (!upload.stopped) upload.cut();
  upload.finish_if_done();
}

void NdjsonSink::stop(unsigned status, std::string_view why) {
  Upload& upload = *upload_;
  if (upload.ended || upload.stopped) return;
  upload.stop_at(upload.line + 1, status, {Code::kCancelled, std::string(why)});
}

bool NdjsonSink::wants_more() const {
  return !upload_->stopped && upload_->batches.size() < 2;
}

}  // namespace stele::http
