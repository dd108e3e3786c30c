// A file of SimEnv: every call goes through the env's numbering and fault plan to the inode.
// Thread: one. `env` outlives the file.
#pragma once

#include <string>

#include "tests/support/sim_env.h"

namespace stele {

class SimFile final : public File {
public:
  SimFile(SimEnv& env, InodeId id, std::string path, bool writable, bool direct);
  ~SimFile() override;

  using File::write;
  Result<std::size_t> read(ByteSpan into, std::uint64_t at) const override;
  Result<std::size_t> read_cached(ByteSpan into, std::uint64_t at) const override;
  Result<void> write(std::span<const ByteView> pieces, std::uint64_t at) override;
  Result<void> sync() override;
  Result<void> reserve(std::uint64_t at, std::uint64_t bytes) override;
  Result<void> truncate(std::uint64_t bytes) override;
  [[nodiscard]] Result<std::uint64_t> size() const override;
  void drop_cache() override { env_.cold_.insert(id_); }
  [[nodiscard]] bool direct() const override { return direct_; }

  [[nodiscard]] InodeId id() const { return id_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// kInvalid for a write that the real one would refuse: read-only, or direct and not aligned.
  [[nodiscard]] Result<void> check_write(std::span<const ByteView> pieces, std::uint64_t at) const;

private:
  SimEnv& env_;
  InodeId id_;
  std::string path_;
  bool writable_;
  bool direct_;
};

}  // namespace stele
