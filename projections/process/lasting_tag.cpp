#include "projections/process/lasting_tag.h"

#include <fmt/format.h>

#include "log/base/checksum.h"

namespace stele::projections {

std::string lasting_tag(std::string_view kind, std::string_view id) {
  std::string tag = fmt::format("{}:{}", kind, id);
  if (tag.size() <= log::kTagBytesMax) return tag;
  const Hash128 hash = hash128(as_bytes(id), 0);
  return fmt::format("{}:{:016x}{:016x}", kind, hash.high, hash.low);
}

bool is_lasting_tag(std::string_view tag) {
  for (const std::string_view kind : {kEffectTag, kCommandTag})
    if (tag.size() > kind.size() && tag.starts_with(kind) && tag[kind.size()] == ':') return true;
  return false;
}

}  // namespace stele::projections
