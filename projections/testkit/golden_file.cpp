#include "projections/testkit/golden_file.h"

#include "log/base/fail.h"
#include "log/env/posix_env.h"

namespace stele::projections {

Result<std::string> golden_file(const std::string& path, const std::string& first) {
  STELE_TRY(const std::unique_ptr<Env> env, make_posix_env());
  auto opened = env->open(path, OpenMode::kRead);
  if (!opened && opened.error().code == Code::kNotFound) {
    STELE_TRY(const std::unique_ptr<File> file, env->open(path, OpenMode::kCreateFresh));
    STELE_DO(file->write(as_bytes(first), 0));
    return fail(Code::kNotFound, "{} was not there: it is written now, look at it", path);
  }
  STELE_TRY(const std::unique_ptr<File> file, std::move(opened));
  STELE_TRY(const std::uint64_t size, file->size());
  std::string text(size, '\0');
  STELE_TRY(const std::size_t count, file->read(std::as_writable_bytes(std::span(text)), 0));
  text.resize(count);
  return text;
}

}  // namespace stele::projections
