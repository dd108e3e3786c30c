// gload: what consumer groups and many connections cost any broker that speaks Kafka's protocol.
// Every mode prints one JSON line.
//   gload join      -b IP:PORT -g GROUPS -m MEMBERS [-h HEARTBEAT_MS]   all at once, until all are
//   stable gload rebalance -b IP:PORT -m MEMBERS [-h HEARTBEAT_MS]             one more joins a
//   stable group gload commit    -b IP:PORT -t TOPIC -c CONNECTIONS -f IN_FLIGHT -d SECONDS gload
//   metadata  -b IP:PORT -n COUNT                                 all topics, one after the other
//   gload idle      -b IP:PORT -c CONNECTIONS                           holds them until its stdin
//   ends
// A member does what the Java client does: joins, is told its id, joins with it, syncs, heartbeats;
// joins again when a heartbeat or a sync says that the group rebalances.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "bench/client/wire_client.h"
#include "server/kafka/wire/api_versions.h"
#include "server/kafka/wire/cluster.h"
#include "server/kafka/wire/coordinators.h"
#include "server/kafka/wire/group_offsets.h"
#include "server/kafka/wire/groups.h"

namespace stele::bench {
namespace {

using namespace std::chrono_literals;
using kafka::ErrorCode;

constexpr std::int16_t kFindVersion = 2;
constexpr std::int16_t kJoinVersion = 5;
constexpr std::int16_t kSyncVersion = 3;
constexpr std::int16_t kHeartbeatVersion = 3;
constexpr std::int16_t kCommitVersion = 7;
constexpr std::int16_t kMetadataVersion = 9;
constexpr std::int32_t kSessionMs = 30'000;
constexpr std::int32_t kRebalanceMs = 60'000;
// A subscription of the consumer protocol, version 0: one topic "bench", no user data. Kafka looks
// into it.
constexpr std::string_view kSubscription(
    "\0\0"
    "\0\0\0\1"
    "\0\5"
    "bench"
    "\xff\xff\xff\xff",
    17);
constexpr auto kLongest = 180s;
constexpr auto kAgain = 50ms;  // before a member that was turned away asks again

struct Options {
  std::string address = "127.0.0.1:9092";
  std::string topic = "bench";
  int groups = 1, members = 1, connections = 1, in_flight = 1, seconds = 10, count = 100;
  int heartbeat_ms = 3000;
};

double ms_since(Clock::time_point began) {
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

// Which members of a group have their assignment, of which generation.
struct Group {
  std::string id;
  std::int32_t generation = -1;
  std::size_t members = 0;  ///< as the leader was told
  std::size_t synced = 0;   ///< of this generation
  int rebalances = 0;

  [[nodiscard]] bool stable_with(int count) const {
    return members == static_cast<std::size_t>(count) && synced == members;
  }
};

class Member {
public:
  Member(Network& network, Group& group, int heartbeat_ms)
      : network_(network),
        connection_(network.connect()),
        group_(group),
        heartbeat_(heartbeat_ms) {}

  void join() {
    kafka::JoinGroupRequest request{.group_id = group_.id,
                                    .session_timeout_ms = kSessionMs,
                                    .rebalance_timeout_ms = kRebalanceMs,
                                    .member_id = id_,
                                    .protocol_type = "consumer",
                                    .protocols = {{"range", as_bytes(kSubscription)}}};
    connection_.call<kafka::JoinGroupResponse>(
        kJoinVersion, request, [this](const kafka::JoinGroupResponse& joined) { on_join(joined); });
  }

private:
  void on_join(const kafka::JoinGroupResponse& joined) {
    if (joined.error_code == ErrorCode::kMemberIdRequired) {
      id_ = joined.member_id;
      return join();
    }
    if (joined.error_code == ErrorCode::kUnknownMemberId) id_.clear();
    if (joined.error_code != ErrorCode::kNone) return join_later();
    id_ = joined.member_id;
    generation_ = joined.generation_id;
    if (generation_ > group_.generation) {
      group_.generation = generation_;
      group_.members = 0;
      group_.synced = 0;
      ++group_.rebalances;
    }
    kafka::SyncGroupRequest request{
        .group_id = group_.id, .generation_id = generation_, .member_id = id_};
    if (joined.leader == id_) {
      group_.members = joined.members.size();
      for (const auto& member : joined.members)
        request.assignments.push_back({member.member_id, as_bytes("an assignment")});
    }
    connection_.call<kafka::SyncGroupResponse>(
        kSyncVersion, request, [this](const kafka::SyncGroupResponse& synced) { on_sync(synced); });
  }

  void on_sync(const kafka::SyncGroupResponse& synced) {
    if (synced.error_code != ErrorCode::kNone) return join_later();
    if (generation_ == group_.generation && synced_generation_ != generation_) ++group_.synced;
    synced_generation_ = generation_;
    heartbeat_later();
  }

  void join_later() {
    network_.at(Clock::now() + kAgain, [this] { join(); });
  }
  void heartbeat_later() {
    network_.at(Clock::now() + heartbeat_, [this] { heartbeat(); });
  }
  void heartbeat() {
    kafka::HeartbeatRequest request{
        .group_id = group_.id, .generation_id = generation_, .member_id = id_};
    connection_.call<kafka::HeartbeatResponse>(kHeartbeatVersion, request,
                                               [this](const kafka::HeartbeatResponse& answer) {
                                                 if (answer.error_code == ErrorCode::kNone)
                                                   return heartbeat_later();
                                                 join();
                                               });
  }

  Network& network_;
  Connection& connection_;
  Group& group_;
  std::chrono::milliseconds heartbeat_;
  std::string id_;
  std::int32_t generation_ = -1;
  std::int32_t synced_generation_ = -1;
};

/// Until the broker coordinates groups: the first one to ask makes it create their topic.
void wait_for_coordinator(Network& network, const std::string& group) {
  Connection& connection = network.connect();
  bool ready = false;
  std::function<void()> ask = [&] {
    connection.call<kafka::FindCoordinatorResponse>(
        kFindVersion, kafka::FindCoordinatorRequest{.key = group},
        [&](const kafka::FindCoordinatorResponse& found) {
          ready = found.error_code == ErrorCode::kNone;
          if (!ready) network.at(Clock::now() + 100ms, ask);
        });
  };
  ask();
  network.run([&] { return ready; }, kLongest);
}

struct Members {
  Members(Network& network, const Options& options, int groups, int count) {
    for (int i = 0; i < groups; ++i)
      all_groups.push_back({.id = "bench-" + std::to_string(::getpid()) + "-" + std::to_string(i)});
    for (Group& group : all_groups) wait_for_coordinator(network, group.id);
    for (int i = 0; i < count; ++i) {
      for (Group& group : all_groups)
        all.push_back(std::make_unique<Member>(network, group, options.heartbeat_ms));
    }
  }
  std::deque<Group> all_groups;
  std::vector<std::unique_ptr<Member>> all;
};

void join(const Options& options) {
  Network network(options.address);
  Members members(network, options, options.groups, options.members);
  const auto began = Clock::now();
  for (const auto& member : members.all) member->join();
  network.run(
      [&] {
        return std::ranges::all_of(members.all_groups, [&](const Group& group) {
          return group.stable_with(options.members);
        });
      },
      kLongest);
  int rebalances = 0;
  for (const Group& group : members.all_groups) rebalances += group.rebalances;
  std::cout << "{\"stable_ms\":" << number(ms_since(began)) << ",\"rebalances\":" << rebalances
            << "}\n";
}

void rebalance(const Options& options) {
  Network network(options.address);
  Members members(network, options, 1, options.members);
  Group& group = members.all_groups.front();
  for (const auto& member : members.all) member->join();
  network.run([&] { return group.stable_with(options.members); }, kLongest);
  Member late(network, group, options.heartbeat_ms);
  const auto began = Clock::now();
  late.join();
  network.run([&] { return group.stable_with(options.members + 1); }, kLongest);
  std::cout << "{\"stable_ms\":" << number(ms_since(began)) << "}\n";
}

class Committer {
public:
  Committer(Network& network, const Options& options, int index)
      : connection_(network.connect()), topic_(options.topic) {
    group_ = "commit-" + std::to_string(::getpid()) + "-" + std::to_string(index);
  }
  void commit() {
    kafka::OffsetCommitRequest request{.group_id = group_};
    request.topics.push_back(
        {.name = topic_, .partitions = {{.partition = 0, .committed_offset = ++committed}}});
    connection_.call<kafka::OffsetCommitResponse>(
        kCommitVersion, request, [this](const kafka::OffsetCommitResponse& answer) {
          const ErrorCode error = answer.topics.at(0).partitions.at(0).error_code;
          const bool loading = error == ErrorCode::kCoordinatorLoadInProgress ||
                               error == ErrorCode::kCoordinatorNotAvailable ||
                               error == ErrorCode::kNotCoordinator;
          if (error != ErrorCode::kNone && !loading)
            give_up("commit: error " + std::to_string(static_cast<int>(error)));
          if (!loading) ++acknowledged;
          if (!stopped) commit();
        });
  }
  [[nodiscard]] const std::string& group() const { return group_; }

  std::int64_t committed = 0;
  std::int64_t acknowledged = 0;
  bool stopped = false;

private:
  Connection& connection_;
  std::string topic_;
  std::string group_;
};

void commit(const Options& options) {
  Network network(options.address);
  std::vector<std::unique_ptr<Committer>> all;
  for (int i = 0; i < options.connections; ++i) {
    all.push_back(std::make_unique<Committer>(network, options, i));
    wait_for_coordinator(network, all.back()->group());
  }
  for (const auto& one : all) {
    for (int i = 0; i < options.in_flight; ++i) one->commit();
  }
  const auto began = Clock::now();
  const auto until = began + std::chrono::seconds(options.seconds);
  network.run([&] { return Clock::now() >= until; }, kLongest);
  const double seconds = ms_since(began) / 1000;
  std::int64_t acknowledged = 0;
  for (const auto& one : all) {
    acknowledged += one->acknowledged;
    one->stopped = true;
  }
  std::cout << "{\"commits\":" << acknowledged
            << ",\"per_s\":" << number(static_cast<double>(acknowledged) / seconds) << "}\n";
}

void metadata(const Options& options) {
  Network network(options.address);
  Connection& connection = network.connect();
  std::vector<double> times;
  std::size_t partitions = 0;
  for (int i = 0; i < options.count; ++i) {
    bool answered = false;
    kafka::MetadataRequest request;
    request.topics.reset();
    const auto began = Clock::now();
    connection.call<kafka::MetadataResponse>(kMetadataVersion, request,
                                             [&](const kafka::MetadataResponse& answer) {
                                               answered = true;
                                               partitions = 0;
                                               for (const auto& topic : answer.topics)
                                                 partitions += topic.partitions.size();
                                             });
    network.run([&] { return answered; }, kLongest);
    times.push_back(ms_since(began));
  }
  std::ranges::sort(times);
  std::cout << "{\"partitions\":" << partitions << ",\"p50_ms\":" << number(times[times.size() / 2])
            << ",\"p99_ms\":" << number(times[times.size() * 99 / 100]) << "}\n";
}

void idle(const Options& options) {
  Network network(options.address);
  int answered = 0;
  for (int i = 0; i < options.connections; ++i) {
    network.connect().call<kafka::ApiVersionsResponse>(
        0, kafka::ApiVersionsRequest{}, [&](const kafka::ApiVersionsResponse&) { ++answered; });
  }
  network.run([&] { return answered == options.connections; }, kLongest);
  std::cout << "{\"connections\":" << answered << "}" << std::endl;
  std::cin.get();
}

Options parse(int count, char** arguments) {
  Options options;
  const std::map<int, int*> numbers = {{'g', &options.groups},      {'m', &options.members},
                                       {'c', &options.connections}, {'d', &options.seconds},
                                       {'f', &options.in_flight},   {'n', &options.count},
                                       {'h', &options.heartbeat_ms}};
  for (int flag = 0; (flag = ::getopt(count, arguments, "b:t:g:m:c:d:f:n:h:")) != -1;) {
    if (flag == 'b') {
      options.address = ::optarg;
    } else if (flag == 't') {
      options.topic = ::optarg;
    } else if (numbers.contains(flag)) {
      *numbers.at(flag) = std::atoi(::optarg);
    } else {
      give_up("see the first lines of gload.cpp");
    }
  }
  return options;
}

}  // namespace
}  // namespace stele::bench

int main(int count, char** arguments) {
  using namespace stele::bench;
  const std::map<std::string, void (*)(const Options&)> modes = {{"join", join},
                                                                 {"rebalance", rebalance},
                                                                 {"commit", commit},
                                                                 {"metadata", metadata},
                                                                 {"idle", idle}};
  const auto mode = count > 1 ? modes.find(arguments[1]) : modes.end();
  if (mode == modes.end()) give_up("join, rebalance, commit, metadata or idle");
  mode->second(parse(count - 1, arguments + 1));
  return 0;
}
