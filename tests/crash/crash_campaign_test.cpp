// Power loss and kill -9 at every change of the disk: no promise is broken on any disk that is
// left. STELE_COUNT: distinct disks in all; STELE_SEED, STELE_CHANGE: replay what a failure names.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/crash/campaign.h"

namespace stele::crash {
namespace {

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

class CrashCampaign : public testing::TestWithParam<std::size_t> {};

TEST_P(CrashCampaign, NoPromiseIsBroken) {
  const Workload& workload = workloads()[GetParam()];
  const auto total = static_cast<std::uint64_t>(from_environment("STELE_COUNT", 200'000));
  const std::uint64_t share = (total + workloads().size() - 1) / workloads().size();
  const std::int64_t change = from_environment("STELE_CHANGE", -1);
  const auto seed = static_cast<std::uint64_t>(from_environment("STELE_SEED", 1));
  Campaign campaign(workload, {.count = share, .seed = seed, .change = change});
  const std::string broken = campaign.run();
  const CampaignCounts& counts = campaign.counts();
  std::cout << "crash_states workload=" << workload.name << " changes=" << counts.changes
            << " distinct=" << counts.distinct << " killed=" << counts.killed
            << " nested=" << counts.nested << " restarted=" << counts.restarted << "\n";
  EXPECT_TRUE(broken.empty()) << broken;
  if (change < 0 && broken.empty()) EXPECT_GE(counts.distinct, share);
}

INSTANTIATE_TEST_SUITE_P(Workloads, CrashCampaign,
                         testing::Range(std::size_t{0}, workloads().size()),
                         [](const auto& info) { return workloads()[info.param].name; });

}  // namespace
}  // namespace stele::crash
