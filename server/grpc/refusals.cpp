#include "server/grpc/refusals.h"

#include <algorithm>
#include <array>
#include <span>

#include <stele/v1/refusal.pb.h>
#include "server/grpc/encode.h"

namespace stele::rpc {

namespace {

constexpr std::size_t kTrailerBytesMax = 4096;  // of the Refusal; it stands beside the message
constexpr std::size_t kMessageBytesMax = 1024;
constexpr std::string_view kTypePrefix = "type.googleapis.com/";

struct Row {
  Code code;
  ::grpc::StatusCode status;
  v1::Reason reason;
};

// A blind retry is right only where the status is UNAVAILABLE or RESOURCE_EXHAUSTED; ABORTED means
// "read again and decide again". An unknown outcome is DEADLINE_EXCEEDED, the one status whose own
// definition says that the operation may have been done.
constexpr auto kTable = std::to_array<Row>({
    {Code::kNotFound, ::grpc::StatusCode::NOT_FOUND, v1::REASON_NOT_FOUND},
    {Code::kAlreadyExists, ::grpc::StatusCode::ALREADY_EXISTS, v1::REASON_ALREADY_EXISTS},
    {Code::kWrongVersion, ::grpc::StatusCode::ABORTED, v1::REASON_WRONG_VERSION},
    {Code::kConditionFailed, ::grpc::StatusCode::ABORTED, v1::REASON_CONDITION_FAILED},
    {Code::kOutOfRange, ::grpc::StatusCode::OUT_OF_RANGE, v1::REASON_OUT_OF_RANGE},
    {Code::kTooLarge, ::grpc::StatusCode::INVALID_ARGUMENT, v1::REASON_TOO_LARGE},
    {Code::kInvalid, ::grpc::StatusCode::INVALID_ARGUMENT, v1::REASON_INVALID},
    {Code::kUnsupported, ::grpc::StatusCode::UNIMPLEMENTED, v1::REASON_UNSUPPORTED},
    {Code::kCorrupt, ::grpc::StatusCode::DATA_LOSS, v1::REASON_CORRUPT},
    {Code::kIo, ::grpc::StatusCode::INTERNAL, v1::REASON_IO},
    {Code::kNoSpace, ::grpc::StatusCode::RESOURCE_EXHAUSTED, v1::REASON_NO_SPACE},
    {Code::kOutcomeUnknown, ::grpc::StatusCode::DEADLINE_EXCEEDED, v1::REASON_OUTCOME_UNKNOWN},
    {Code::kOverloaded, ::grpc::StatusCode::RESOURCE_EXHAUSTED, v1::REASON_OVERLOADED},
    {Code::kOutOfSequence, ::grpc::StatusCode::FAILED_PRECONDITION, v1::REASON_OUT_OF_SEQUENCE},
    {Code::kFenced, ::grpc::StatusCode::FAILED_PRECONDITION, v1::REASON_FENCED},
    {Code::kClosed, ::grpc::StatusCode::UNAVAILABLE, v1::REASON_CLOSED},
    {Code::kCancelled, ::grpc::StatusCode::CANCELLED, v1::REASON_CANCELLED},
    {Code::kTombstoned, ::grpc::StatusCode::FAILED_PRECONDITION, v1::REASON_TOMBSTONED},
});

constexpr bool covers_every_code() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (kTable[i].code != static_cast<Code>(i)) return false;
  }
  return true;
}
static_assert(covers_every_code());
static_assert(kTable.size() == static_cast<std::size_t>(Code::kTombstoned) + 1);

const Row& row_of(Code code) {
  return kTable[static_cast<std::size_t>(code)];
}

/// At most `bytes_max` of it, cut between characters.
std::string shortened(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return valid_text(text);
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return valid_text(text.substr(0, end)) + "…";
}

void write_head(WireWriter& to, const Error& error, std::string_view field) {
  using R = v1::Refusal;
  to.number(R::kReasonFieldNumber, static_cast<std::uint64_t>(row_of(error.code).reason));
  to.text(R::kMessageFieldNumber, shortened(error.detail, kMessageBytesMax));
  to.text_unless_empty(R::kFieldFieldNumber, shortened(field, kMessageBytesMax));
  to.number(R::kStatusFieldNumber, static_cast<std::uint64_t>(row_of(error.code).status));
}

void write_failed(WireWriter& to, const log::FailedExpectation& failed) {
  using F = v1::FailedExpectation;
  const auto mark = to.begin(v1::Refusal::kExpectationsFieldNumber);
  to.number_unless_0(F::kIndexFieldNumber, failed.index);
  to.text(F::kTopicFieldNumber, valid_text(failed.stream.topic));
  to.text(F::kStreamFieldNumber, failed.stream.stream);
  if (failed.actual) {
    to.number(F::kActualFieldNumber, static_cast<std::uint64_t>(failed.actual->raw()));
  }
  to.number_unless_0(F::kTombstonedFieldNumber, failed.tombstoned ? 1 : 0);
  to.end(mark);
}

void write_failed(WireWriter& to, const log::FailedCondition& failed) {
  using F = v1::FailedCondition;
  const auto mark = to.begin(v1::Refusal::kConditionsFieldNumber);
  to.number_unless_0(F::kIndexFieldNumber, failed.index);
  to.number_unless_0(F::kItemFieldNumber, failed.item);
  to.number(F::kConflictPositionFieldNumber, static_cast<std::uint64_t>(failed.conflict.raw()));
  to.end(mark);
}

/// False: what comes next would not fit into the trailers; it is not written.
template <class Failed>
bool write_what_fits(WireWriter& to, const std::vector<Failed>& all, std::size_t bytes_max) {
  for (const Failed& failed : all) {
    WireWriter one;
    write_failed(one, failed);
    if (to.size() + one.size() > bytes_max) return false;
    to.append(one.view());
  }
  return true;
}

void add_detail(v1::Status& status, std::string_view type, std::string_view value) {
  auto& detail = *status.add_details();
  detail.set_type_url(std::string(kTypePrefix) + std::string(type));
  detail.set_value(value.data(), value.size());
}

::grpc::Status status_with(const Error& error, std::string_view field, std::string_view refusal) {
  const Row& row = row_of(error.code);
  const std::string message = shortened(error.detail, kMessageBytesMax);
  v1::Status status;
  status.set_code(row.status);
  status.set_message(message);
  add_detail(status, "stele.v1.Refusal", refusal);
  if (!field.empty()) {
    v1::BadRequest bad;
    auto& violation = *bad.add_field_violations();
    violation.set_field(shortened(field, kMessageBytesMax));
    violation.set_description(message);
    add_detail(status, "google.rpc.BadRequest", bad.SerializeAsString());
  }
  return {row.status, message, status.SerializeAsString()};
}

/// What the store calls a field, and what proto/stele/v1 calls it. `#`: a number follows.
struct Naming {
  std::string_view said;
  std::string_view field;
};
constexpr auto kOfAppend = std::to_array<Naming>({
    {"event #", "events"},
    {"expectation #", "expectations"},
    {"condition #", "conditions"},
});
constexpr auto kOfEvent = std::to_array<Naming>({
    {"tag #", "tags"},
    {"extension #", "extensions"},
    {"header #", "headers"},
    {"extension", "extensions"},
    {"id ", "id"},
    {"type ", "type"},
    {"source ", "source"},
    {"subject ", "subject"},
    {"datacontenttype ", "content_type"},
    {"dataschema ", "data_schema"},
    {"time", "time_text"},
    {"its time ", "time_ms"},
    {"the stream's name ", "stream"},
    {"topic ", "topic"},
});

/// Takes a name, its number and the ": " behind it from the front of `detail`; gives its path.
std::string take_field(std::string_view& detail, std::span<const Naming> names) {
  for (const Naming& name : names) {
    const bool is_numbered = name.said.ends_with('#');
    const std::string_view said =
        is_numbered ? name.said.substr(0, name.said.size() - 1) : name.said;
    if (!detail.starts_with(said)) continue;
    const std::string_view behind = detail.substr(said.size());
    const std::size_t digits = std::min(behind.find_first_not_of("0123456789"), behind.size());
    if (!is_numbered) return std::string(name.field);
    if (digits == 0) continue;
    detail =
        behind.substr(std::min(behind.size(), digits + (behind.substr(digits, 2) == ": " ? 2 : 0)));
    return std::string(name.field) + "[" + std::string(behind.substr(0, digits)) + "]";
  }
  return {};
}

}  // namespace

std::string field_of(const Error& error) {
  if (error.code != Code::kInvalid && error.code != Code::kNotFound) return {};
  std::string_view detail = error.detail;
  std::string path = take_field(detail, kOfAppend);
  if (!path.starts_with("events[")) return path;
  if (std::string field = take_field(detail, kOfEvent); !field.empty()) path += "." + field;
  return path;
}

::grpc::StatusCode status_code(Code code) {
  return row_of(code).status;
}

void write_refusal(WireWriter& to, const Fault& fault) {
  write_head(to, fault.error, fault.field);
}

void write_refusal(WireWriter& to, const log::AppendRefusal& refusal) {
  write_head(to, refusal.error, field_of(refusal.error));
  for (const log::FailedExpectation& failed : refusal.expectations) write_failed(to, failed);
  for (const log::FailedCondition& failed : refusal.conditions) write_failed(to, failed);
  if (!refusal.conflicts.empty()) {
    write_batch(to, v1::Refusal::kConflictsFieldNumber, refusal.conflicts);
  }
}

::grpc::Status refused(const Fault& fault) {
  WireWriter refusal;
  write_head(refusal, fault.error, fault.field);
  return status_with(fault.error, fault.field, refusal.view());
}

::grpc::Status refused(const Error& error) {
  return refused(Fault{error});
}

::grpc::Status refused(const log::AppendRefusal& refusal) {
  WireWriter written;
  const std::string field = field_of(refusal.error);
  write_head(written, refusal.error, field);
  const bool whole = write_what_fits(written, refusal.expectations, kTrailerBytesMax) &&
                     write_what_fits(written, refusal.conditions, kTrailerBytesMax) &&
                     refusal.conflicts.empty();
  if (!whole) written.number(v1::Refusal::kShortenedFieldNumber, 1);
  return status_with(refusal.error, field, written.view());
}

}  // namespace stele::rpc
