#include "server/http/api/appending.h"

#include "log/base/fail.h"
#include "server/cloudevents/encode.h"
#include "server/http/api/call.h"
#include "server/http/api/problems.h"

namespace stele::http {

namespace {

/// The first topic that the append needs and that does not exist; null if all do.
Result<const std::string*> missing_topic(Api& api, const log::EventAppend& append) {
  const std::string* last = nullptr;  // most appends name one topic, again and again
  for (const log::TopicEvent& event : append.events) {
    if (last != nullptr && *last == event.topic) continue;
    last = &event.topic;
    const log::TopicPtr topic = api.store().find_topic(event.topic);
    if (api.options().is_reserved(event.topic) || (topic && topic->internal)) {
      return fail(Code::kInvalid, "{} is a topic of the service's own", event.topic);
    }
    if (!topic) return &event.topic;
  }
  return nullptr;
}

void submit_counted(Api& api, log::EventAppend append, log::EventAppendDone done) {
  const auto missing = missing_topic(api, append);
  if (!missing) return done(std::unexpected(log::AppendRefusal{.error = missing.error()}));
  if (*missing == nullptr || !api.options().auto_create_topics) {
    return api.events().submit(std::move(append), std::move(done));
  }
  log::TopicSpec spec{.name = **missing, .partition_count = api.options().default_partitions};
  api.store().create_topic_async(
      std::move(spec), [&api, append = std::move(append),
                        done = std::move(done)](Result<log::TopicPtr> created) mutable {
        if (!created && created.error().code != Code::kAlreadyExists) {
          return done(std::unexpected(log::AppendRefusal{.error = created.error()}));
        }
        submit_counted(api, std::move(append), std::move(done));
      });
}

}  // namespace

void submit(Api& api, log::EventAppend append, log::EventAppendDone done) {
  api.metrics().count_asked(append);
  submit_counted(api, std::move(append), std::move(done));
}

Response appended_response(const log::AppendedEvents& appended, bool names_stream) {
  Response response{.status = appended.duplicate ? 200u : 201u, .content_type = kJson};
  if (names_stream && !appended.events.empty() && appended.events.back().version) {
    response.headers = etag_line(*appended.events.back().version);
  }
  cloudevents::write_appended(appended, response.body);
  return response;
}

}  // namespace stele::http
