#include "server/kafka/wire/reader.h"

#include "log/base/fail.h"

namespace stele::kafka {

bool Reader::fail(std::string_view problem) {
  if (problem_.empty()) problem_ = problem;
  return false;
}

bool Reader::within(std::string_view field) {
  const bool joined = path_.empty() || path_.front() == '[';
  path_ = fmt::format("{}{}{}", field, joined ? "" : ".", path_);
  return false;
}

bool Reader::within(std::size_t element) {
  const bool joined = path_.empty() || path_.front() == '[';
  path_ = fmt::format("[{}]{}{}", element, joined ? "" : ".", path_);
  return false;
}

Error Reader::error(std::string_view message, std::int16_t version) const {
  return {Code::kInvalid, fmt::format("{} v{}: {}{}{}", message, version, path_,
                                      path_.empty() ? "" : ": ", problem_)};
}

bool Reader::take(std::size_t size, ByteView& out) {
  if (rest_.size() < size) return fail("ends too early");
  out = rest_.first(size);
  rest_ = rest_.subspan(size);
  return true;
}

bool Reader::fixed(double& out) {
  std::uint64_t bits = 0;
  if (!fixed(bits)) return false;
  out = std::bit_cast<double>(bits);
  return true;
}

bool Reader::fixed(Uuid& out) {
  ByteView bytes;
  if (!take(out.bytes.size(), bytes)) return false;
  out = Uuid::load(bytes.data());
  return true;
}

bool Reader::varint(std::uint32_t& out) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    std::uint8_t part = 0;
    if (!fixed(part)) return false;
    if (shift == 28 && part > 0x0f) return fail("varint over 32 bits");
    value |= static_cast<std::uint32_t>(part & 0x7f) << shift;
    if ((part & 0x80) == 0) {
      out = value;
      return true;
    }
  }
  return fail("varint over 32 bits");
}

template <std::signed_integral Fixed>
bool Reader::length(Slot slot, std::int64_t& out) {
  if (slot.compact) {
    std::uint32_t plus_one = 0;
    if (!varint(plus_one)) return false;
    out = static_cast<std::int64_t>(plus_one) - 1;
  } else {
    Fixed plain = 0;
    if (!fixed(plain)) return false;
    out = plain;
  }
  if (out < -1) return fail("negative length");
  if (out == -1 && !slot.nullable) return fail("null where none is allowed");
  return true;
}

bool Reader::text(Slot slot, std::optional<std::string_view>& out) {
  std::int64_t size = 0;
  if (!length<std::int16_t>(slot, size)) return false;
  out.reset();
  if (size == -1) return true;
  if (static_cast<std::size_t>(size) > kTextBytesMax) return fail("text over 32767 bytes");
  ByteView bytes;
  if (!take(static_cast<std::size_t>(size), bytes)) return false;
  out = as_text(bytes);
  return true;
}

bool Reader::bytes(Slot slot, std::optional<ByteView>& out) {
  std::int64_t size = 0;
  if (!length<std::int32_t>(slot, size)) return false;
  out.reset();
  if (size == -1) return true;
  ByteView bytes;
  if (!take(static_cast<std::size_t>(size), bytes)) return false;
  out = bytes;
  return true;
}

bool Reader::count(Slot slot, std::size_t element_bytes_min, std::optional<std::size_t>& out) {
  std::int64_t count = 0;
  if (!length<std::int32_t>(slot, count)) return false;
  out.reset();
  if (count == -1) return true;
  const auto elements = static_cast<std::size_t>(count);
  if (elements > rest_.size() / element_bytes_min) return fail("more elements than bytes for them");
  if (elements > limits_.elements_max) return fail("too many elements");
  limits_.elements_max -= elements;
  out = elements;
  return true;
}

bool Reader::presence(Slot slot, bool& out) {
  std::int8_t mark = 0;
  if (!fixed(mark)) return false;
  out = mark >= 0;
  return out || slot.nullable || fail("null where none is allowed");
}

bool Reader::tag_count(std::uint32_t& out) {
  if (!varint(out)) return false;
  return out <= limits_.tags_max || fail("too many tagged fields");
}

bool Reader::tag(std::uint32_t& number, ByteView& contents) {
  std::uint32_t size = 0;
  return varint(number) && varint(size) && take(size, contents);
}

}  // namespace stele::kafka
