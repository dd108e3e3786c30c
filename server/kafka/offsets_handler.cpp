#include <limits>

#include "server/kafka/handlers.h"
#include "server/kafka/wire/offsets.h"

namespace stele::kafka {

namespace {

constexpr std::int64_t kEarliestPendingUpload = -6;  // tiered storage only: there is none

Result<log::TimedOffset> earliest(const log::Store& store, const TopicPartition& id,
                                  const log::PartitionEnds& ends) {
  log::TimedOffset found{ends.log_start, -1, -1};
  STELE_TRY(const auto first, store.find_time(id, std::numeric_limits<std::int64_t>::min()));
  if (first) found.epoch = first->epoch;
  return found;
}

/// The offset that `timestamp` asks for; -1 if there is none.
Result<log::TimedOffset> find_offset(const log::Store& store, const TopicPartition& id,
                                     const log::PartitionEnds& ends, std::int64_t timestamp) {
  const log::TimedOffset none{Offset(-1), -1, -1};
  switch (timestamp) {
    case kLatestTimestamp:
      return log::TimedOffset{ends.end, -1, ends.epoch};
    case kEarliestTimestamp:
    case kEarliestLocalTimestamp:
      return earliest(store, id, ends);
    case kLatestTieredTimestamp:
    case kEarliestPendingUpload:
      return none;
    case kMaxTimestamp: {
      STELE_TRY(const auto found, store.find_latest_time(id));
      return found.value_or(none);
    }
    default: {
      STELE_TRY(const auto found, store.find_time(id, timestamp));
      return found.value_or(none);
    }
  }
}

ListOffsetsResponsePartition list_offset(const Broker& broker, const log::TopicPtr& topic,
                                         const ListOffsetsRequestPartition& asked) {
  ListOffsetsResponsePartition answered;
  answered.partition = asked.partition;
  if (!topic) {
    answered.error_code = ErrorCode::kUnknownTopicOrPartition;
    return answered;
  }
  const TopicPartition id{topic->id, asked.partition};
  const auto ends = broker.store.ends(id);
  if (!ends) {
    answered.error_code = error_code(ends.error().code, AnswerTo::kFetch);
    return answered;
  }
  answered.error_code = check_leader_epoch(ends->epoch, asked.current_leader_epoch);
  if (answered.error_code != ErrorCode::kNone) return answered;
  const auto found = find_offset(broker.store, id, *ends, asked.timestamp);
  if (!found) {
    answered.error_code = error_code(found.error().code, AnswerTo::kFetch);
    return answered;
  }
  answered.offset = found->offset.raw();
  answered.timestamp = found->timestamp_ms;
  answered.leader_epoch = found->epoch;
  return answered;
}

OffsetForLeaderEpochResponsePartition end_of_epoch(
    const Broker& broker, const log::TopicPtr& topic,
    const OffsetForLeaderEpochRequestPartition& asked) {
  OffsetForLeaderEpochResponsePartition answered;
  answered.partition = asked.partition;
  if (!topic) {
    answered.error_code = ErrorCode::kUnknownTopicOrPartition;
    return answered;
  }
  const auto ends = broker.store.ends({topic->id, asked.partition});
  if (!ends) {
    answered.error_code = error_code(ends.error().code, AnswerTo::kFetch);
    return answered;
  }
  answered.error_code = check_leader_epoch(ends->epoch, asked.current_leader_epoch);
  if (answered.error_code == ErrorCode::kNone && asked.leader_epoch == ends->epoch) {
    answered.leader_epoch = ends->epoch;
    answered.end_offset = ends->end.raw();
  }  // else: undefined, (-1, -1), which is not an error
  return answered;
}

/// Every partition that was asked for, as `one` answers it.
template <class Asked, class Response, class One>
Next answer_each(Broker& broker, const Request& request, Response response, const One& one) {
  const auto asked = read<Asked>(request.version, request.body);
  if (!asked) return Next::kClose;
  for (const auto& topic : asked->topics) {
    const log::TopicPtr found = broker.store.find_topic(topic.name);
    auto& answered = response.topics.emplace_back();
    answered.name = std::string(topic.name);
    for (const auto& partition : topic.partitions) {
      answered.partitions.push_back(one(broker, found, partition));
      broker.metrics.count_error(request.api, answered.partitions.back().error_code);
    }
  }
  answer(request, response, broker.env.now());
  return Next::kGoOn;
}

}  // namespace

Next handle_list_offsets(Broker& broker, const Request& request) {
  return answer_each<ListOffsetsRequest>(broker, request, ListOffsetsResponse{}, list_offset);
}

Next handle_offset_for_leader_epoch(Broker& broker, const Request& request) {
  return answer_each<OffsetForLeaderEpochRequest>(broker, request, OffsetForLeaderEpochResponse{},
                                                  end_of_epoch);
}

}  // namespace stele::kafka
