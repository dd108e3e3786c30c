#include "server/kafka/wire/writer.h"

#include <bit>
#include <limits>

#include "log/base/fail.h"

namespace stele::kafka {
namespace {

constexpr std::size_t kFrameSizeBytes = 4;
constexpr std::size_t kSizeMax = std::numeric_limits<std::int32_t>::max();

std::string put_before(std::string front, const std::string& path) {
  const bool joined = path.empty() || path.front() == '[';
  return front + (joined ? "" : ".") + path;
}

}  // namespace

std::vector<ByteView> Frame::pieces() const {
  std::vector<ByteView> result;
  result.reserve(borrowed_.size() * 2 + 1);
  std::size_t done = 0;
  for (const Borrowed& borrowed : borrowed_) {
    if (borrowed.at > done) result.push_back(ByteView(own_).subspan(done, borrowed.at - done));
    result.push_back(borrowed.bytes);
    done = borrowed.at;
  }
  if (own_.size() > done) result.push_back(ByteView(own_).subspan(done));
  return result;
}

Bytes Frame::flat() const {
  Bytes result;
  result.reserve(size());
  for (ByteView piece : pieces()) result.insert(result.end(), piece.begin(), piece.end());
  return result;
}

bool Writer::fail(std::string_view problem) {
  if (problem_.empty()) problem_ = problem;
  return false;
}

bool Writer::within(std::string_view field) {
  path_ = put_before(std::string(field), path_);
  return false;
}

bool Writer::within(std::size_t element) {
  path_ = put_before(fmt::format("[{}]", element), path_);
  return false;
}

void Writer::take_problem(const Writer& other) {
  problem_ = other.problem_;
  path_ = other.path_;
}

Error Writer::error(std::string_view message, std::int16_t version) const {
  return {Code::kInvalid, fmt::format("{} v{}: {}{}{}", message, version, path_,
                                      path_.empty() ? "" : ": ", problem_)};
}

std::byte* Writer::grow(std::size_t size) {
  const std::size_t at = frame_.own_.size();
  frame_.own_.resize(at + size);
  return frame_.own_.data() + at;
}

void Writer::copy(ByteView bytes) {
  frame_.own_.insert(frame_.own_.end(), bytes.begin(), bytes.end());
}

void Writer::copy_or_borrow(ByteView bytes) {
  if (bytes.size() < kBorrowBytesMin) return copy(bytes);
  frame_.borrowed_.push_back({frame_.own_.size(), bytes});
  frame_.borrowed_bytes_ += bytes.size();
}

bool Writer::fixed(double value) {
  return fixed(std::bit_cast<std::uint64_t>(value));
}

bool Writer::fixed(const Uuid& value) {
  frame_.own_.insert(frame_.own_.end(), value.bytes.begin(), value.bytes.end());
  return true;
}

bool Writer::varint(std::uint32_t value) {
  while (value >= 0x80) {
    frame_.own_.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  frame_.own_.push_back(static_cast<std::byte>(value));
  return true;
}

template <std::signed_integral Fixed>
bool Writer::length(Slot slot, std::optional<std::size_t> value, std::size_t max) {
  if (!value && !slot.nullable) return fail("null where none is allowed");
  if (value && *value > max) return fail("too long for its length field");
  if (slot.compact) return varint(value ? static_cast<std::uint32_t>(*value) + 1 : 0);
  return fixed(value ? static_cast<Fixed>(*value) : Fixed{-1});
}

bool Writer::presence(Slot slot, bool value) {
  if (!value && !slot.nullable) return fail("null where none is allowed");
  return fixed(static_cast<std::int8_t>(value ? 1 : -1));
}

bool Writer::text(Slot slot, std::optional<std::string_view> value) {
  const auto size = value ? std::optional(value->size()) : std::nullopt;
  if (!length<std::int16_t>(slot, size, kTextBytesMax)) return false;
  copy(as_bytes(value.value_or(std::string_view{})));
  return true;
}

bool Writer::bytes(Slot slot, std::optional<ByteView> value) {
  const auto size = value ? std::optional(value->size()) : std::nullopt;
  if (!length<std::int32_t>(slot, size, kSizeMax)) return false;
  if (value) copy(*value);
  return true;
}

bool Writer::records(Slot slot, const Records& value) {
  const auto size = value.null ? std::nullopt : std::optional(value.size());
  if (!length<std::int32_t>(slot, size, kSizeMax)) return false;
  if (value.null) return true;
  for (ByteView piece : value.pieces) copy_or_borrow(piece);
  return true;
}

bool Writer::count(Slot slot, std::optional<std::size_t> value) {
  return length<std::int32_t>(slot, value, kSizeMax);
}

bool Writer::tag(std::uint32_t number, const Writer& contents) {
  if (contents.frame_.size() > kSizeMax) return fail("too long for its length field");
  varint(number);
  varint(static_cast<std::uint32_t>(contents.frame_.size()));
  for (ByteView piece : contents.frame_.pieces()) {
    frame_.own_.insert(frame_.own_.end(), piece.begin(), piece.end());
  }
  return true;
}

void Writer::reserve_frame_size() {
  frame_.own_.resize(kFrameSizeBytes);
}

Result<Frame> Writer::framed() && {
  const std::size_t size = frame_.size() - kFrameSizeBytes;
  if (size > kSizeMax) return stele::fail(Code::kTooLarge, "a frame of {} bytes", size);
  store_be(frame_.own_.data(), static_cast<std::int32_t>(size));
  return std::move(frame_);
}

}  // namespace stele::kafka
