// A consumer group in a world where everything goes wrong: members come, leave, crash, restart
// under their instance ids, answer late; requests and answers get lost; topics come, grow and go;
// the service dies with what it had not written. Whatever happens is checked as it happens.
//
// What is checked against: `may_hold_`, the partitions that each member was told and has not yet
// confirmed giving up. It knows nothing of targets or states.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/groups/consumer_group_fixture.h"
#include "tests/support/sim_random.h"

namespace stele::groups {

class ConsumerGroupWorld {
public:
  /// Worlds of 200 steps and then peace, until one breaks: its problem, story and seed; or "".
  static std::string run(std::uint64_t first_seed, std::uint64_t count);

  explicit ConsumerGroupWorld(std::uint64_t seed);

  /// One thing happens. Checks all invariants; what broke is in problem().
  void step();
  /// No more trouble: who is alive heartbeats, who is not times out. Then all must be well.
  void calm_down();

  /// Empty: nothing is wrong.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// What happened last, for the report.
  [[nodiscard]] std::string story() const;
  /// How often each kind of thing happened, over all worlds: a test without refusals tests little.
  static std::map<std::string, int>& counts();

private:
  struct Actor {
    Client client;
    std::optional<std::set<TopicPartition>> told;  ///< not yet acted upon: still gives up the rest
    bool is_away = false;                          ///< static, left for a while
    bool sends_all = false;  ///< after a lost request or answer, as Kafka's clients do
  };
  using Actors = std::map<std::string, Actor>;

  void come(std::optional<std::string> instance_id);
  void beat(Actor& actor);
  void deliver(Actor& actor, const ConsumerGroup::Response& response);
  void leave(Actors::iterator at);
  void crash(Actors::iterator at);
  void resubscribe(Actor& actor);
  void change_topics();
  void pass(std::chrono::milliseconds time);
  void restart();
  /// As the service does it: the answer goes out once the records are written. Null: it died first.
  std::optional<ConsumerGroup::Response> call(const ConsumerGroup::Request& request);
  void choose_wish(Client& client);
  Actors::iterator any_actor();

  void note_confirmed(const ConsumerGroup::Request& request);
  void note_told(const ConsumerGroup::Response& response);
  void check_invariants();
  void check_calm();
  void fail(const std::string& what);
  void tell(std::string what);

  SimRandom random_;
  SetTopics topics_;
  ConsumerGroupConfig config_;
  GroupClock clock_;
  std::unique_ptr<ConsumerGroup> group_;
  std::vector<GroupRecord> log_;
  Actors actors_;                       ///< processes that are alive, by member id
  std::set<std::string> instance_ids_;  ///< whose process crashed or left for a while
  std::map<std::string, std::set<TopicPartition>> may_hold_;
  std::map<std::string, std::int32_t> last_epoch_;
  std::int32_t last_group_epoch_ = 0, last_assignment_epoch_ = 0;
  int last_name_ = 0;
  bool is_calm_ = false;
  std::deque<std::string> story_;
  std::string problem_;
};

}  // namespace stele::groups
