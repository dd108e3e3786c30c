#include "log/store/append_checker.h"

#include <algorithm>

#include "log/base/fail.h"
#include "log/base/planted.h"

namespace stele::log {
namespace {

// True if all of the ids are taken.
Result<bool> find_retry(AppendChecks& checks, const TermIndex& index) {
  std::vector<Position> taken;
  for (const Term& id : checks.event_ids) {
    STELE_TRY(const auto head, index.head(id.view()));
    if (head) taken.push_back(head->last);
  }
  if (taken.empty()) return false;
  if (taken.size() != checks.event_ids.size()) {
    return fail(Code::kAlreadyExists,
                "{} of {} event ids are taken: this is no retry of one append", taken.size(),
                checks.event_ids.size());
  }
  checks.verdict.duplicate_of = std::move(taken);
  return true;
}

Result<void> check_streams(AppendChecks& checks, const TermIndex& index,
                           const StreamTable& streams) {
  if (planted(Plant::kSkipExpectations)) return {};
  for (std::size_t i = 0; i < checks.streams.size(); ++i) {
    const StreamCheck& check = checks.streams[i];
    const bool tombstoned = streams.tombstoned(check.stream.view());
    if (check.expected.kind == ExpectedVersion::Kind::kAny && !tombstoned) continue;
    STELE_TRY(const auto head, index.head(check.stream.view()));
    const std::int64_t count = head ? head->count : 0;
    if (holds(check.expected, count) && !tombstoned) continue;
    checks.verdict.failed_streams.push_back(
        {.index = i,
         .actual = count > 0 ? std::optional(Version(count - 1)) : std::nullopt,
         .tombstoned = tombstoned});
  }
  return {};
}

Result<void> check_conditions(AppendChecks& checks, const TermIndex& index,
                              const OrderLookups& order, Position end) {
  static const ConditionItem everything;
  for (std::size_t i = 0; i < checks.conditions.size(); ++i) {
    const ConditionCheck& check = checks.conditions[i];
    const std::size_t count = std::max<std::size_t>(check.items.size(), 1);
    for (std::size_t item = 0; item < count; ++item) {
      const ConditionItem& asked = check.items.empty() ? everything : check.items[item];
      STELE_TRY(const auto conflict, find_first_match(index, order, asked, check.from, end));
      if (conflict)
        checks.verdict.failed_conditions.push_back(
            {.index = i, .item = item, .conflict = *conflict});
    }
  }
  return {};
}

}  // namespace

bool holds(const ExpectedVersion& expected, std::int64_t count) {
  switch (expected.kind) {
    case ExpectedVersion::Kind::kAny:
      return true;
    case ExpectedVersion::Kind::kNoStream:
      return count == 0;
    case ExpectedVersion::Kind::kExists:
      return count > 0;
    case ExpectedVersion::Kind::kExact:
      return count == expected.version.raw() + 1;
  }
  return false;
}

Result<bool> check_append(AppendChecks& checks, const TermIndex& index, const StreamTable& streams,
                          const OrderLookups& order, Position end) {
  checks.verdict = {};
  if (!checks.event_ids.empty()) {
    STELE_TRY(const bool retry, find_retry(checks, index));
    if (retry) return true;
  }
  STELE_DO(check_streams(checks, index, streams));
  STELE_DO(check_conditions(checks, index, order, end));
  const AppendVerdict& verdict = checks.verdict;
  if (std::ranges::any_of(verdict.failed_streams, &FailedStreamCheck::tombstoned))
    return fail(Code::kTombstoned, "the stream was deleted for good");
  if (!verdict.failed_streams.empty()) {
    const FailedStreamCheck& first = verdict.failed_streams.front();
    return fail(Code::kWrongVersion, "{} of {} expected versions do not hold; the first is at {}",
                verdict.failed_streams.size(), checks.streams.size(),
                first.actual ? fmt::format("version {}", first.actual->raw()) : "no version");
  }
  if (!verdict.failed_conditions.empty()) {
    return fail(Code::kConditionFailed, "an event that matches stands at position {}",
                verdict.failed_conditions.front().conflict.raw());
  }
  return false;
}

Result<void> VersionGiver::give(const BatchTerms* terms, std::int32_t record_count,
                                std::vector<std::int64_t>& versions) {
  const std::size_t first = versions.size();
  versions.resize(first + static_cast<std::size_t>(record_count), -1);
  if (terms == nullptr) return {};
  for (const BatchTerms::Entry& entry : terms->entries()) {
    if (entry.kind != TermKind::kStream) continue;
    const TermView term = terms->term(entry);
    auto [known, is_new] = next_.try_emplace(Stream{term.topic, as_text(term.bytes)}, 0);
    if (is_new) {
      STELE_TRY(const auto head, index_.head(term));
      known->second = head ? head->count : 0;
    }
    versions[first + static_cast<std::size_t>(entry.record_index)] = known->second++;
  }
  return {};
}

}  // namespace stele::log
