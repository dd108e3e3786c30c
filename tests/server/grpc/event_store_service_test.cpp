// stele.v1.EventStore over a socket, by generated stubs: appends, refusals, pipelining, reads,
// subscriptions, bad input, the end.
#include "tests/server/grpc/grpc_harness.h"

namespace stele::rpc {
namespace {

using EventStoreService = GrpcHarness;

TEST_F(EventStoreService, AnAppendSaysWhereItsEventsStand) {
  start();
  v1::AppendRequest request = one("o-1", "a");
  *request.add_events() = one("o-1", "b").events(0);
  request.add_events()->set_data("no stream");
  const v1::Appended appended = must_append(request);
  ASSERT_EQ(appended.positions_size(), 3);
  EXPECT_EQ(appended.versions(0), 0u);
  EXPECT_EQ(appended.versions(1), 1u);
  EXPECT_LT(appended.positions(0), appended.positions(1));
  ASSERT_EQ(appended.ids_size(), 3);
  EXPECT_TRUE(appended.ids(0).starts_with("orders/0/"));
  EXPECT_GT(appended.recorded_us(), 1'600'000'000'000'000u);
  EXPECT_FALSE(appended.token().empty());
}

TEST_F(EventStoreService, ARetryByIdGetsTheFirstAnswer) {
  start();
  v1::AppendRequest request = one("o-1", "a");
  request.mutable_events(0)->set_id("id-1");
  const v1::Appended first = must_append(request);
  EXPECT_EQ(first.ids_size(), 0);
  const v1::Appended again = must_append(request);
  EXPECT_TRUE(again.duplicate());
  EXPECT_EQ(again.positions(0), first.positions(0));
}

TEST_F(EventStoreService, ARefusalNamesEveryExpectationThatFailed) {
  start();
  must_append(one("o-1", "a"));
  v1::AppendRequest request = one("o-1", "b");
  expect_exact(request, "o-1", 7);
  expect_exact(request, "o-2", 0);
  v1::AppendResponse answer;
  const auto status = append(request, answer);
  EXPECT_EQ(status.error_code(), ::grpc::StatusCode::ABORTED);
  const v1::Refusal refusal = refusal_of(status);
  EXPECT_EQ(refusal.reason(), v1::REASON_WRONG_VERSION);
  ASSERT_EQ(refusal.expectations_size(), 2);
  EXPECT_EQ(refusal.expectations(0).stream(), "o-1");
  EXPECT_EQ(refusal.expectations(0).actual(), 0u);
  EXPECT_EQ(refusal.expectations(1).index(), 1u);
  EXPECT_FALSE(refusal.expectations(1).has_actual());
}

TEST_F(EventStoreService, AConditionThatFailsNamesThePositionAndBringsTheEventsOnRequest) {
  start();
  v1::AppendRequest first = one("c-1", "defined");
  first.mutable_events(0)->add_tags("course:1");
  const std::uint64_t position = must_append(first).positions(0);
  v1::AppendRequest second = first;
  second.add_conditions()->mutable_fail_if_events_match()->add_items()->add_tags("course:1");
  v1::AppendResponse answer;
  const auto status = append(second, answer);
  EXPECT_EQ(status.error_code(), ::grpc::StatusCode::ABORTED);
  const v1::Refusal refusal = refusal_of(status);
  EXPECT_EQ(refusal.reason(), v1::REASON_CONDITION_FAILED);
  ASSERT_EQ(refusal.conditions_size(), 1);
  EXPECT_EQ(refusal.conditions(0).conflict_position(), position);

  second.set_return_conflicts(true);
  ASSERT_TRUE(append(second, answer).ok());
  ASSERT_EQ(answer.refusal().conflicts().events_size(), 1);
  EXPECT_EQ(answer.refusal().conflicts().events(0).data(), "defined");
  EXPECT_EQ(answer.refusal().conflicts().topics(0), "orders");

  second.mutable_conditions(0)->set_after(position);
  EXPECT_TRUE(append(second, answer).ok());
  EXPECT_TRUE(answer.has_appended());
}

TEST_F(EventStoreService, AStreamOfAppendsIsAnsweredInOrderWithRefusalsInTheMiddle) {
  start();
  ::grpc::ClientContext context;
  const auto stream = stub_->AppendStream(&context);
  constexpr std::uint64_t kAppends = 300;
  v1::AppendStreamRequest message;
  for (std::uint64_t i = 0; i < kAppends; ++i) {
    v1::PipelinedAppend& append = *message.add_appends();
    append.set_correlation_id(i + 1);
    *append.mutable_append() = one("s", std::to_string(i));
    if (i % 3 == 1) expect_no_stream(*append.mutable_append(), "s");  // it is there by then
    if (i % 3 == 2) append.mutable_append()->clear_topic();           // refused before the store
    if (i % 7 == 0) {
      ASSERT_TRUE(stream->Write(message));
      message.Clear();
    }
  }
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->WritesDone());
  std::uint64_t next = 0;
  std::uint64_t version = 0;
  for (v1::AppendStreamResponse answers; stream->Read(&answers);) {
    for (const v1::AppendAnswer& answer : answers.answers()) {
      ASSERT_EQ(answer.correlation_id(), next + 1);
      if (next % 3 == 0) {
        ASSERT_TRUE(answer.has_appended()) << answer.ShortDebugString();
        EXPECT_EQ(answer.appended().versions(0), version++);
      } else {
        const auto reason = next % 3 == 1 ? v1::REASON_WRONG_VERSION : v1::REASON_INVALID;
        EXPECT_EQ(answer.refusal().reason(), reason);
        EXPECT_EQ(answer.refusal().field(), next % 3 == 1 ? "" : "events[0].topic");
      }
      ++next;
    }
  }
  EXPECT_EQ(next, kAppends);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(EventStoreService, AtItsLimitsAStreamOfAppendsWaitsAndGoesOn) {
  options_.append_count_max = 4;
  start();
  ::grpc::ClientContext context;
  const auto stream = stub_->AppendStream(&context);
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < 100; ++i) {
      v1::AppendStreamRequest message;
      message.add_appends()->set_correlation_id(i);
      *message.mutable_appends(0)->mutable_append() = one("s", std::string(1000, 'x'));
      EXPECT_TRUE(stream->Write(message));
    }
    EXPECT_TRUE(stream->WritesDone());
  });
  std::uint64_t next = 0;
  for (v1::AppendStreamResponse answers; stream->Read(&answers);) {
    for (const v1::AppendAnswer& answer : answers.answers()) {
      EXPECT_EQ(answer.correlation_id(), next++);
    }
  }
  writer.join();
  EXPECT_EQ(next, 100u);
  EXPECT_TRUE(stream->Finish().ok());

  ::grpc::ClientContext other;
  const auto too_many = stub_->AppendStream(&other);
  v1::AppendStreamRequest message;
  for (int i = 0; i < 5; ++i) *message.add_appends()->mutable_append() = one("s", "x");
  EXPECT_TRUE(too_many->Write(message));
  v1::AppendStreamResponse none;
  EXPECT_FALSE(too_many->Read(&none));
  EXPECT_EQ(too_many->Finish().error_code(), ::grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(EventStoreService, ReadsArePackedAndEnd) {
  options_.page_events = 100;
  start();
  create_topic("other");
  const auto begin = static_cast<std::uint64_t>(store_->end().raw());
  for (int i = 0; i < 5; ++i) {
    v1::AppendRequest request;
    request.set_topic("orders");
    for (int j = 0; j < 50; ++j) *request.add_events() = one("s", std::to_string(j)).events(0);
    request.mutable_events(0)->set_topic("other");
    must_append(request);
  }
  v1::ReadRequest request;
  request.mutable_selection()->mutable_all();
  ::grpc::Status status;
  const auto pages = read(request, status);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GE(pages.size(), 3u);
  EXPECT_TRUE(pages.back().end());
  std::uint64_t count = 0;
  std::uint64_t others = 0;
  for (const v1::ReadResponse& page : pages) {
    for (const v1::RecordedEvent& event : page.batch().events()) {
      EXPECT_EQ(event.position(), begin + count++);
      others += page.batch().topics(static_cast<int>(event.topic_index())) == "other" ? 1 : 0;
    }
  }
  EXPECT_EQ(count, 250u);
  EXPECT_EQ(others, 5u);

  request.set_direction(v1::DIRECTION_BACKWARD);
  request.set_events_max(130);
  const auto backward = read_events(request);
  ASSERT_EQ(backward.size(), 130u);
  EXPECT_EQ(backward.front().position(), begin + 249);
  EXPECT_EQ(backward.back().position(), begin + 120);
}

TEST_F(EventStoreService, AStreamIsReadFromAVersionWithAllThatItsEventsSay) {
  start();
  v1::AppendRequest request = one("o-1", "first");
  v1::NewEvent& event = *request.add_events();
  event = one("o-1", "").events(0);
  event.set_id("id-2");
  event.set_source("/shop");
  event.set_subject("subject");
  event.set_content_type("text/plain");
  event.set_data_schema("https://example.com/schema");
  event.set_time_text("2026-01-02T03:04:05.678Z");
  event.add_tags("a");
  event.add_tags("b,c");
  event.add_extensions()->set_name("traceparent");
  event.mutable_extensions(0)->set_value("00-1");
  event.add_headers()->set_name("h");
  event.mutable_headers(0)->set_value(std::string("\xff\0", 2));
  must_append(request);
  v1::ReadRequest read;
  read.mutable_selection()->mutable_stream()->set_topic("orders");
  read.mutable_selection()->mutable_stream()->set_stream("o-1");
  read.mutable_from()->set_version(1);
  const auto events = read_events(read);
  ASSERT_EQ(events.size(), 1u);
  const v1::RecordedEvent& got = events[0];
  EXPECT_EQ(got.version(), 1u);
  EXPECT_EQ(got.stream(), "o-1");
  EXPECT_EQ(got.id(), "id-2");
  EXPECT_EQ(got.source(), "/shop");
  EXPECT_EQ(got.subject(), "subject");
  EXPECT_EQ(got.content_type(), "text/plain");
  EXPECT_EQ(got.data_schema(), "https://example.com/schema");
  EXPECT_EQ(got.time_text(), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(got.time_ms(), 1'767'323'045'678);
  EXPECT_TRUE(got.has_data());
  EXPECT_EQ(got.data(), "");
  ASSERT_EQ(got.tags_size(), 2);
  EXPECT_EQ(got.tags(1), "b,c");
  ASSERT_EQ(got.extensions_size(), 1);
  EXPECT_EQ(got.extensions(0).value(), "00-1");
  ASSERT_EQ(got.headers_size(), 1);
  EXPECT_EQ(got.headers(0).value(), std::string("\xff\0", 2));
}

TEST_F(EventStoreService, BadInputIsRefusedWithItsField) {
  start();
  struct Case {
    const char* name;
    std::function<void(v1::ReadRequest&)> spoil;
    const char* field;
  };
  const auto from_the_start = [](v1::ReadRequest& read) {
    read.mutable_selection()->mutable_all();
  };
  const Case cases[] = {
      {"nothing is selected", [](v1::ReadRequest&) {}, "selection"},
      {"unknown direction",
       [](v1::ReadRequest& read) { read.set_direction(static_cast<v1::Direction>(9)); },
       "direction"},
      {"position over 2^63",
       [](v1::ReadRequest& read) { read.mutable_from()->set_position(~0ull); }, "from.position"},
      {"time before 1970", [](v1::ReadRequest& read) { read.mutable_from()->set_recorded_us(-1); },
       "from.recorded_us"},
      {"no event", [](v1::ReadRequest& read) { read.set_events_max(0); }, "events_max"},
      {"empty token", [](v1::ReadRequest& read) { read.mutable_from()->set_token(""); },
       "from.token"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    v1::ReadRequest request;
    if (std::string_view(c.field) != "selection") from_the_start(request);
    c.spoil(request);
    ::grpc::Status status;
    EXPECT_TRUE(read(request, status).empty());
    EXPECT_EQ(status.error_code(), ::grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(refusal_of(status).field(), c.field);
    EXPECT_NE(status.error_details().find("google.rpc.BadRequest"), std::string::npos);
  }
  v1::AppendRequest unset = one("s", "x");
  unset.add_expectations()->set_stream("s");
  v1::AppendResponse answer;
  EXPECT_EQ(refusal_of(append(unset, answer)).field(), "expectations[0].expected");
  unset.clear_expectations();
  unset.add_conditions()->set_after(1);
  EXPECT_EQ(refusal_of(append(unset, answer)).field(), "conditions[0].fail_if_events_match");
  v1::AppendRequest untagged = one("s", "x");
  *untagged.add_events() = one("s", "y").events(0);
  untagged.mutable_events(1)->add_tags("fine");
  untagged.mutable_events(1)->add_tags("");
  const auto no_tag = append(untagged, answer);
  EXPECT_EQ(refusal_of(no_tag).field(), "events[1].tags[1]");
  EXPECT_NE(no_tag.error_details().find("google.rpc.BadRequest"), std::string::npos);
  const auto too_large = append(one("s", std::string(options_.message_bytes_max, 'x')), answer);
  EXPECT_EQ(too_large.error_code(), ::grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(append(one("s", "still there"), answer).error_code(), ::grpc::StatusCode::OK);
}

TEST_F(EventStoreService, ASubscriptionSeesHistoryThenTheRestOnceAndResumesFromAToken) {
  options_.page_events = 10;
  start();
  for (int i = 0; i < 25; ++i) must_append(one("s", std::to_string(i)));
  std::string token;
  const auto follow = [&](int from, int to, bool append_more) {
    ::grpc::ClientContext context;
    v1::SubscribeRequest request;
    request.mutable_selection()->mutable_topic()->assign("orders");
    if (!token.empty()) request.mutable_from()->set_token(token);
    const auto reader = stub_->Subscribe(&context, request);
    int next = from;
    bool caught_up = false;
    for (v1::SubscribeResponse news; next < to && reader->Read(&news);) {
      for (const v1::RecordedEvent& event : news.batch().events()) {
        EXPECT_EQ(event.data(), std::to_string(next++));
      }
      if (!news.token().empty()) token = news.token();
      if (!news.has_caught_up() || !append_more) continue;
      caught_up = true;
      for (int i = next; i < to; ++i) must_append(one("s", std::to_string(i)));
    }
    EXPECT_EQ(next, to);
    EXPECT_EQ(caught_up, append_more);
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), ::grpc::StatusCode::CANCELLED);
  };
  follow(0, 40, true);
  for (int i = 40; i < 50; ++i) must_append(one("s", std::to_string(i)));
  follow(40, 50, false);
}

TEST_F(EventStoreService, ASlowReaderHoldsTheReadBack) {
  options_.page_bytes = 64 << 10;
  start();
  for (int i = 0; i < 32; ++i) must_append(one("s", std::string(500'000, 'x')));
  ::grpc::ClientContext context;
  v1::SubscribeRequest request;
  request.mutable_selection()->mutable_all();
  const auto reader = stub_->Subscribe(&context, request);
  v1::SubscribeResponse news;
  ASSERT_TRUE(reader->Read(&news));
  // What follows is work of the same server: while the reader takes nothing, it sends no more than
  // flow control lets it.
  for (int i = 0; i < 20; ++i) must_append(one("t", "x"));
  std::atomic<std::int64_t> sent{0};
  std::promise<void> printed;
  loop_->post([&] {
    server::PrometheusText text;
    server_->print(text);
    const std::string all = text.take();
    const std::string_view name = "\nstele_grpc_sent_events_total ";
    sent = std::stoll(all.substr(all.find(name) + name.size()));
    printed.set_value();
  });
  printed.get_future().wait();
  EXPECT_LT(sent.load(), 30);
  int count = news.batch().events_size();
  while (count < 52 && reader->Read(&news)) count += news.batch().events_size();
  EXPECT_EQ(count, 52);
  context.TryCancel();
  reader->Finish();
}

TEST_F(EventStoreService, StreamsHaveLimitsAndTombstones) {
  start();
  for (int i = 0; i < 5; ++i) must_append(one("s", std::to_string(i)));
  v1::SetStreamLimitsRequest limits;
  limits.set_topic("orders");
  limits.set_stream("s");
  limits.mutable_limits()->set_max_count(2);
  v1::SetStreamLimitsResponse limited;
  ::grpc::ClientContext set;
  ASSERT_TRUE(stub_->SetStreamLimits(&set, limits, &limited).ok());
  v1::GetStreamRequest get;
  get.set_topic("orders");
  get.set_stream("s");
  v1::GetStreamResponse info;
  ::grpc::ClientContext got;
  ASSERT_TRUE(stub_->GetStream(&got, get, &info).ok());
  EXPECT_EQ(info.last_version(), 4u);
  EXPECT_EQ(info.first_version(), 3u);
  EXPECT_EQ(info.limits().max_count(), 2u);

  v1::TombstoneRequest tombstone;
  tombstone.set_topic("orders");
  tombstone.set_stream("s");
  tombstone.mutable_expected()->set_exact(2);
  v1::TombstoneResponse gone;
  ::grpc::ClientContext wrong;
  EXPECT_EQ(stub_->Tombstone(&wrong, tombstone, &gone).error_code(), ::grpc::StatusCode::ABORTED);
  tombstone.mutable_expected()->set_exact(4);
  ::grpc::ClientContext right;
  EXPECT_TRUE(stub_->Tombstone(&right, tombstone, &gone).ok());
  v1::AppendResponse answer;
  const auto status = append(one("s", "x"), answer);
  EXPECT_EQ(status.error_code(), ::grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refusal_of(status).reason(), v1::REASON_TOMBSTONED);
}

TEST_F(EventStoreService, TopicsAreMadeListedAndDeleted) {
  start();
  v1::AppendResponse answer;
  v1::AppendRequest nowhere = one("s", "x");
  nowhere.set_topic("nowhere");
  EXPECT_EQ(append(nowhere, answer).error_code(), ::grpc::StatusCode::NOT_FOUND);
  v1::ListTopicsResponse topics;
  ::grpc::ClientContext list;
  ASSERT_TRUE(admin_->ListTopics(&list, {}, &topics).ok());
  ASSERT_EQ(topics.topics_size(), 1);
  EXPECT_EQ(topics.topics(0).name(), "orders");
  EXPECT_EQ(topics.topics(0).partition_count(), 1u);
  v1::DeleteTopicRequest remove;
  remove.set_name("orders");
  v1::DeleteTopicResponse removed;
  ::grpc::ClientContext first;
  EXPECT_TRUE(admin_->DeleteTopic(&first, remove, &removed).ok());
  ::grpc::ClientContext second;
  EXPECT_EQ(admin_->DeleteTopic(&second, remove, &removed).error_code(),
            ::grpc::StatusCode::NOT_FOUND);
}

TEST_F(EventStoreService, ScavengeTellsWhatItDid) {
  start();
  must_append(one("o-1", "a"));
  v1::ScavengeRequest request;
  request.set_topic("orders");
  v1::ScavengeResponse done;
  ::grpc::ClientContext first;
  ASSERT_TRUE(admin_->Scavenge(&first, request, &done).ok());
  EXPECT_EQ(done.partitions(), 1u);
  EXPECT_EQ(done.segments(), 0u) << "the only segment is open";
  request.set_topic("nowhere");
  ::grpc::ClientContext second;
  EXPECT_EQ(admin_->Scavenge(&second, request, &done).error_code(), ::grpc::StatusCode::NOT_FOUND);
}

TEST_F(EventStoreService, StoppingEndsOpenStreamsWithUnavailable) {
  start();
  must_append(one("s", "a"));
  ::grpc::ClientContext subscribed;
  v1::SubscribeRequest request;
  request.mutable_selection()->mutable_all();
  const auto reader = stub_->Subscribe(&subscribed, request);
  v1::SubscribeResponse news;
  ASSERT_TRUE(reader->Read(&news));
  ::grpc::ClientContext appending;
  const auto stream = stub_->AppendStream(&appending);
  v1::AppendStreamRequest message;
  *message.add_appends()->mutable_append() = one("s", "b");
  ASSERT_TRUE(stream->Write(message));
  v1::AppendStreamResponse answers;
  ASSERT_TRUE(stream->Read(&answers));
  drain(std::chrono::seconds(10));
  while (reader->Read(&news)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), ::grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(stream->Read(&answers));
  EXPECT_EQ(stream->Finish().error_code(), ::grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace stele::rpc
