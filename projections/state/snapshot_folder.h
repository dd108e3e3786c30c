// The snapshots of one folder: which there are, which of them go when a new one is durable.
// Thread: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "log/env/env.h"

namespace stele::projections {

class SnapshotFolder {
public:
  /// `env` outlives it.
  SnapshotFolder(Env& env, std::string path) : env_(env), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::uint64_t event_count) const;
  /// Event counts of those there are, newest first. kNotFound, kIo.
  [[nodiscard]] Result<std::vector<std::uint64_t>> list() const;

  /// This one cannot be used: it goes with the next remove_old().
  void pass_over(std::uint64_t event_count) { passed_over_.push_back(event_count); }
  /// The states were forgotten: what there is goes with the next remove_old().
  void begin_anew() { begun_anew_ = true; }
  /// `newest` is durable: of the others `keep` - 1 stay. What cannot be removed now goes later.
  void remove_old(std::uint64_t newest, std::uint32_t keep);

private:
  Env& env_;
  std::string path_;
  std::vector<std::uint64_t> passed_over_;
  bool begun_anew_ = false;
};

}  // namespace stele::projections
