#include "server/http/api/problems.h"

#include <fmt/format.h>

#include <iterator>

#include "server/cloudevents/encode.h"
#include "server/cloudevents/json_writer.h"
#include "server/http/api/call.h"
#include "server/http/response_writer.h"

namespace stele::http {

namespace {

/// Full or too busy passes: when to come back.
void add_retry_after(Response& response) {
  if (response.status == 429 || response.status == 503) response.headers += "Retry-After: 1\r\n";
}

}  // namespace

std::string etag_line(Version version) {
  const fmt::format_int digits(version.raw());
  std::string line("ETag: \"");
  return line.append(digits.data(), digits.size()).append("\"\r\n");
}

Response problem(const Error& error) {
  Response response{.status = cloudevents::http_status(error.code), .content_type = kProblem};
  cloudevents::write_problem(error, response.status, response.body);
  add_retry_after(response);
  return response;
}

Response problem(const log::AppendRefusal& refusal) {
  Response response{.status = cloudevents::http_status(refusal.error.code),
                    .content_type = kProblem};
  if (refusal.expectations.size() == 1 && refusal.expectations.front().actual) {
    response.headers = etag_line(*refusal.expectations.front().actual);
  }
  cloudevents::write_problem(refusal, response.body);
  add_retry_after(response);
  return response;
}

Response problem(unsigned status, std::string_view detail) {
  Response response{.status = status, .content_type = kProblem};
  fmt::format_to(std::back_inserter(response.body),
                 R"({{"type":"about:blank","title":"{}","status":{},"detail":)", reason(status),
                 status);
  cloudevents::write_json_string(detail, response.body);
  response.body += "}\n";
  add_retry_after(response);
  return response;
}

}  // namespace stele::http
