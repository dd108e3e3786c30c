#include "server/grpc/wire_writer.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "log/base/check.h"

namespace stele::rpc {

namespace {
// Smaller ones are copied into the slice, which then needs no memory of its own.
constexpr std::size_t kCopiedBytesMax = 4096;
constexpr std::size_t kCapacityMin = 256;
}  // namespace

WireWriter::~WireWriter() {
  std::free(data_);
}

void WireWriter::grow(std::size_t more) {
  const std::size_t wanted = std::max({kCapacityMin, capacity_ * 2, size_ + more});
  auto* grown = static_cast<std::byte*>(std::realloc(data_, wanted));
  if (grown == nullptr) throw std::bad_alloc();
  data_ = grown;
  capacity_ = wanted;
}

void WireWriter::append(std::string_view encoded) {
  reserve(encoded.size());
  if (!encoded.empty()) std::memcpy(data_ + size_, encoded.data(), encoded.size());
  size_ += encoded.size();
}

void WireWriter::end(Mark mark) {
  const std::size_t length = size_ - mark;
  STELE_CHECK(mark >= kLengthBytes && length < std::size_t{1} << 7 * kLengthBytes);
  std::byte* at = data_ + mark - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    const std::size_t more = i + 1 < kLengthBytes ? 0x80 : 0;
    at[i] = static_cast<std::byte>((length >> 7 * i & 0x7f) | more);
  }
}

::grpc::ByteBuffer WireWriter::take() {
  if (size_ <= kCopiedBytesMax) {
    const ::grpc::Slice slice(data_, size_);
    size_ = 0;
    return {&slice, 1};
  }
  const ::grpc::Slice slice(data_, size_, std::free);
  data_ = nullptr;
  size_ = capacity_ = 0;
  return {&slice, 1};
}

}  // namespace stele::rpc
