#include "log/env/flush_pace.h"

#include <gtest/gtest.h>

namespace stele {
namespace {

using namespace std::chrono_literals;

TEST(FlushPace, SmallWritesAreTheCallersWhileTheDiskIsQuick) {
  FlushPace pace;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(pace.is_for_caller(4096));
    pace.took(150us);
  }
  EXPECT_FALSE(pace.is_for_caller(FlushPace::kBytesMax + 1));
}

/// Of `count` small writes, how many the caller makes itself, each taking `time`.
int made_by_caller(FlushPace& pace, int count, std::chrono::nanoseconds time) {
  int made = 0;
  for (int i = 0; i < count; ++i) {
    if (!pace.is_for_caller(4096)) continue;
    pace.took(time);
    ++made;
  }
  return made;
}

TEST(FlushPace, ASlowDiskIsTriedAgainNowAndThenUntilItIsQuick) {
  FlushPace pace;
  EXPECT_LT(made_by_caller(pace, 10, 10ms), 5);
  EXPECT_EQ(made_by_caller(pace, FlushPace::kProbeEvery * 10, 10ms), 10);
  EXPECT_LT(made_by_caller(pace, FlushPace::kProbeEvery * 20, 100us), FlushPace::kProbeEvery * 20);
  EXPECT_EQ(made_by_caller(pace, 100, 100us), 100);
}

TEST(FlushPace, OneVerySlowWriteCountsNoMoreThanAFewThatWereSlow) {
  FlushPace pace;
  EXPECT_EQ(made_by_caller(pace, 100, 100us), 100);
  EXPECT_EQ(made_by_caller(pace, 1, 5s), 1);
  EXPECT_GT(made_by_caller(pace, FlushPace::kProbeEvery * 10, 100us), FlushPace::kProbeEvery);
}

TEST(FlushPace, BearableWritesAreTheCallersWhenHandingOverTakesTwiceAsLong) {
  FlushPace pace;
  EXPECT_LT(made_by_caller(pace, 20, 800us), 15);
  for (int i = 0; i < 20; ++i) pace.took_handed_over(1500us);
  EXPECT_LT(made_by_caller(pace, FlushPace::kProbeEvery * 10, 800us), 20);
  for (int i = 0; i < 20; ++i) pace.took_handed_over(5ms);
  EXPECT_EQ(made_by_caller(pace, 100, 800us), 100);
  EXPECT_LT(made_by_caller(pace, 100, 10ms), 10);
}

}  // namespace
}  // namespace stele
