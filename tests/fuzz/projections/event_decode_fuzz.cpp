// Fuzzes the decoding of JSON events: what is decoded is written as JSON that decodes to the same;
// what is not names the event's type. What the quick way decodes, the checked one decodes to the
// same. The data is a copy of exactly its size.
#include <cstdint>
#include <span>

#include "log/base/check.h"
#include "projections/fold/json_flat.h"
#include "tests/fuzz/projections/fold_values.h"

namespace {

using namespace stele;
using namespace stele::projections;

Result<fuzz::Ordered> decode(ByteView data) {
  return decode_event<fuzz::Ordered>({.data = data});
}

void compare_ways(ByteView data) {
  constexpr const auto& kType = detail::kJsonType<fuzz::Flat>;
  static_assert(kType.is_flat);
  fuzz::Flat quick;
  if (!detail::decode_flat(kType, as_text(data), &quick)) return;
  fuzz::Flat checked;
  STELE_CHECK(detail::decode_json_checked(kType, "Flat", data, &checked));
  std::string left;
  std::string right;
  detail::print_json(quick, left);
  detail::print_json(checked, right);
  STELE_CHECK(left == right);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto given = std::as_bytes(std::span(data, size));
  const Bytes exact(given.begin(), given.end());
  compare_ways(exact);
  const auto decoded = decode(exact);
  if (!decoded) {
    STELE_CHECK(decoded.error().code == Code::kInvalid);
    STELE_CHECK(decoded.error().detail.starts_with("Ordered: "));
    return 0;
  }
  const Bytes written = *new_event(*decoded).data;
  const auto again = decode(written);
  STELE_CHECK(again);
  STELE_CHECK(*new_event(*again).data == written);
  return 0;
}
