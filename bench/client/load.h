// What the load clients of the event stores share: how they are called, what they print.
//   CLIENT ADDRESS MODE SECONDS IN_FLIGHT BATCH
// Each run is one kind of load; it prints one JSON line. An error ends the program with exit
// code 1.
//
// The data is the same for all of them, the peers' clients too: events of 100 B and type
// OrderPlaced in topic "bench"; every slot in flight writes 64 streams (or tags) of its own in turn
// and expects what it wrote there last. Reads ask for the streams and tags ten-0 to ten-999, which
// have ten events each, scattered; mode "fill" makes them. Thread: its owner's.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/embedded/latencies.h"

namespace stele::bench {

inline constexpr std::size_t kStreamsEach = 64;
inline constexpr std::size_t kTenStreams = 1000;
inline constexpr std::size_t kTenEvents = 10;
inline constexpr std::uint64_t kReadMax = 1'000'000;  ///< events of one read of everything
inline constexpr std::string_view kTopic = "bench";
inline constexpr std::string_view kType = "OrderPlaced";

struct Load {
  std::string address;
  std::string mode;
  std::chrono::seconds lasts{5};
  std::size_t in_flight = 1;
  std::size_t batch = 1;

  static Load parse(int count, char** arguments);
};

/// 100 B, as JSON.
[[nodiscard]] std::string event_data();

/// The streams of one slot in flight, taken in turn, and where each of them stands.
class Slot {
public:
  explicit Slot(std::size_t number);

  [[nodiscard]] const std::string& name() const { return names_[at_]; }
  /// The stream's last version, or the tag's last position; -1: nothing was written.
  [[nodiscard]] std::int64_t last() const { return last_[at_]; }
  void written(std::int64_t last) {
    last_[at_] = last;
    at_ = (at_ + 1) % kStreamsEach;
  }

private:
  std::array<std::string, kStreamsEach> names_;
  std::array<std::int64_t, kStreamsEach> last_;
  std::size_t at_ = 0;
};

/// The name of the stream and tag that the n-th read asks for.
[[nodiscard]] std::string ten_name(std::size_t n);

/// Prints the JSON line. `cpu_s`: what a store in this process used; negative: ask the server's
/// process.
void report(const Latencies& times, std::uint64_t events, double seconds, double cpu_s = -1);

[[noreturn]] void fail_run(std::string_view why);

}  // namespace stele::bench
