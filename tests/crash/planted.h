// Which bug the planted library has at the moment.
// Thread: one.
#pragma once

#include "log/base/planted.h"

namespace stele::crash {

/// Planted until destroyed.
class Planted {
public:
  explicit Planted(Plant bug);
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;
  ~Planted();
};

}  // namespace stele::crash
