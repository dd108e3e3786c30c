// Takes requests apart and gives each to its handler; holds what the handlers share.
//
//   frame ─► header ─► version served? ─► handle_…(broker, request) ─► answer(…), now or later
//
// Handlers are free functions, one file per group of APIs (handlers.h). They see the store, time
// and timers only through the broker, so that tests run them over a fake store and a set clock.
// Thread: the loop's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "log/env/env.h"
#include "log/format/decompressor.h"
#include "log/store/store.h"
#include "server/core/address.h"
#include "server/core/buffer_pool.h"
#include "server/core/log.h"
#include "server/core/timer_queue.h"
#include "server/groups/coordinator.h"
#include "server/kafka/connection.h"
#include "server/kafka/fetch_session_cache.h"
#include "server/kafka/fetch_waits.h"
#include "server/kafka/group_configs.h"
#include "server/kafka/metrics.h"
#include "server/kafka/quota_configs.h"
#include "server/kafka/request.h"
#include "server/kafka/topic_changes.h"

namespace stele::kafka {

/// A broker setting as DescribeConfigs tells it.
struct BrokerConfig {
  std::string name;
  std::string value;
  std::string default_value;
  std::string documentation;
  bool is_default = true;
  std::int8_t type = 2;  ///< as DescribeConfigsEntry::config_type
};

struct BrokerOptions {
  std::int32_t node_id = 1;
  std::optional<server::HostPort> advertised;  ///< none: the address that the client reached
  bool listens_on_both_loopbacks = false;      ///< then loopback clients are told "localhost"
  bool auto_create_topics = true;
  bool clamp_replication = false;  ///< more replicas than brokers: one, instead of an error
  std::int32_t default_partitions = 1;
  std::size_t fetch_bytes_max = 4 << 20;
  FetchSessionCache::Limits fetch_sessions;
  Quotas::Options quotas;
  std::size_t appending_bytes_max = 32 << 20;  ///< beyond it, connections have one produce each
  groups::GroupSettings groups;
  std::vector<BrokerConfig> configs;
  std::string data_folder = ".";  ///< as DescribeLogDirs tells it
};

class Broker final : public RequestHandler {
public:
  /// What is given outlives the broker. Takes the store's on_advance().
  Broker(log::Store& store, Env& env, server::TimerQueue& timers, server::BufferPool& pool,
         Metrics& metrics, BrokerOptions options);

  Next handle(const RequestFrame& frame, const Client& client, ReplyPtr reply) override;
  /// Once a turn, after the store was polled: wakes fetches that got what they wait for.
  void end_turn() { waits.run(env.now()); }
  /// Answers every waiting fetch with what it has, and whoever waits for a group.
  void drain() {
    waits.finish_all(env.now());
    coordinator.drain();
  }

  [[nodiscard]] server::HostPort advertised_to(const Client& client) const;

  log::Store& store;
  Env& env;
  server::TimerQueue& timers;
  server::BufferPool& pool;
  Metrics& metrics;
  const BrokerOptions options;
  QuotaConfigs quota_configs;
  GroupConfigs group_configs;
  TopicChanges topic_changes;
  Quotas quotas;
  Decompressor decompressor;
  FetchIndex fetch_index;
  FetchSessionCache fetch_sessions;
  FetchWaits waits;
  groups::Coordinator coordinator;  ///< load() it before the first request
  const std::uint64_t fetch_seed;   ///< of the hashes over what clients name
  std::size_t appending_bytes = 0;  ///< given to the store and not yet answered
  std::int64_t next_producer_id = 0;
  std::int64_t producer_ids_left = 0;

private:
  Next dispatch_charged(Request request, std::size_t frame_bytes, const Client& client);
  Next dispatch(Request request, const Client& client);
  Next refuse_version(const Request& request);
  Next refuse(const Client& client, std::string_view detail);

  server::LogLimit refused_log_;
};

}  // namespace stele::kafka
