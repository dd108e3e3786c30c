// A steled with a bug: expected versions are not checked. The checkers of histories have to notice.
#include "tests/crash/planted.h"

namespace {

const stele::crash::Planted kBug(stele::Plant::kSkipExpectations);

}  // namespace
