// A folder on the real disk, gone with its owner.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace stele {

class ScratchFolder {
public:
  ScratchFolder() : path_(std::filesystem::temp_directory_path() / "stele-state-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code gone;
    std::filesystem::remove_all(path_, gone);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

}  // namespace stele
