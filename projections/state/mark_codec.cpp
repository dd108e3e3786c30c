#include "projections/state/mark_codec.h"

#include "log/base/byte_stream.h"
#include "log/base/fail.h"

namespace stele::projections {

void encode_mark(const Mark& mark, Bytes& to) {
  ByteWriter fields;
  fields.put(mark.event_count);
  fields.put(mark.event_time_ms_max);
  fields.put(mark.recorded_us_max);
  fields.put(static_cast<std::uint32_t>(mark.extras.size()));
  fields.put_bytes(mark.extras);
  const Bytes bytes = fields.take();
  to.insert(to.end(), bytes.begin(), bytes.end());
  mark.checkpoint.encode(to);
}

Result<Mark> decode_mark(ByteView& from) {
  ByteReader fields(from);
  Mark mark;
  mark.event_count = fields.get<std::uint64_t>();
  mark.event_time_ms_max = fields.get<std::int64_t>();
  mark.recorded_us_max = fields.get<std::int64_t>();
  const ByteView extras = fields.get_bytes(fields.get<std::uint32_t>());
  if (!fields.ok())
    return fail(Code::kCorrupt, "a checkpoint of {} bytes is too short", from.size());
  mark.extras.assign(extras.begin(), extras.end());
  from = from.subspan(3 * sizeof(std::uint64_t) + sizeof(std::uint32_t) + extras.size());
  STELE_TRY(mark.checkpoint, Checkpoint::decode(from));
  return mark;
}

}  // namespace stele::projections
