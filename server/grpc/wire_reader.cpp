#include "server/grpc/wire_reader.h"

#include "log/events/utf8.h"

namespace stele::rpc {

namespace {
constexpr std::uint64_t kFieldMax = (std::uint64_t{1} << 29) - 1;
}  // namespace

bool WireReader::next() {
  if (failed_ || at_ == end_) return false;
  const std::uint64_t tag = varint();
  const std::uint64_t field = tag >> 3;
  if (field == 0 || field > kFieldMax) failed_ = true;
  if (failed_) return false;
  field_ = static_cast<std::uint32_t>(field);
  type_ = static_cast<Type>(tag & 7);
  take_value();
  return !failed_;
}

void WireReader::take_value() {
  std::size_t size = 0;
  switch (type_) {
    case Type::kVarint:
      number_ = varint();
      return;
    case Type::kFixed64:
      size = sizeof(std::uint64_t);
      break;
    case Type::kFixed32:
      size = sizeof(std::uint32_t);
      break;
    case Type::kBytes:
      size = varint();
      break;
    default:  // groups are of proto2 alone
      failed_ = true;
  }
  if (failed_ || size > static_cast<std::size_t>(end_ - at_)) {
    failed_ = true;
    return;
  }
  bytes_ = {at_, size};
  at_ += size;
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
    const auto byte = static_cast<std::uint8_t>(*at_++);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  failed_ = true;
  return 0;
}

std::uint64_t WireReader::number() {
  if (type_ != Type::kVarint) failed_ = true;
  return number_;
}

std::string_view WireReader::bytes() {
  if (type_ == Type::kBytes) return bytes_;
  failed_ = true;
  return {};
}

std::string_view WireReader::text() {
  const std::string_view text = bytes();
  if (!log::is_utf8(text)) failed_ = true;
  return text;
}

}  // namespace stele::rpc
