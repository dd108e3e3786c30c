#include "projections/state/state_folder.h"

#include "log/base/fail.h"

namespace stele::projections {
namespace {

/// "" at the top.
std::string parent_of(const std::string& path) {
  if (path.find_first_not_of("/.") == std::string::npos) return "";
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<FolderLock>> take_state_folder(Env& env, const std::string& folder) {
  STELE_DO(env.make_folder(folder));
  return env.lock(folder);
}

Result<void> sync_state_folder(Env& env, const std::string& folder) {
  const std::string parent = parent_of(folder);
  if (parent.empty()) return {};
  STELE_DO(env.sync_folder(parent));
  // Those above may be new too, of this start or of one that was killed; or others' and closed to us.
  for (std::string above = parent_of(parent); !above.empty(); above = parent_of(above)) {
    if (!env.sync_folder(above)) break;
  }
  return {};
}

std::string path_in(std::string_view folder, std::string_view name) {
  return fmt::format("{}/{}", folder, name);
}

}  // namespace stele::projections
