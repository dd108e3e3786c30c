#include "log/env/posix_error.h"

#include <cerrno>
#include <system_error>

#include "log/base/fail.h"

namespace stele {
namespace {

Code code_of(int number) {
  switch (number) {
    case ENOENT:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
      return Code::kNoSpace;
    case EMFILE:
    case ENFILE:
      return Code::kOverloaded;
    case EINVAL:
      return Code::kInvalid;
    case EFBIG:
      return Code::kTooLarge;
    default:
      return Code::kIo;
  }
}

}  // namespace

std::unexpected<Error> posix_error(int number, std::string_view operation, std::string_view path) {
  if (number == EMFILE || number == ENFILE) {
    return fail(Code::kOverloaded,
                "{} {}: no file descriptors left: raise the limit with ulimit -n", operation, path);
  }
  if (number == ELOOP) {
    return fail(Code::kIo, "{} {}: a symbolic link, which is not followed", operation, path);
  }
  return fail(code_of(number), "{} {}: {}", operation, path,
              std::generic_category().message(number));
}

}  // namespace stele
