#include "projections/flow/poison_log.h"

#include <algorithm>
#include <tuple>

#include "log/base/byte_stream.h"
#include "log/base/fail.h"
#include "projections/process/event_coding.h"

namespace stele::projections {
namespace {

constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kReasonBytesMax = 1024;
constexpr std::size_t kRecordBytesMin = 4 * sizeof(std::uint32_t) + 4 + 8 + 1;

void shorten(std::string& reason) {
  if (reason.size() <= kReasonBytesMax) return;
  reason.resize(kReasonBytesMax);
  reason += "…";
}

}  // namespace

std::string origin_of(const InputEvent& event) {
  return fmt::format("{}/{}/{}", event.topic, event.partition, event.offset.raw());
}

void PoisonLog::add(const std::string& origin, PoisonRecord record) {
  shorten(record.reason);
  const auto found = records_.find(origin);
  if (found == records_.end())
    records_.emplace(origin, std::move(record));
  else
    found->second.reason = std::move(record.reason);
}

void PoisonLog::not_parked(std::string_view origin, std::string_view why) {
  const auto found = records_.find(origin);
  if (found == records_.end()) return;
  found->second.parked = false;
  found->second.reason += fmt::format("; not parked: {}", why);
  shorten(found->second.reason);
}

bool PoisonLog::take_off(std::string_view origin) {
  const auto found = records_.find(origin);
  if (found == records_.end()) return false;
  records_.erase(found);
  return true;
}

std::set<std::string, std::less<>> PoisonLog::origins() const {
  std::set<std::string, std::less<>> origins;
  for (const auto& [origin, record] : records_) origins.insert(origin);
  return origins;
}

std::vector<PoisonRecord> PoisonLog::records() const {
  std::vector<PoisonRecord> all;
  all.reserve(records_.size());
  for (const auto& [origin, record] : records_) all.push_back(record);
  std::ranges::sort(
      all, {}, [](const PoisonRecord& record) { return std::tie(record.input, record.place); });
  return all;
}

void PoisonLog::encode(Bytes& to) const {
  ByteWriter out;
  out.put(kFormat);
  out.put(static_cast<std::uint32_t>(records_.size()));
  for (const auto& [origin, record] : records_) {
    write_bytes(out, as_bytes(origin));
    write_bytes(out, as_bytes(record.input.topic));
    out.put(record.input.partition);
    out.put(record.place);
    write_bytes(out, as_bytes(record.event));
    write_bytes(out, as_bytes(record.reason));
    out.put(static_cast<std::uint8_t>(record.parked));
  }
  ByteWriter outer;
  write_bytes(outer, out.take());
  const Bytes bytes = outer.take();
  to.insert(to.end(), bytes.begin(), bytes.end());
}

Result<void> PoisonLog::decode(ByteView& from) {
  ByteReader outer(from);
  const ByteView body = as_bytes(read_text(outer));
  if (!outer.ok()) return fail(Code::kCorrupt, "poison records are cut off");
  ByteReader in(body);
  const auto format = in.get<std::uint16_t>();
  if (in.ok() && format != kFormat)
    return fail(Code::kUnsupported, "poison records of format {}, this build knows {}", format,
                kFormat);
  std::map<std::string, PoisonRecord, std::less<>> records;
  const std::size_t count = in.get_count(kRecordBytesMin);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    std::string origin(read_text(in));
    PoisonRecord record;
    record.input.topic = read_text(in);
    record.input.partition = in.get<std::int32_t>();
    record.place = in.get<std::int64_t>();
    record.event = read_text(in);
    record.reason = read_text(in);
    record.parked = in.get<std::uint8_t>() != 0;
    records.emplace(std::move(origin), std::move(record));
  }
  if (!in.finished())
    return fail(Code::kCorrupt, "poison records of {} bytes cannot be read", body.size());
  from = from.subspan(sizeof(std::uint32_t) + body.size());
  records_ = std::move(records);
  return {};
}

}  // namespace stele::projections
