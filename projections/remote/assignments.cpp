#include "projections/remote/assignments.h"

#include <algorithm>
#include <iterator>
#include <thread>

#include "log/base/fail.h"

namespace stele::projections {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

std::vector<std::int32_t> in_order(std::vector<std::int32_t> partitions) {
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  return partitions;
}

std::vector<std::int32_t> without(const std::vector<std::int32_t>& some,
                                  const std::vector<std::int32_t>& others) {
  std::vector<std::int32_t> left;
  std::ranges::set_difference(some, others, std::back_inserter(left));
  return left;
}

class StaticAssignment final : public Assignment {
public:
  explicit StaticAssignment(std::vector<std::int32_t> partitions)
      : partitions_(std::move(partitions)) {}

  Result<AssignmentChange> poll(nanoseconds longest) override {
    if (!confirmed_) return AssignmentChange{.removed = {}, .added = partitions_};
    std::this_thread::sleep_for(longest);
    return AssignmentChange{};
  }
  Result<void> confirm() override {
    confirmed_ = true;
    return {};
  }
  Result<void> commit(const Checkpoint& /*checkpoint*/) override { return {}; }

private:
  std::vector<std::int32_t> partitions_;
  bool confirmed_ = false;
};

class CustomAssignment final : public Assignment {
public:
  CustomAssignment(std::int32_t partition_count, PartitionRule rule, nanoseconds every)
      : partition_count_(partition_count), rule_(std::move(rule)), every_(every) {}

  Result<AssignmentChange> poll(nanoseconds longest) override {
    if (wanted_ == held_) {
      if (const nanoseconds left = ask_again_ - steady_clock::now(); left > nanoseconds(0)) {
        std::this_thread::sleep_for(std::min(left, longest));
        if (left > longest) return AssignmentChange{};
      }
      STELE_TRY(wanted_, ask());
      ask_again_ = steady_clock::now() + every_;
    }
    return AssignmentChange{.removed = without(held_, wanted_), .added = without(wanted_, held_)};
  }
  Result<void> confirm() override {
    held_ = wanted_;
    return {};
  }
  Result<void> commit(const Checkpoint& /*checkpoint*/) override { return {}; }

private:
  Result<std::vector<std::int32_t>> ask() {
    STELE_TRY(auto chosen, rule_(partition_count_));
    chosen = in_order(std::move(chosen));
    if (!chosen.empty() && (chosen.front() < 0 || chosen.back() >= partition_count_))
      return fail(Code::kInvalid, "the rule names partition {}, there are {}",
                  chosen.front() < 0 ? chosen.front() : chosen.back(), partition_count_);
    return chosen;
  }

  std::int32_t partition_count_;
  PartitionRule rule_;
  nanoseconds every_;
  steady_clock::time_point ask_again_;
  std::vector<std::int32_t> wanted_;
  std::vector<std::int32_t> held_;
};

}  // namespace

Result<std::int32_t> copartition_count(Source& source, const std::vector<std::string>& topics) {
  if (topics.empty()) return fail(Code::kInvalid, "no topic");
  std::int32_t first_count = 0;
  for (const std::string& topic : topics) {
    STELE_TRY(const auto inputs, source.inputs({topic}));
    const auto count = static_cast<std::int32_t>(inputs.size());
    if (topic == topics.front()) first_count = count;
    if (count != first_count)
      return fail(
          Code::kInvalid,
          "topics are not copartitioned: {} has {} partitions, {} has {}; rekey one of them",
          topics.front(), first_count, topic, count);
  }
  return first_count;
}

std::unique_ptr<Assignment> static_assignment(std::vector<std::int32_t> partitions) {
  return std::make_unique<StaticAssignment>(in_order(std::move(partitions)));
}

Result<std::unique_ptr<Assignment>> custom_assignment(Source& source,
                                                      const std::vector<std::string>& topics,
                                                      PartitionRule rule, nanoseconds every) {
  STELE_TRY(const std::int32_t count, copartition_count(source, topics));
  return std::make_unique<CustomAssignment>(count, std::move(rule), every);
}

}  // namespace stele::projections
