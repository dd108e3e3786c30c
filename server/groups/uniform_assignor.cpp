#include <algorithm>
#include <cstddef>
#include <limits>
#include <queue>
#include <utility>

#include "log/base/check.h"
#include "server/groups/assignor.h"

namespace stele::groups {
namespace {

using Member = std::uint32_t;
constexpr Member kNobody = std::numeric_limits<Member>::max();

/// Partitions of all topics in one row, their owners and the owners' loads.
///   topic 0          topic 1
///   [ p0 p1 p2 ]     [ p0 p1 … ]
///     ^ first_[0]      ^ first_[1]
class Board {
public:
  explicit Board(const AssignorInput& input);

  /// Members keep what they were to have, as far as it exists and they want it.
  void keep_targets();
  [[nodiscard]] AssignorOutput output() const;

  [[nodiscard]] std::size_t first(std::uint32_t topic) const { return first_[topic]; }
  [[nodiscard]] std::size_t end(std::uint32_t topic) const { return first_[topic + 1]; }
  [[nodiscard]] Member owner(std::size_t place) const { return owners_[place]; }
  [[nodiscard]] std::size_t load(Member member) const { return loads_[member]; }
  void give(std::size_t place, Member member);
  void take(std::size_t place);
  [[nodiscard]] const std::vector<std::uint32_t>& topics_of(Member member) const {
    return input_.subscriptions[input_.members[member].subscription];
  }
  [[nodiscard]] std::size_t member_count() const { return loads_.size(); }
  [[nodiscard]] std::size_t topic_count() const { return first_.size() - 1; }
  [[nodiscard]] bool all_want_the_same() const;

private:
  void keep_target(Member member);

  const AssignorInput& input_;
  std::vector<std::size_t> first_;
  std::vector<Member> owners_;
  std::vector<std::size_t> loads_;
};

Board::Board(const AssignorInput& input) : input_(input), loads_(input.members.size()) {
  first_.reserve(input.topics.size() + 1);
  std::size_t places = 0;
  for (const AssignableTopic& topic : input.topics) {
    first_.push_back(places);
    places += static_cast<std::size_t>(topic.partition_count);
  }
  first_.push_back(places);
  owners_.assign(places, kNobody);
}

void Board::give(std::size_t place, Member member) {
  STELE_CHECK(owners_[place] == kNobody);
  owners_[place] = member;
  ++loads_[member];
}

void Board::take(std::size_t place) {
  STELE_CHECK(owners_[place] != kNobody);
  --loads_[owners_[place]];
  owners_[place] = kNobody;
}

void Board::keep_target(Member member) {
  const std::vector<std::uint32_t>& wanted = topics_of(member);
  auto topic = wanted.begin();  // both rise by topic id: one walk over both
  for (const TopicPartition& held : input_.members[member].target) {
    while (topic != wanted.end() && input_.topics[*topic].id < held.topic) ++topic;
    if (topic == wanted.end()) return;
    const AssignableTopic& known = input_.topics[*topic];
    const bool is_there = held.partition >= 0 && held.partition < known.partition_count;
    if (known.id != held.topic || !is_there) continue;
    const std::size_t place = first_[*topic] + static_cast<std::size_t>(held.partition);
    if (owners_[place] == kNobody) give(place, member);
  }
}

void Board::keep_targets() {
  for (Member member = 0; member < member_count(); ++member) keep_target(member);
}

bool Board::all_want_the_same() const {
  return std::ranges::all_of(input_.members, [&](const AssignableMember& member) {
    return member.subscription == input_.members.front().subscription;
  });
}

AssignorOutput Board::output() const {
  AssignorOutput out(member_count());
  for (Member member = 0; member < member_count(); ++member) out[member].reserve(loads_[member]);
  for (std::size_t topic = 0; topic < topic_count(); ++topic) {
    for (std::size_t place = first_[topic]; place < first_[topic + 1]; ++place) {
      if (owners_[place] == kNobody) continue;  // nobody wants the topic
      const auto partition = static_cast<std::int32_t>(place - first_[topic]);
      out[owners_[place]].push_back({input_.topics[topic].id, partition});
    }
  }
  return out;
}

/// Everybody wants the same topics: a quota each, the larger ones to those who hold more already.
void share_evenly(Board& board) {
  const std::vector<std::uint32_t>& topics = board.topics_of(0);
  std::size_t places = 0;
  for (std::uint32_t topic : topics) places += board.end(topic) - board.first(topic);
  const std::size_t each = places / board.member_count();
  std::size_t extra = places % board.member_count();
  std::vector<std::size_t> room(board.member_count(), each);
  for (Member member = 0; member < board.member_count() && extra > 0; ++member) {
    if (board.load(member) > each) ++room[member], --extra;
  }
  for (Member member = 0; member < board.member_count() && extra > 0; ++member) {
    if (room[member] == each) ++room[member], --extra;
  }
  for (std::uint32_t topic : topics) {
    for (std::size_t place = board.first(topic); place < board.end(topic); ++place) {
      const Member owner = board.owner(place);
      if (owner != kNobody && board.load(owner) > room[owner]) board.take(place);
    }
  }
  Member next = 0;
  for (std::uint32_t topic : topics) {
    for (std::size_t place = board.first(topic); place < board.end(topic); ++place) {
      if (board.owner(place) != kNobody) continue;
      while (board.load(next) == room[next]) ++next;
      board.give(place, next);
    }
  }
}

/// Members with a load, least first.
using Loaded = std::pair<std::size_t, Member>;
using LeastLoaded = std::priority_queue<Loaded, std::vector<Loaded>, std::greater<>>;

/// What nobody holds goes to the least loaded who want it; topics that few want go first.
void give_unowned(Board& board) {
  std::vector<std::vector<Member>> subscribers(board.topic_count());
  for (Member member = 0; member < board.member_count(); ++member) {
    for (std::uint32_t topic : board.topics_of(member)) subscribers[topic].push_back(member);
  }
  std::vector<std::uint32_t> order;
  for (std::uint32_t topic = 0; topic < board.topic_count(); ++topic) {
    if (!subscribers[topic].empty()) order.push_back(topic);
  }
  std::ranges::sort(
      order, {}, [&](std::uint32_t topic) { return std::pair(subscribers[topic].size(), topic); });
  for (std::uint32_t topic : order) {
    LeastLoaded takers;
    for (Member member : subscribers[topic]) takers.emplace(board.load(member), member);
    for (std::size_t place = board.first(topic); place < board.end(topic); ++place) {
      if (board.owner(place) != kNobody) continue;
      const Member taker = takers.top().second;
      takers.pop();
      board.give(place, taker);
      takers.emplace(board.load(taker), taker);
    }
  }
}

/// Evens out several subscriptions: a breadth-first search from the least loaded member for
/// somebody who holds at least two more, over "wants a topic of which … holds a partition"; the
/// partitions on the way move one hand on. Where a search fails, all that it reached can't improve
/// any more: it is closed, and loads in it differ by at most one.
class Balancer {
public:
  explicit Balancer(Board& board)
      : board_(board),
        reached_by_(board.member_count()),
        member_stamps_(board.member_count()),
        topic_stamps_(board.topic_count()),
        finished_(board.member_count()) {}

  void run() {
    LeastLoaded queue;
    for (Member member = 0; member < board_.member_count(); ++member) {
      queue.emplace(board_.load(member), member);
    }
    while (!queue.empty()) {
      const auto [load, member] = queue.top();
      queue.pop();
      if (finished_[member] || load != board_.load(member)) continue;  // an older entry
      const Member giver = find_giver(member);
      if (giver == kNobody) continue;
      hand_over(member, giver);
      queue.emplace(board_.load(member), member);
      queue.emplace(board_.load(giver), giver);
    }
  }

private:
  struct Link {
    Member taker = kNobody;
    std::size_t place = 0;
  };

  Member find_giver(Member start) {
    ++stamp_;
    reached_.assign(1, start);
    member_stamps_[start] = stamp_;
    for (std::size_t i = 0; i < reached_.size(); ++i) {
      for (std::uint32_t topic : board_.topics_of(reached_[i])) {
        if (std::exchange(topic_stamps_[topic], stamp_) == stamp_) continue;
        const Member giver = reach_owners(topic, reached_[i], board_.load(start));
        if (giver != kNobody) return giver;
      }
    }
    for (Member member : reached_) finished_[member] = true;
    return kNobody;
  }

  Member reach_owners(std::uint32_t topic, Member taker, std::size_t least) {
    for (std::size_t place = board_.first(topic); place < board_.end(topic); ++place) {
      const Member owner = board_.owner(place);
      if (finished_[owner] || std::exchange(member_stamps_[owner], stamp_) == stamp_) continue;
      reached_by_[owner] = {.taker = taker, .place = place};
      if (board_.load(owner) >= least + 2) return owner;
      reached_.push_back(owner);
    }
    return kNobody;
  }

  void hand_over(Member start, Member giver) {
    for (Member member = giver; member != start; member = reached_by_[member].taker) {
      const Link link = reached_by_[member];
      board_.take(link.place);
      board_.give(link.place, link.taker);
    }
  }

  Board& board_;
  std::vector<Link> reached_by_;
  std::vector<std::uint32_t> member_stamps_, topic_stamps_;
  std::vector<bool> finished_;
  std::vector<Member> reached_;
  std::uint32_t stamp_ = 0;
};

}  // namespace

AssignorOutput assign_uniform(const AssignorInput& input) {
  if (input.members.empty()) return {};
  Board board(input);
  board.keep_targets();
  if (board.all_want_the_same()) {
    share_evenly(board);
  } else {
    give_unowned(board);
    Balancer(board).run();
  }
  return board.output();
}

}  // namespace stele::groups
