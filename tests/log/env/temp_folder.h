// A folder of its own for one test, gone afterwards; and a small tmpfs, where root may mount one.
#pragma once

#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace stele {

class TempFolder {
public:
  explicit TempFolder(const std::string& below = "/tmp") {
    std::string pattern = below + "/stele-env-XXXXXX";
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    if (path_.empty()) return;
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  /// False where this process may not mount. `options` as mount(8) takes them: "size=64k".
  bool mount_tmpfs(const char* options) {
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options) == 0;
    return mounted_;
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace stele
