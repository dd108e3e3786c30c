#include "bench/client/load.h"

#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace stele::bench {

namespace {

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end()) fail_run("not a number: " + std::string(text));
  return value;
}

}  // namespace

Load Load::parse(int count, char** arguments) {
  if (count != 6) fail_run("CLIENT ADDRESS MODE SECONDS IN_FLIGHT BATCH");
  return {.address = arguments[1],
          .mode = arguments[2],
          .lasts = std::chrono::seconds(number(arguments[3])),
          .in_flight = number(arguments[4]),
          .batch = number(arguments[5])};
}

std::string event_data() {
  std::string data = R"({"order":"1","customer":"c42","currency":"EUR","note":")";
  data.resize(98, 'x');
  return data + "\"}";
}

Slot::Slot(std::size_t number) {
  const std::string run = std::to_string(::getpid()) + "-" + std::to_string(number) + "-";
  for (std::size_t i = 0; i < kStreamsEach; ++i) names_[i] = "order-" + run + std::to_string(i);
  last_.fill(-1);
}

std::string ten_name(std::size_t n) {
  return "ten-" + std::to_string(n * 331 % kTenStreams);
}

void report(const Latencies& times, std::uint64_t events, double seconds, double cpu_s) {
  std::printf(R"({"operations":%.0f,"events":%llu,"seconds":%.6f,"p50_us":%.1f,"p99_us":%.1f)",
              times.count(), static_cast<unsigned long long>(events), seconds, times.us(0.5),
              times.us(0.99));
  if (cpu_s >= 0) std::printf(R"(,"cpu_s":%.4f)", cpu_s);
  std::printf("}\n");
}

void fail_run(std::string_view why) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

}  // namespace stele::bench
