#include "log/format/records.h"

#include "log/base/check.h"
#include "log/base/fail.h"

namespace stele {
namespace {

std::string_view what(RecordFault fault) {
  switch (fault) {
    case RecordFault::kNone:
      break;
    case RecordFault::kMissing:
      return "is missing: the batch has fewer records than it says";
    case RecordFault::kTooMany:
      return "is not expected: bytes are left behind the last record";
    case RecordFault::kLength:
      return "has a length that leads outside the batch";
    case RecordFault::kFields:
      return "has a field that leads outside the record";
    case RecordFault::kOffsetDelta:
      return "has an offset delta out of order or outside the batch";
    case RecordFault::kTimestamp:
      return "has a timestamp beyond 64 bits";
    case RecordFault::kHeaders:
      return "has malformed headers";
  }
  STELE_CHECK(fault != RecordFault::kNone);
  return "is malformed";
}

}  // namespace

Error described(RecordFault fault, std::int32_t record_index) {
  return fail(Code::kInvalid, "record {} of the batch {}", record_index, what(fault)).error();
}

}  // namespace stele
