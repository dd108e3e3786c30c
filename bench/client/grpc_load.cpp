// grpc_load: loads the event store over gRPC (proto/stele/v1). See load.h for the arguments. Modes:
//   append       unary, a stream's version expected; IN_FLIGHT threads
//   append-tag   the same, with a condition on one tag instead
//   stream       IN_FLIGHT appends under way on one AppendStream, packed as they come; a version
//                expected
//   stream-tag   the same, with a condition
//   stream-each  as stream, but one append in a message
//   batch        BATCH events of one stream in an append, IN_FLIGHT of them under way
//   fill         what the reads read
//   read-ten, read-tag   the ten events of a stream, of a tag; IN_FLIGHT threads
//   read-all     everything, at most a million events, once
#include <google/protobuf/arena.h>
#include <grpcpp/grpcpp.h>
#include <stele/v1/admin.grpc.pb.h>
#include <stele/v1/event_store.grpc.pb.h>

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/client/load.h"

namespace stele::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

void must(const grpc::Status& status) {
  if (!status.ok()) fail_run(status.error_message());
}

constexpr std::size_t kArenaBytes = 2 << 20;  // more than a message of a read takes

enum class Check { kVersion, kTag };

// One append of `count` events to the slot's stream, or with its tag.
void fill_append(v1::AppendRequest& request, const Slot& slot, Check check, std::size_t count) {
  static const std::string data = event_data();
  request.set_topic(std::string(kTopic));
  for (std::size_t i = 0; i < count; ++i) {
    v1::NewEvent& event = *request.add_events();
    event.set_type(std::string(kType));
    event.set_data(data);
    if (check == Check::kTag) {
      event.add_tags(slot.name());
    } else {
      event.set_stream(slot.name());
    }
  }
  if (check == Check::kTag) {
    v1::AppendCondition& condition = *request.add_conditions();
    condition.mutable_fail_if_events_match()->add_items()->add_tags(slot.name());
    if (slot.last() >= 0) condition.set_after(static_cast<std::uint64_t>(slot.last()));
    return;
  }
  v1::StreamExpectation& expectation = *request.add_expectations();
  expectation.set_stream(slot.name());
  if (slot.last() < 0) {
    expectation.mutable_expected()->mutable_no_stream();
  } else {
    expectation.mutable_expected()->set_exact(static_cast<std::uint64_t>(slot.last()));
  }
}

std::int64_t last_of(const v1::Appended& appended, Check check) {
  const auto& numbers = check == Check::kTag ? appended.positions() : appended.versions();
  return static_cast<std::int64_t>(*numbers.rbegin());
}

class Client {
public:
  explicit Client(const Load& load)
      : load_(load),
        channel_(grpc::CreateChannel(load.address, grpc::InsecureChannelCredentials())),
        stub_(v1::EventStore::NewStub(channel_)) {}

  void create_topic() {
    v1::CreateTopicRequest request;
    request.set_name(std::string(kTopic));
    v1::CreateTopicResponse response;
    grpc::ClientContext context;
    const grpc::Status status =
        v1::Admin::NewStub(channel_)->CreateTopic(&context, request, &response);
    if (status.error_code() != grpc::ALREADY_EXISTS) must(status);
  }

  void append_once(Slot& slot, Check check) {
    v1::AppendRequest request;
    fill_append(request, slot, check, load_.batch);
    v1::AppendResponse response;
    grpc::ClientContext context;
    must(stub_->Append(&context, request, &response));
    slot.written(last_of(response.appended(), check));
  }

  // Keeps `in_flight` appends under way on one stream until the time is up.
  Latencies pipeline(Check check, bool packed) {
    grpc::ClientContext context;
    const auto stream = stub_->AppendStream(&context);
    std::vector<Slot> slots;
    for (std::size_t i = 0; i < load_.in_flight; ++i) slots.emplace_back(i);
    std::vector<Clock::time_point> sent(slots.size());
    Latencies times;
    v1::AppendStreamRequest request;
    const auto write = [&] {
      if (request.appends_size() > 0 && !stream->Write(request)) fail_run("the stream ended");
      request.clear_appends();
    };
    const auto add = [&](std::size_t number) {
      v1::PipelinedAppend& append = *request.add_appends();
      append.set_correlation_id(number);
      fill_append(*append.mutable_append(), slots[number], check, load_.batch);
      sent[number] = Clock::now();
      if (!packed) write();
    };
    const auto until = Clock::now() + load_.lasts;
    for (std::size_t i = 0; i < slots.size(); ++i) add(i);
    write();
    std::size_t under_way = slots.size();
    v1::AppendStreamResponse response;
    while (under_way > 0) {
      if (!stream->Read(&response)) must(stream->Finish());
      for (const v1::AppendAnswer& answer : response.answers()) {
        if (!answer.has_appended()) fail_run(answer.refusal().ShortDebugString());
        const std::size_t number = answer.correlation_id();
        times.add(seconds_since(sent[number]));
        slots[number].written(last_of(answer.appended(), check));
        if (Clock::now() < until) {
          add(number);
        } else {
          --under_way;
        }
      }
      write();
    }
    stream->WritesDone();
    must(stream->Finish());
    return times;
  }

  // A thousand streams and tags with ten events each, an event of each in turn.
  void fill() {
    static const std::string data = event_data();
    for (std::size_t round = 0; round < kTenEvents; ++round) {
      v1::AppendRequest request;
      request.set_topic(std::string(kTopic));
      for (std::size_t i = 0; i < kTenStreams; ++i) {
        v1::NewEvent& event = *request.add_events();
        event.set_type(std::string(kType));
        event.set_data(data);
        event.set_stream("ten-" + std::to_string(i));
        event.add_tags("ten-" + std::to_string(i));
      }
      v1::AppendResponse response;
      grpc::ClientContext context;
      must(stub_->Append(&context, request, &response));
    }
  }

  std::uint64_t read(const v1::ReadRequest& request) {
    // Messages in an arena: event objects one by one cost more than all else that is done here.
    static thread_local std::vector<char> memory(kArenaBytes);
    google::protobuf::ArenaOptions options;
    options.initial_block = memory.data();
    options.initial_block_size = memory.size();
    google::protobuf::Arena arena(options);
    grpc::ClientContext context;
    const auto reader = stub_->Read(&context, request);
    std::uint64_t events = 0;
    for (bool more = true; more; arena.Reset()) {
      auto& response = *google::protobuf::Arena::CreateMessage<v1::ReadResponse>(&arena);
      more = reader->Read(&response);
      events += static_cast<std::uint64_t>(response.batch().events_size());
    }
    must(reader->Finish());
    return events;
  }

  void read_ten(std::size_t n, bool by_tag) {
    v1::ReadRequest request;
    if (by_tag) {
      request.mutable_selection()->set_tag(ten_name(n));
    } else {
      request.mutable_selection()->mutable_stream()->set_topic(std::string(kTopic));
      request.mutable_selection()->mutable_stream()->set_stream(ten_name(n));
    }
    if (read(request) != kTenEvents) fail_run(ten_name(n) + " has not ten events");
  }

  std::uint64_t read_all() {
    v1::ReadRequest request;
    request.mutable_selection()->mutable_all();
    request.set_events_max(kReadMax);
    return read(request);
  }

private:
  const Load& load_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::EventStore::Stub> stub_;
};

// `one(turn)` again and again until the time is up, by as many threads as are to be in flight.
Latencies repeat(const Load& load,
                 const std::function<std::function<void(std::size_t)>(std::size_t)>& make) {
  const auto until = Clock::now() + load.lasts;
  std::mutex mutex;
  Latencies all;
  std::vector<std::jthread> threads;
  for (std::size_t worker = 0; worker < load.in_flight; ++worker) {
    threads.emplace_back([&, worker] {
      const auto one = make(worker);
      Latencies times;
      for (std::size_t turn = 0; Clock::now() < until; ++turn) times.time([&] { one(turn); });
      const std::scoped_lock lock(mutex);
      all.add(times);
    });
  }
  threads.clear();
  return all;
}

Latencies append_unary(Client& client, const Load& load, Check check) {
  return repeat(load, [&](std::size_t worker) {
    return [&client, check, slot = Slot(worker)](std::size_t) mutable {
      client.append_once(slot, check);
    };
  });
}

Latencies read_ten(Client& client, const Load& load, bool by_tag) {
  return repeat(load, [&](std::size_t worker) {
    return [&client, by_tag, worker](std::size_t turn) {
      client.read_ten(worker * 37 + turn, by_tag);
    };
  });
}

int run(const Load& load) {
  Client client(load);
  client.create_topic();
  Latencies times;
  std::uint64_t each = load.batch;
  const auto began = Clock::now();
  if (load.mode == "append") {
    times = append_unary(client, load, Check::kVersion);
  } else if (load.mode == "append-tag") {
    times = append_unary(client, load, Check::kTag);
  } else if (load.mode == "stream" || load.mode == "batch") {
    times = client.pipeline(Check::kVersion, true);
  } else if (load.mode == "stream-tag") {
    times = client.pipeline(Check::kTag, true);
  } else if (load.mode == "stream-each") {
    times = client.pipeline(Check::kVersion, false);
  } else if (load.mode == "fill") {
    times.time([&] { client.fill(); });
    each = kTenStreams * kTenEvents;
  } else if (load.mode == "read-ten" || load.mode == "read-tag") {
    times = read_ten(client, load, load.mode == "read-tag");
    each = kTenEvents;
  } else if (load.mode == "read-all") {
    times.time([&] { each = client.read_all(); });
  } else {
    fail_run("no mode " + load.mode);
  }
  report(times, static_cast<std::uint64_t>(times.count()) * each, seconds_since(began));
  return 0;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  return stele::bench::run(stele::bench::Load::parse(count, arguments));
}
