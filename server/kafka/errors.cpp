#include "server/kafka/errors.h"

#include <array>

namespace stele::kafka {

namespace {

struct Row {
  Code code;
  ErrorCode produce;
  ErrorCode fetch;
  ErrorCode admin;
};

using enum ErrorCode;

// Retriable for clients: 3, 7, 56, 89 (Java), and 3, 7, 56 (librdkafka). 7 says "may have been
// written", 56 says "was not": outcome_unknown must never become the latter.
constexpr std::array kTable = std::to_array<Row>({
    {Code::kNotFound, kUnknownTopicOrPartition, kUnknownTopicOrPartition, kUnknownTopicOrPartition},
    {Code::kAlreadyExists, kInvalidRequest, kInvalidRequest, kTopicAlreadyExists},
    {Code::kWrongVersion, kInvalidRecord, kInvalidRequest, kInvalidRequest},
    {Code::kConditionFailed, kInvalidRecord, kInvalidRequest, kInvalidRequest},
    {Code::kOutOfRange, kInvalidRequest, kOffsetOutOfRange, kOffsetOutOfRange},
    {Code::kTooLarge, kMessageTooLarge, kInvalidRequest, kInvalidRequest},
    {Code::kInvalid, kInvalidRecord, kInvalidRequest, kInvalidRequest},
    {Code::kUnsupported, kInvalidRequest, kInvalidRequest, kInvalidRequest},
    {Code::kCorrupt, kKafkaStorageError, kCorruptMessage, kKafkaStorageError},
    {Code::kIo, kKafkaStorageError, kKafkaStorageError, kKafkaStorageError},
    {Code::kNoSpace, kKafkaStorageError, kKafkaStorageError, kKafkaStorageError},
    {Code::kOutcomeUnknown, kRequestTimedOut, kRequestTimedOut, kRequestTimedOut},
    {Code::kOverloaded, kKafkaStorageError, kKafkaStorageError, kThrottlingQuotaExceeded},
    {Code::kOutOfSequence, kOutOfOrderSequenceNumber, kInvalidRequest, kInvalidRequest},
    {Code::kFenced, kInvalidProducerEpoch, kInvalidRequest, kProducerFenced},
    {Code::kClosed, kKafkaStorageError, kKafkaStorageError, kKafkaStorageError},
    {Code::kCancelled, kRequestTimedOut, kRequestTimedOut, kRequestTimedOut},
    {Code::kTombstoned, kInvalidRecord, kInvalidRequest, kInvalidRequest},
});

constexpr bool table_is_indexed_by_code() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i) return false;
  }
  return kTable.size() == static_cast<std::size_t>(Code::kTombstoned) + 1;
}
static_assert(table_is_indexed_by_code());

}  // namespace

ErrorCode error_code(Code code, AnswerTo request) {
  const Row& row = kTable[static_cast<std::size_t>(code)];
  switch (request) {
    case AnswerTo::kProduce:
      return row.produce;
    case AnswerTo::kFetch:
      return row.fetch;
    case AnswerTo::kAdmin:
      return row.admin;
  }
  return row.admin;
}

}  // namespace stele::kafka
