// Topics: as much as an event store needs of them. Everything else is the Kafka protocol's.
#include <charconv>

#include "log/base/fail.h"
#include "server/cloudevents/json_reader.h"
#include "server/cloudevents/json_writer.h"
#include "server/http/api/problems.h"
#include "server/http/api/use_cases.h"

namespace stele::http {

namespace {

using cloudevents::JsonKind;
using cloudevents::JsonObject;
using cloudevents::JsonReader;

void write_topic(const log::TopicInfo& topic, std::string& out) {
  JsonObject object(out);
  object.text("name", topic.name);
  object.text("id", topic.id.text());
  object.integer("partitions", topic.partition_count);
  JsonObject settings(object.at("settings"));
  for (const auto& [name, value] : topic.settings) settings.text(name, value);
  settings.close();
  object.boolean("internal", topic.internal);
  object.close();
}

std::int32_t read_partitions(JsonReader& in) {
  const std::string_view text = in.kind() == JsonKind::kString ? in.string() : in.number();
  std::int32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) in.fail("not a count");
  return count;
}

Result<log::TopicSpec> parse_topic(const Call& call) {
  log::TopicSpec spec{.partition_count = call.api.options().default_partitions};
  JsonReader in(call.request.body);
  in.enter_object();
  while (in.next_member()) {
    if (in.key() == "name") {
      spec.name = in.string();
    } else if (in.key() == "partitions") {
      spec.partition_count = read_partitions(in);
    } else if (in.key() == "settings") {
      in.enter_object();
      while (in.next_member()) {
        std::string name(in.key());
        spec.settings[std::move(name)] = in.string();
      }
    } else {
      in.fail("there is name, partitions and settings");
    }
  }
  if (!in.finish()) return std::unexpected(in.error());
  if (call.api.options().is_reserved(spec.name)) {
    return fail(Code::kInvalid, "{} is a name of the service's own topics", spec.name);
  }
  return spec;
}

Response topic_response(const log::TopicInfo& topic, unsigned status) {
  Response response{.status = status, .content_type = kJson};
  if (status == 201) response.headers = "Location: /v1/topics/" + topic.name + "\r\n";
  write_topic(topic, response.body);
  response.body += '\n';
  return response;
}

/// Null after it was answered that there is none.
log::TopicPtr topic_of(const Call& call) {
  if (const auto known = call.check_parameters({}); !known) {
    call.answer(known.error());
    return nullptr;
  }
  auto topic = call.api.store().find_topic(call.topic());
  if (!topic) call.answer({Code::kNotFound, "there is no such topic"});
  return topic;
}

}  // namespace

std::unique_ptr<BodySink> list_topics(Call& call) {
  if (const auto known = call.check_parameters({}); !known) {
    call.answer(known.error());
    return nullptr;
  }
  Response response{.content_type = kJson, .body = R"({"topics":)"};
  cloudevents::write_array(call.api.store().topics(), response.body,
                           [&](const log::TopicPtr& topic) { write_topic(*topic, response.body); });
  response.body += "}\n";
  call.answer(std::move(response));
  return nullptr;
}

std::unique_ptr<BodySink> create_topic(Call& call) {
  if (!equals_ignoring_case(media_type(call.request.header("content-type")), kJson)) {
    call.answer(problem(415, "the content type must be application/json"));
    return nullptr;
  }
  const auto known = call.check_parameters({});
  auto spec = known ? parse_topic(call) : std::unexpected(known.error());
  if (!spec) {
    call.answer(spec.error());
    return nullptr;
  }
  call.api.store().create_topic_async(
      *std::move(spec), [exchange = call.exchange](const Result<log::TopicPtr>& created) {
        exchange->answer(created ? topic_response(**created, 201) : problem(created.error()));
      });
  return nullptr;
}

std::unique_ptr<BodySink> get_topic(Call& call) {
  if (const auto topic = topic_of(call)) call.answer(topic_response(*topic, 200));
  return nullptr;
}

std::unique_ptr<BodySink> delete_topic(Call& call) {
  const auto topic = topic_of(call);
  if (!topic) return nullptr;
  call.api.store().delete_topic_async(
      topic->id, [exchange = call.exchange](const Result<void>& done) {
        exchange->answer(done ? Response{.status = 204} : problem(done.error()));
      });
  return nullptr;
}

}  // namespace stele::http
