// A classic group on a bench: members that a test moves by hand, a clock that it sets, and a log
// that takes records when the test says so.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/groups/classic_group.h"

namespace stele::groups::test {

using kafka::ErrorCode;

/// An answer that may still be to come; counts how often it came.
template <class Response>
struct Awaited {
  std::optional<Response> response;
  std::vector<std::string> listed;  ///< member ids that a JoinGroup answer lists
  std::string assignment;           ///< of a SyncGroup answer
  int count = 0;

  [[nodiscard]] bool is_waiting() const { return count == 0; }
  [[nodiscard]] ErrorCode error() const {
    return response ? response->error_code : ErrorCode::kUnknownServerError;
  }
};
using Joined = std::shared_ptr<Awaited<kafka::JoinGroupResponse>>;
using Synced = std::shared_ptr<Awaited<kafka::SyncGroupResponse>>;

struct JoinOptions {
  std::string member_id{};
  std::optional<std::string> instance_id{};
  std::vector<std::pair<std::string, std::string>> protocols{{"range", "topic-a"}};
  std::string protocol_type = "test";
  std::int16_t version = 3;  ///< the last that needs no second JoinGroup
  std::int32_t session_ms = 10'000;
  std::int32_t rebalance_ms = 60'000;
};

/// The host of a group: nothing happens but what the test does.
class BenchHost final : public ClassicHost {
public:
  Time now() override { return now_; }
  std::int64_t wall_ms() override { return 1'700'000'000'000 + now_.count() / 1'000'000; }
  std::string new_member_id(std::string_view prefix) override {
    return std::string(prefix) + "-" + std::to_string(++last_id_);
  }
  void store(ClassicGroup&, Result<GroupRecord> record, StoreTicket ticket) override {
    stored.push_back({record.value(), ticket});
  }
  void count_rebalance() override { ++rebalances; }

  struct Stored {
    GroupRecord record;
    StoreTicket ticket;
  };
  std::deque<Stored> stored;
  int rebalances = 0;

  Time now_{0};

private:
  int last_id_ = 0;
};

class ClassicBench {
public:
  explicit ClassicBench(GroupSettings with = {}) : settings(with), group("g", host, settings) {}

  Joined join(const JoinOptions& options) { return join_in(group, options); }
  Joined join_in(ClassicGroup& into, const JoinOptions& options) {
    kafka::JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = options.session_ms;
    request.rebalance_timeout_ms = options.rebalance_ms;
    request.member_id = options.member_id;
    if (options.instance_id) request.group_instance_id = *options.instance_id;
    request.protocol_type = options.protocol_type;
    for (const auto& [name, metadata] : options.protocols) {
      request.protocols.push_back({name, as_bytes(metadata)});
    }
    auto awaited = std::make_shared<Awaited<kafka::JoinGroupResponse>>();
    into.join({.request = request,
               .version = options.version,
               .client_id = "client",
               .client_host = "/127.0.0.1"},
              [awaited](const kafka::JoinGroupResponse& response) {
                ++awaited->count;
                awaited->response = response;
                for (const auto& member : response.members) {
                  awaited->listed.push_back(member.member_id);
                }
                awaited->response->members.clear();
              });
    return awaited;
  }

  Synced sync(const std::string& member_id, std::int32_t generation,
              const std::vector<std::pair<std::string, std::string>>& assignments = {},
              std::optional<std::string> instance_id = std::nullopt,
              std::optional<std::string> protocol = std::nullopt) {
    kafka::SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = generation;
    request.member_id = member_id;
    if (instance_id) request.group_instance_id = *instance_id;
    if (protocol) request.protocol_name = *protocol;
    for (const auto& [id, assignment] : assignments) {
      request.assignments.push_back({id, as_bytes(assignment)});
    }
    auto awaited = std::make_shared<Awaited<kafka::SyncGroupResponse>>();
    group.sync(request, [awaited](const kafka::SyncGroupResponse& response) {
      ++awaited->count;
      awaited->assignment = as_text(response.assignment);
      awaited->response = response;
      awaited->response->assignment = {};
    });
    return awaited;
  }

  ErrorCode heartbeat(const std::string& member_id, std::int32_t generation,
                      std::optional<std::string> instance_id = std::nullopt) {
    kafka::HeartbeatRequest request;
    request.group_id = "g";
    request.member_id = member_id;
    request.generation_id = generation;
    if (instance_id) request.group_instance_id = *instance_id;
    return group.heartbeat(request);
  }

  ErrorCode leave(const std::string& member_id,
                  std::optional<std::string> instance_id = std::nullopt) {
    kafka::LeaveGroupRequest request;
    request.group_id = "g";
    kafka::LeaveGroupRequestMember leaving{.member_id = member_id};
    if (instance_id) leaving.group_instance_id = *instance_id;
    request.members.push_back(leaving);
    return group.leave(request).members.at(0).error_code;
  }

  ErrorCode commit(const std::string& member_id, std::int32_t generation,
                   std::optional<std::string> instance_id = std::nullopt) {
    kafka::OffsetCommitRequest request;
    request.group_id = "g";
    request.member_id = member_id;
    request.generation_id_or_member_epoch = generation;
    if (instance_id) request.group_instance_id = *instance_id;
    return group.check_commit(request);
  }

  /// Time passes; what is due happens when it is due.
  void pass(std::int64_t ms) {
    const Time until = host.now_ + std::chrono::milliseconds(ms);
    while (group.next_deadline() <= until) {
      host.now_ = std::max(host.now_, group.next_deadline());
      group.expire();
    }
    host.now_ = until;
  }

  /// The log takes everything that was given to it so far, or refuses it.
  void write(ErrorCode error = ErrorCode::kNone) {
    while (!host.stored.empty()) {
      const BenchHost::Stored stored = std::move(host.stored.front());
      host.stored.pop_front();
      if (error == ErrorCode::kNone) log.push_back(stored.record);
      group.on_stored(stored.ticket, error);
    }
  }

  struct Stable {
    std::vector<std::string> ids;  ///< the leader's first
    std::int32_t generation = 0;
  };
  /// A stable group of `count` members, each assigned "p-<id>".
  Stable make_stable(int count, JoinOptions options = {}) {
    std::vector<Joined> joins;
    for (int i = 0; i < count; ++i) joins.push_back(join(options));
    pass(settings.initial_delay_ms);
    return assign(joins);
  }
  /// All that have joined come for what the leader assigns.
  Stable assign(const std::vector<Joined>& joins) {
    Stable stable;
    std::vector<std::pair<std::string, std::string>> assignments;
    for (const Joined& joined : joins) {
      const auto& response = joined->response.value();
      stable.generation = response.generation_id;
      assignments.emplace_back(response.member_id, "p-" + response.member_id);
      const bool is_leader = response.leader == response.member_id;
      stable.ids.insert(is_leader ? stable.ids.begin() : stable.ids.end(), response.member_id);
    }
    for (const std::string& id : stable.ids) {
      (void)sync(id, stable.generation, id == stable.ids.front() ? assignments : kNone);
    }
    write();
    return stable;
  }

  const GroupSettings settings;
  BenchHost host;
  ClassicGroup group;
  std::vector<GroupRecord> log;

private:
  static inline const std::vector<std::pair<std::string, std::string>> kNone{};
};

}  // namespace stele::groups::test
