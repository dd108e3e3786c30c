// A folder under the system's temporary one that goes with its owner.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace stele::scenarios {

class TempFolder {
public:
  TempFolder()
      : path_((std::filesystem::temp_directory_path() / "stele-scenario-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const { return path_; }

private:
  std::string path_;
};

}  // namespace stele::scenarios
