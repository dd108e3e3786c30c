// Kernels that refuse: a seccomp filter on one thread makes a system call answer an error, and
// PosixEnv goes on without it and says so.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <functional>
#include <optional>
#include <thread>

#include "log/env/posix_env.h"
#include "tests/log/env/temp_folder.h"

namespace stele {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kAnyArgument = ~std::uint32_t{0};

// From here on `call` (with `second` as its second argument) answers `error` in this thread and in
// those that it starts.
bool refuse(std::uint32_t call, std::uint32_t error, std::uint32_t second = kAnyArgument) {
  bool any = second == kAnyArgument;
  std::array<sock_filter, 6> filter{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, second, 0, static_cast<std::uint8_t>(any ? 0 : 1)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class PosixFallback : public testing::Test {
protected:
  std::unique_ptr<Env> env(FlushEngine flush) {
    return *make_posix_env(
        {.flush = flush, .direct = true, .reporter = [this](Severity, auto line) {
           lines_.emplace_back(line);
         }});
  }
  // Writes a page durably and reads it back.
  void check_works(Env& env, bool direct) {
    auto file = env.open(folder_.file("a"), OpenMode::kCreate, direct);
    ASSERT_TRUE(file) << file.error().text();
    alignas(4096) std::array<std::byte, 4096> page{};
    page.fill(std::byte{7});
    std::optional<Result<void>> outcome;
    env.write_durably(**file, page, 0, [&](Result<void> result) { outcome = result; });
    for (int i = 0; i < 100 && !outcome; ++i) env.wait(milliseconds(100));
    ASSERT_TRUE(outcome && *outcome) << (outcome ? outcome->error().text() : "never done");
    alignas(4096) std::array<std::byte, 4096> back{};
    EXPECT_EQ((*file)->read(back, 0), back.size());
    EXPECT_EQ(back, page);
  }
  static void on_another_thread(const std::function<void()>& body) { std::thread(body).join(); }

  TempFolder folder_;
  std::vector<std::string> lines_;
};

TEST_F(PosixFallback, WithoutIoUringAThreadFlushes) {
  on_another_thread([this] {
    ASSERT_TRUE(refuse(SYS_io_uring_setup, EPERM));
    auto refused = env(FlushEngine::kUring);
    check_works(*refused, false);
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_TRUE(lines_[0].starts_with("io_uring_unavailable fallback=thread ")) << lines_[0];
  });
}

TEST_F(PosixFallback, WithoutDurableWritesItWritesAndThenSyncs) {
  on_another_thread([this] {
    ASSERT_TRUE(refuse(SYS_pwritev2, ENOSYS));
    check_works(*env(FlushEngine::kInline), true);
  });
}

TEST_F(PosixFallback, WithoutDirectAccessThePageCacheServes) {
  on_another_thread([this] {
    ASSERT_TRUE(refuse(SYS_fcntl, EINVAL, F_SETFL));
    auto refused = env(FlushEngine::kInline);
    auto file = refused->open(folder_.file("b"), OpenMode::kCreateFresh, true);
    ASSERT_TRUE(file);
    EXPECT_FALSE((*file)->direct());
    EXPECT_TRUE((*file)->write(as_bytes("not aligned"), 3));
    check_works(*refused, true);
    ASSERT_EQ(lines_.size(), 1U) << "said once, not per file";
    EXPECT_TRUE(lines_[0].starts_with("direct_io_unavailable ")) << lines_[0];
  });
}

TEST_F(PosixFallback, ADirectAccessRefusedLateGivesDirectUpOnce) {
  on_another_thread([this] {
    auto late = env(FlushEngine::kInline);
    auto file = late->open(folder_.file("b"), OpenMode::kCreate, true);
    ASSERT_TRUE(file);
    if (!(*file)->direct()) return;
    ASSERT_TRUE(refuse(SYS_pwritev2, EINVAL));
    alignas(4096) std::array<std::byte, 4096> page{};
    EXPECT_EQ((*file)->write(page, 0).error().code, Code::kInvalid);
    EXPECT_FALSE((*file)->direct());
    EXPECT_EQ((*file)->write(page, 0).error().code, Code::kInvalid);
    EXPECT_EQ(lines_.size(), 1U);
  });
}

TEST_F(PosixFallback, WithoutNonBlockingReadsACachedReadIsARead) {
  on_another_thread([this] {
    auto plain = env(FlushEngine::kInline);
    auto file = plain->open(folder_.file("b"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write(as_bytes("0123"), 0));
    ASSERT_TRUE(refuse(SYS_preadv2, ENOSYS));
    std::array<std::byte, 4> back{};
    EXPECT_EQ((*file)->read_cached(back, 0), 4U);
    EXPECT_EQ(as_text(back), "0123");
  });
}

TEST_F(PosixFallback, AFailingFlushIsAnErrorNotRetried) {
  on_another_thread([this] {
    auto failing = env(FlushEngine::kInline);
    auto file = failing->open(folder_.file("b"), OpenMode::kCreate);
    ASSERT_TRUE(file);
    ASSERT_TRUE(refuse(SYS_fdatasync, EIO));
    Result<void> synced = (*file)->sync();
    ASSERT_FALSE(synced);
    EXPECT_EQ(synced.error().code, Code::kIo);
    EXPECT_TRUE(synced.error().detail.starts_with("sync " + folder_.file("b") + ": "));
  });
}

}  // namespace
}  // namespace stele
