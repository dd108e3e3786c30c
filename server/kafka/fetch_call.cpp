#include "server/kafka/fetch_call.h"

#include <algorithm>
#include <utility>

#include "server/kafka/wire/fetch.h"

namespace stele::kafka {

namespace {

constexpr FetchSlot kIdleChecksMax = 32;             // of one fetch
constexpr std::size_t kAnsweredPartitionBytes = 64;  // about; records come on top

FetchResponsePartition answer_of(const FetchTarget& target) {
  FetchResponsePartition answered;
  answered.partition = target.id.partition;
  answered.error_code = target.error;
  answered.high_watermark = target.ends.end.raw();
  answered.last_stable_offset = target.ends.end.raw();
  answered.log_start_offset = target.ends.log_start.raw();
  answered.records.pieces = target.pieces;
  return answered;
}

/// Retention moves log starts without a word: each fetch looks at a few of those that are idle.
void check_idle(const log::Store& store, FetchSession& session) {
  const FetchSlot end = session.slot_end();
  for (FetchSlot count = 0; count < std::min(end, kIdleChecksMax); ++count) {
    const FetchSlot slot = session.check_at = (session.check_at + 1) % end;
    const FetchSession::Partition& partition = session.at(slot);
    if (!partition.present || partition.due) continue;
    const auto ends = store.ends(partition.id);
    if (!ends || ends->log_start.raw() != partition.told_log_start) session.make_due(slot);
  }
}

}  // namespace

FetchResponse bare_fetch_response(ErrorCode error, std::int32_t session_id) {
  FetchResponse response;
  response.error_code = error;
  response.session_id = session_id;
  return response;
}

/// Finds the topic of a partition again if there was none, or if it has gone. A topic that was made
/// anew is another one: the client is told once, so that it asks for metadata before it reads on.
std::size_t FetchCall::add_target(const log::Store& store, FetchSlot slot) {
  const FetchSession::Partition& partition = session->at(slot);
  FetchTarget target;
  if (!store.find_topic(partition.id.topic)) {
    const bool had_one = !partition.id.topic.is_zero();
    const FetchSession::Topic& topic = session->topic_of(slot);
    const log::TopicPtr found =
        session->by_ids() ? store.find_topic(topic.id) : store.find_topic(topic.name);
    if (found) session->set_topic_id(slot, found->id);
    if (!found || had_one) {
      target.error =
          session->by_ids() ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    }
  }
  target.id = partition.id;
  target.next = partition.asked;
  target.bytes_max = static_cast<std::size_t>(std::max(partition.bytes_max, 0));
  target.expected_epoch = partition.expected_epoch;
  const std::size_t index = read.add(std::move(target));
  slots.push_back(slot);
  session->set_target(slot, static_cast<std::uint32_t>(index));
  return index;
}

void FetchCall::look_at(const log::Store& store, FetchSlot slot) {
  const std::uint32_t known = session->at(slot).target;
  read.read(known == FetchSession::kNone ? add_target(store, slot) : known);
}

void FetchCall::look(const log::Store& store) {
  const bool in_full = kind != Kind::kIncremental;
  if (!in_full) check_idle(store, *session);
  for (FetchSlot slot = session->first_due(); slot != FetchSession::kNone;
       slot = session->at(slot).after) {
    if (read.spent() && !in_full) return;
    look_at(store, slot);
    if (read.starved()) moved.push_back(slot);
  }
}

bool FetchCall::look_again(const log::Store& store) {
  bool starved = false;
  const std::vector<FetchSlot> looked_at = std::exchange(moved, {});
  for (const FetchSlot slot : looked_at) {
    if (!starved) look_at(store, slot);
    starved = starved || read.starved();
    if (starved) moved.push_back(slot);
  }
  if (is_enough()) return true;
  for (const FetchSlot slot : looked_at) session->await(slot);
  return !starved;
}

/// Of a session that goes on, what its client knows already is left out.
bool FetchCall::must_tell(std::size_t target) const {
  if (kind != Kind::kIncremental) return true;
  const FetchTarget& read_for = read.targets()[target];
  const FetchSession::Partition& partition = session->at(slots[target]);
  return read_for.bytes > 0 || read_for.error != ErrorCode::kNone ||
         read_for.ends.end.raw() != partition.told_end ||
         read_for.ends.log_start.raw() != partition.told_log_start;
}

/// Partitions of one topic go together as far as they follow each other.
FetchResponse FetchCall::response() const {
  FetchResponse said;
  std::uint32_t topic = FetchSession::kNone;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (!must_tell(i)) continue;
    const FetchTarget& target = read.targets()[i];
    if (session->at(slots[i]).topic != topic) {
      topic = session->at(slots[i]).topic;
      const FetchSession::Topic& of = session->topic_of(slots[i]);
      said.topics.push_back({of.name, of.id, {}});
    }
    request.metrics->count_error(ApiKey::kFetch, target.error);
    said.topics.back().partitions.push_back(answer_of(target));
  }
  return said;
}

/// What the answer has said is known to the client; who was served goes to the back.
void FetchCall::settle() {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const FetchTarget& target = read.targets()[i];
    const FetchSlot slot = slots[i];
    const bool failed = target.error != ErrorCode::kNone;
    // An error is told until it is over, and then what is true instead.
    session->tell(slot, failed ? -1 : target.ends.end.raw(), target.ends.log_start.raw());
    if (!failed && session->at(slot).asked >= target.ends.end) {
      session->make_idle(slot);
    } else if (target.bytes > 0) {
      session->move_to_back(slot);
    }
  }
  for (const FetchSlot slot : moved) session->make_due(slot);
}

void FetchCall::let_go_of_targets() {
  for (const FetchSlot slot : slots) session->set_target(slot, FetchSession::kNone);
}

/// Charges what the answer holds. False: that is over the quota, and nothing is to be sent now. An
/// answer that is over it all by itself is sent all the same, and paid for afterwards: its client
/// would never get on.
bool FetchCall::charge_bytes(std::chrono::nanoseconds now) {
  if (!request.quota) return true;
  QuotaClient& client = *request.quota;
  const auto bytes = static_cast<double>(read.bytes() + slots.size() * kAnsweredPartitionBytes);
  const bool is_first = client.is_unused(QuotaKind::kConsumerBytes, now);
  request.pause = client.record(QuotaKind::kConsumerBytes, bytes, now);
  if (request.pause == std::chrono::nanoseconds(0) || is_first) return true;
  client.take_back(QuotaKind::kConsumerBytes, bytes, now);
  return false;
}

void FetchCall::finish(FetchSessionCache& cache, std::chrono::nanoseconds now) {
  if (refused) {
    let_go_of_targets();
    request.metrics->count_error(ApiKey::kFetch, ErrorCode::kInvalidFetchSessionEpoch);
    return answer(request, bare_fetch_response(ErrorCode::kInvalidFetchSessionEpoch, session->id),
                  now);
  }
  if (!charge_bytes(now)) {
    let_go_of_targets();
    const std::int32_t id = kind == Kind::kIncremental ? session->id : 0;
    return answer(request, bare_fetch_response(ErrorCode::kNone, id), now);
  }
  FetchResponse said = response();
  if (kind == Kind::kFirst && !cache.admit(session)) kind = Kind::kSessionless;
  if (kind != Kind::kSessionless) {
    said.session_id = session->id;
    settle();
    let_go_of_targets();
  }
  request.metrics->records_fetched_bytes += static_cast<std::int64_t>(read.bytes());
  answer(request, said, now, read.take_buffers());
}

}  // namespace stele::kafka
