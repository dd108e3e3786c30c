// Feeds the files of the folders (or the files) named to a fuzz target, where libFuzzer is not
// linked in: the committed corpus runs as a plain test, and a found crash is replayed with a
// debugger. Fails if there was nothing to feed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void feed(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> input{std::istreambuf_iterator<char>(file), {}};
  // Exactly as large as the input, so that a sanitizer sees a read behind it.
  const auto bytes = std::make_unique<std::uint8_t[]>(input.size());
  std::copy(input.begin(), input.end(), bytes.get());
  static_cast<void>(LLVMFuzzerTestOneInput(bytes.get(), input.size()));
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::size_t fed_count = 0;
  for (int i = 1; i < argument_count; ++i) {
    const std::filesystem::path path = arguments[i];
    if (std::filesystem::is_regular_file(path)) {
      feed(path);
      ++fed_count;
    }
    if (!std::filesystem::is_directory(path)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      feed(entry.path());
      ++fed_count;
    }
  }
  std::printf("%zu inputs replayed\n", fed_count);
  return fed_count > 0 ? 0 : 1;
}
