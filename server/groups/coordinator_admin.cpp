// Groups seen from outside: described, listed, deleted, counted.
#include <algorithm>
#include <array>
#include <cctype>

#include "log/base/fail.h"
#include "server/groups/coordinator.h"

namespace stele::groups {

using kafka::ErrorCode;

namespace {

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// An empty filter lets everything through.
bool passes(const std::vector<std::string_view>& filter, std::string_view value) {
  return filter.empty() || std::ranges::any_of(filter, [value](std::string_view wanted) {
           return same_ignoring_case(wanted, value);
         });
}

}  // namespace

kafka::DescribedGroup Coordinator::describe(std::string_view group_id, std::int16_t version) const {
  constexpr std::int16_t kNotFoundFrom = 6;  // KIP-1043
  kafka::DescribedGroup described;
  described.group_id = group_id;
  if (!ready()) {
    described.error_code = ErrorCode::kCoordinatorNotAvailable;
    return described;
  }
  const Group* group = find(group_id);
  if (group != nullptr && group->classic) return group->classic->describe();
  described.group_state = "Dead";
  if (version >= kNotFoundFrom) {
    described.error_code = ErrorCode::kGroupIdNotFound;
    described.error_message = fmt::format("Group {} not found.", group_id);
  }
  return described;
}

std::vector<kafka::ListedGroup> Coordinator::list(const kafka::ListGroupsRequest& request) const {
  std::vector<kafka::ListedGroup> listed;
  for (const auto& [id, group] : groups_) {
    if (!group.classic && !group.consumers) continue;
    const std::string_view type = group.classic ? "classic" : "consumer";
    const std::string_view state =
        group.classic ? name(group.classic->state()) : group.consumers->phase();
    if (!passes(request.states_filter, state) || !passes(request.types_filter, type)) continue;
    listed.push_back({id, group.classic ? group.classic->protocol_type() : std::string(type),
                      std::string(state), std::string(type)});
  }
  return listed;
}

void Coordinator::delete_group(std::string_view group_id, ErrorDone done) {
  if (!ready()) return done(ErrorCode::kCoordinatorNotAvailable);
  Group* group = find(group_id);
  if (group == nullptr || (!group->classic && !group->consumers)) {
    return done(ErrorCode::kGroupIdNotFound);
  }
  if (group->is_ahead) return done(ErrorCode::kCoordinatorNotAvailable);
  const bool is_empty =
      group->classic ? group->classic->empty() : group->consumers->member_count() == 0;
  if (!is_empty) return done(ErrorCode::kNonEmptyGroup);
  if (!group->writing.empty()) {  // a commit on its way would come after the tombstones
    return after_writes(*group,
                        [this, id = std::string(group_id), done = std::move(done)]() mutable {
                          delete_group(id, std::move(done));
                        });
  }
  std::vector<OffsetPlace> places;
  for (const auto& [topic, partitions] : group->offsets.topics()) {
    for (const auto& [partition, offset] : partitions) places.push_back({topic, partition});
  }
  erase_group(*group, std::move(places), std::move(done));
}

void Coordinator::print(server::PrometheusText& out) const {
  constexpr std::array kStates = {ClassicState::kEmpty, ClassicState::kPreparing,
                                  ClassicState::kCompleting, ClassicState::kStable};
  std::array<std::int64_t, kStates.size()> by_state{};
  std::int64_t members = 0;
  std::int64_t consumer_groups = 0;
  for (const auto& [id, group] : groups_) {
    if (group.consumers) {
      ++consumer_groups;
      members += static_cast<std::int64_t>(group.consumers->member_count());
    } else if (group.classic) {
      ++by_state[static_cast<std::size_t>(group.classic->state())];
      members += static_cast<std::int64_t>(group.classic->members().size());
    }
  }
  out.gauge("stele_groups", "Groups of the classic protocol by state, and those of KIP-848.");
  for (const ClassicState state : kStates) {
    out.sample(server::label("type", "classic") + "," + server::label("state", name(state)),
               by_state[static_cast<std::size_t>(state)]);
  }
  out.sample(server::label("type", "consumer"), consumer_groups);
  out.gauge("stele_group_members", "Members of all groups.").sample("", members);
  out.gauge("stele_group_memory_bytes", "Metadata and assignments of members.")
      .sample("", static_cast<std::int64_t>(memory_bytes_));
  out.gauge("stele_group_offsets", "Committed offsets that are kept.")
      .sample("", static_cast<std::int64_t>(offset_count_));
  out.counter("stele_group_rebalances_total", "Rebalances begun.").sample("", rebalance_count_);
  out.counter("stele_group_commits_total", "Offsets committed.").sample("", committed_count_);
  out.counter("stele_group_commits_refused_total", "Offsets that could not be written.")
      .sample("", refused_count_);
  out.counter("stele_group_offsets_expired_total", "Offsets removed by retention.")
      .sample("", expired_count_);
}

}  // namespace stele::groups
