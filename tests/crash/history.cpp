#include "tests/crash/history.h"

#include "log/base/fail.h"

namespace stele::crash {

std::int64_t Asked::record_count() const {
  if (kind == Kind::kTrim) return 0;
  if (kind != Kind::kAppend) return 1;
  std::int64_t count = 0;
  for (const Batch& batch : batches) count += batch.record_count;
  return count;
}

std::size_t History::ask(Asked one) {
  asked.push_back(std::move(one));
  return asked.size() - 1;
}

bool History::counts(std::size_t index) const {
  return asked[index].answer != Answer::kRefused && first_try(index) == index;
}

std::size_t History::first_try(std::size_t index) const {
  const auto root = asked[index].retry_of;
  if (!root) return index;
  for (std::size_t i = *root; i < index; ++i) {
    const bool same = i == *root || asked[i].retry_of == root;
    if (same && asked[i].answer != Answer::kRefused) return i;
  }
  return index;
}

Result<std::size_t> History::prefix(Position end) const {
  std::int64_t records = 0;
  std::size_t index = 0;
  while (index < asked.size() && records < end.raw()) {
    if (counts(index)) records += asked[index].record_count();
    ++index;
  }
  if (records != end.raw()) {
    return fail(kBroken, "position {} is the store's end, operation {} ends at {}", end.raw(),
                index, records);
  }
  bool missing = false;  // something that would stand there if all after `index` had happened
  for (std::size_t later = index; later < asked.size(); ++later) {
    const Asked& one = asked[later];
    if (!counts(later)) continue;
    missing = missing || one.record_count() > 0;
    if (missing && one.answer == Answer::kAcked) {
      return fail(kBroken, "operation {} was acknowledged; the store ends at position {}", later,
                  end.raw());
    }
  }
  return index;
}

void History::settle(std::size_t prefix) {
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Asked& one = asked[i];
    if (one.answer != Answer::kNone) continue;
    if (one.kind == Kind::kTrim) continue;  // told by the log start alone
    one.answer = i < prefix ? Answer::kAcked : Answer::kRefused;
  }
}

std::optional<std::size_t> History::find(const Uuid& id) const {
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (topics[i].id == id) return i;
  }
  return std::nullopt;
}

}  // namespace stele::crash
