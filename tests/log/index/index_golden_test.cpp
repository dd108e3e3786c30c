// The bytes of a run, with fixed ids: a change of them is a change of the format version.
// STELE_GOLDEN_WRITE=1 writes the file anew.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/log/index/index_model.h"
#include "tests/support/golden.h"

namespace stele::log {
namespace {

constexpr const char* kGolden = STELE_GOLDEN_FOLDER "/index_run.hex";

// A stream, a type, a tag, an event id, and a tag of 300 records, which has a posting block.
IndexModel golden_model() {
  IndexModel model;
  model.add(0,
            {{{{TermKind::kStream, 0, "order-17"},
               {TermKind::kType, 0, "OrderPlaced"},
               {TermKind::kTag, 0, "customer:7"},
               {TermKind::kEventId, 0, "e-1"}}},
             {},
             {{{TermKind::kStream, 0, "order-17"}}}},
            2);
  model.add(1, std::vector<ModelRecord>(300, {{{TermKind::kTag, 0, "all"}}}), 0);
  model.add(1, {{{{TermKind::kStream, 0, "order-17"}}}}, 1);
  return model;
}

TEST(IndexGolden, ARunHasTheseBytes) {
  SimEnv env;
  auto index = *TermIndex::open(env, kIndexFolder, test_store(), {});
  const IndexModel model = golden_model();
  model.replay(*index, Position(0));
  ASSERT_TRUE(index->flush(model.end()).has_value());
  const Bytes bytes = env.disk().bytes(std::string(kIndexFolder) +
                                       "/00000000000000000000-00000000000000000304.terms");
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(kGolden) << golden_text(bytes);
  std::stringstream golden;
  golden << std::ifstream(kGolden).rdbuf();
  EXPECT_EQ(golden_text(bytes), golden.str());
}

TEST(IndexGolden, ARunOfTheseBytesIsRead) {
  std::ifstream in(kGolden);
  const Bytes bytes = parse_golden_text(in);
  SimEnv env;
  ASSERT_TRUE(env.make_folder(kIndexFolder).has_value());
  {
    auto file =
        *env.open(std::string(kIndexFolder) + "/00000000000000000000-00000000000000000304.terms",
                  OpenMode::kCreate);
    ASSERT_TRUE(file->write(bytes, 0).has_value());
  }
  const auto index = *TermIndex::open(env, kIndexFolder, test_store(), {});
  EXPECT_EQ(index->indexed_to(), Position(304));
  golden_model().expect_all(*index);
}

}  // namespace
}  // namespace stele::log
