#include "tests/server/kafka/wire/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace {

thread_local std::size_t bytes_so_far = 0;

}  // namespace

namespace stele::kafka {

std::size_t allocated_bytes() {
  return bytes_so_far;
}

}  // namespace stele::kafka

void* operator new(std::size_t size) {
  bytes_so_far += size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
