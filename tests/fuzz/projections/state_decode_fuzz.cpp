// Fuzzes the decoding of states: bytes that are a state are exactly the bytes that it is encoded
// as (there is one encoding of a value); all others are kCorrupt and leave a state that works.
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "projections/fold/checkpoint.h"
#include "projections/fold/state_box.h"
#include "tests/fuzz/projections/fold_values.h"

namespace {

using namespace stele;
using namespace stele::projections;

void decode_state(ByteView bytes) {
  static const StateType type = state_type_of<fuzz::Everything>();
  StateBox box(type);
  const auto decoded = box.decode(bytes);
  if (!decoded) {
    STELE_CHECK(decoded.error().code == Code::kCorrupt);
    STELE_CHECK(box.decode(box.encoded()));
    return;
  }
  STELE_CHECK(std::ranges::equal(box.encoded(), bytes));
  STELE_CHECK(!box.print().empty());
}

void decode_checkpoint(ByteView bytes) {
  ByteView left = bytes;
  const auto checkpoint = Checkpoint::decode(left);
  if (!checkpoint) {
    STELE_CHECK(checkpoint.error().code == Code::kCorrupt && left.size() == bytes.size());
    return;
  }
  Bytes encoded;
  checkpoint->encode(encoded);
  STELE_CHECK(std::ranges::equal(encoded, bytes.first(bytes.size() - left.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto given = std::as_bytes(std::span(data, size));
  const Bytes exact(given.begin(), given.end());
  decode_state(exact);
  decode_checkpoint(exact);
  return 0;
}
