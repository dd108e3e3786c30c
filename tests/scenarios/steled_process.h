// A steled of its own: data in a temporary folder, ports that the system chose, killed at the end.
//
// Thread: the test's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/scenarios/temp_folder.h"

namespace stele::scenarios {

class SteledProcess {
public:
  /// Returns when it serves. Throws if it does not: what it said is in the text.
  SteledProcess();
  SteledProcess(const SteledProcess&) = delete;
  SteledProcess& operator=(const SteledProcess&) = delete;
  ~SteledProcess();

  /// kill -9, and serving again from the same folder, on other ports.
  void restart();

  [[nodiscard]] std::uint16_t http_port() const { return http_port_; }
  [[nodiscard]] std::uint16_t grpc_port() const { return grpc_port_; }

private:
  void start();
  void kill();

  TempFolder folder_;
  std::uint16_t http_port_ = 0;
  std::uint16_t grpc_port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace stele::scenarios
