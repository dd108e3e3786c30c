// Any bytes as ce_tags. What is read is legal, and is read again as the same when it was written.
#include <cstdint>
#include <string>
#include <vector>

#include "log/base/check.h"
#include "log/events/tags.h"

namespace stele::log {
namespace {

void take(std::string_view list) {
  TagList read;
  if (!read.parse(list)) {
    STELE_CHECK(read.tags().empty());
    return;
  }
  const std::vector<std::string> tags(read.tags().begin(), read.tags().end());
  STELE_CHECK(check_tags(tags));
  std::string written;
  append_tags(written, tags);
  TagList again;
  STELE_CHECK(again.parse(written));
  STELE_CHECK(std::vector<std::string>(again.tags().begin(), again.tags().end()) == tags);
}

}  // namespace
}  // namespace stele::log

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stele::log::take({reinterpret_cast<const char*>(data), size});
  return 0;
}
