#include "projections/flow/poison_log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/golden.h"

namespace stele::projections {
namespace {

PoisonLog two_records() {
  PoisonLog log(10);
  log.add("orders/3/1042", {.input = {"orders", 3},
                            .place = 1042,
                            .event = "orders/3/1042 (Placed)",
                            .reason = "no",
                            .parked = true});
  log.add("bank/0/7", {.input = InputId::store(), .place = 9, .event = "e", .reason = "r"});
  return log;
}

Bytes bytes_of(const PoisonLog& log) {
  Bytes bytes;
  log.encode(bytes);
  return bytes;
}

TEST(PoisonLog, ItsBytesAreThoseOfThePage) {
  const std::string path = STELE_GOLDEN_FOLDER "/poison_log.hex";
  const std::string bytes = golden_text(bytes_of(two_records()));
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(path) << bytes;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(bytes, golden.str());
}

TEST(PoisonLog, ReadsWhatItWroteAndLeavesTheRest) {
  Bytes bytes = bytes_of(two_records());
  bytes.push_back(std::byte{0x2a});
  ByteView from = bytes;
  PoisonLog read(10);
  ASSERT_TRUE(read.decode(from).has_value());
  EXPECT_EQ(read.records(), two_records().records());
  EXPECT_EQ(from.size(), 1U);
}

TEST(PoisonLog, CutBytesAreRefusedAndChangeNothing) {
  const Bytes whole = bytes_of(two_records());
  PoisonLog log = two_records();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ByteView from = ByteView(whole).first(size);
    EXPECT_EQ(log.decode(from).error().code, Code::kCorrupt) << size;
    EXPECT_EQ(from.size(), size);
  }
  EXPECT_EQ(log.records(), two_records().records());
}

TEST(PoisonLog, AReasonIsBoundedAndAnEventIsInItOnce) {
  PoisonLog log = two_records();
  log.add("bank/0/7", {.reason = std::string(100'000, 'x')});
  EXPECT_EQ(log.size(), 2U);
  EXPECT_EQ(log.records().front().place, 9);
  EXPECT_LT(log.records().front().reason.size(), 2000U);
  EXPECT_TRUE(log.take_off("bank/0/7"));
  EXPECT_FALSE(log.take_off("bank/0/7"));
}

}  // namespace
}  // namespace stele::projections
