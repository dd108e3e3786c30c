#include "log/base/error.h"

namespace stele {

std::string_view name(Code code) {
  switch (code) {
    case Code::kNotFound:
      return "not_found";
    case Code::kAlreadyExists:
      return "already_exists";
    case Code::kWrongVersion:
      return "wrong_version";
    case Code::kConditionFailed:
      return "condition_failed";
    case Code::kOutOfRange:
      return "out_of_range";
    case Code::kTooLarge:
      return "too_large";
    case Code::kInvalid:
      return "invalid";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kIo:
      return "io";
    case Code::kNoSpace:
      return "no_space";
    case Code::kOutcomeUnknown:
      return "outcome_unknown";
    case Code::kOverloaded:
      return "overloaded";
    case Code::kOutOfSequence:
      return "out_of_sequence";
    case Code::kFenced:
      return "fenced";
    case Code::kClosed:
      return "closed";
    case Code::kCancelled:
      return "cancelled";
    case Code::kTombstoned:
      return "tombstoned";
  }
  return "unknown";
}

std::string Error::text() const {
  return std::string(name(code)) + ": " + detail;
}

}  // namespace stele
