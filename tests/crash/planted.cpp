#include "tests/crash/planted.h"

namespace stele {
namespace {

Plant current = Plant::kNone;

}  // namespace

bool planted(Plant bug) {
  return current == bug;
}

namespace crash {

Planted::Planted(Plant bug) {
  current = bug;
}

Planted::~Planted() {
  current = Plant::kNone;
}

}  // namespace crash
}  // namespace stele
