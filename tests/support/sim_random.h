// SplitMix64 (Steele, Lea, Flood 2014): what every seeded choice of the simulator is drawn from.
#pragma once

#include <cstdint>

namespace stele {

class SimRandom {
public:
  explicit SimRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t draw() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  /// 0 … limit - 1; `limit` is not 0.
  std::uint64_t below(std::uint64_t limit) { return draw() % limit; }
  bool chance(unsigned percent) { return below(100) < percent; }

private:
  std::uint64_t state_;
};

}  // namespace stele
