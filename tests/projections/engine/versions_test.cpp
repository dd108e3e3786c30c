// The files `live` and `definition`: bytes, damage, definitions that differ.
#include "projections/engine/versions.h"

#include <fstream>
#include <sstream>

#include "log/base/checksum.h"
#include "tests/projections/engine/engine_fixture.h"
#include "tests/support/golden.h"

namespace stele::projections {
namespace {

class Versions : public testing::Test {
protected:
  Versions() { must(env_.make_folder(folders_.path())); }

  Bytes read(const std::string& path) {
    const auto file = must(env_.open(path, OpenMode::kRead));
    Bytes bytes(must(file->size()));
    EXPECT_EQ(must(file->read(bytes, 0)), bytes.size());
    return bytes;
  }
  void write(const std::string& path, ByteView bytes) {
    const auto file = must(env_.open(path, OpenMode::kReadWrite));
    must(file->truncate(0));
    must(file->write(bytes, 0));
  }

  SimEnv env_;
  VersionFolders folders_{"/views", "accounts", env_};
  LiveRecord record_{3, 2, 4, Checkpoint({{{"bank", 1}, 500}, {{"rates", 1}, 7}})};
};

TEST_F(Versions, TheLiveRecordIsReadBack) {
  EXPECT_FALSE(must(folders_.read_live()).has_value());
  must(folders_.write_live(record_));
  EXPECT_EQ(must(folders_.read_live()), record_);
  record_.version = 2;
  must(folders_.write_live(record_));
  EXPECT_EQ(must(folders_.read_live()), record_);
}

TEST_F(Versions, ItsBytesAreThoseOfThePage) {
  must(folders_.write_live(record_));
  const std::string path = STELE_GOLDEN_FOLDER "/projection_live.hex";
  const std::string bytes = golden_text(read("/views/accounts/live"));
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(path) << bytes;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(bytes, golden.str());
}

TEST_F(Versions, EveryFlippedBitAndEveryCutIsNoticed) {
  must(folders_.write_live(record_));
  const Bytes whole = read("/views/accounts/live");
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Bytes damaged = whole;
    damaged[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    write("/views/accounts/live", damaged);
    const auto read = folders_.read_live();
    ASSERT_FALSE(read.has_value()) << "bit " << bit;
    EXPECT_EQ(read.error().code, Code::kCorrupt) << read.error().text();
    EXPECT_NE(read.error().detail.find("/views/accounts/live"), std::string::npos);
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write("/views/accounts/live", ByteView(whole).first(size));
    EXPECT_EQ(folders_.read_live().error().code, Code::kCorrupt) << "cut to " << size;
  }
}

TEST_F(Versions, ANewerFormatIsNotGuessedAt) {
  Bytes newer = seal(kLiveMagic, {});
  store_le<std::uint32_t>(newer.data() + 8, kSealedFormat + 1);
  const ByteView summed = ByteView(newer).first(newer.size() - 8);
  store_le(newer.data() + summed.size(), checksum(summed, kLiveMagic));
  EXPECT_EQ(unseal(kLiveMagic, newer).error().code, Code::kUnsupported);
}

TEST_F(Versions, ADefinitionIsClaimedOnceAndComparedFromThenOn) {
  const DefinitionPtr first = accounts(1).definition();
  must(folders_.claim(*first));
  must(folders_.claim(*first));
  const DefinitionPtr second = accounts(2).definition();
  must(folders_.claim(*second));
  EXPECT_EQ(must(folders_.versions()), (std::vector<std::uint32_t>{1, 2}));
  const DefinitionPtr changed = accounts(1).from("other").definition();
  EXPECT_EQ(folders_.claim(*changed).error().code, Code::kInvalid);
  must(folders_.remove(1));
  EXPECT_EQ(must(folders_.versions()), (std::vector<std::uint32_t>{2}));
  must(folders_.claim(*changed));
}

TEST(DifferingLines, ShowsOnlyWhatDiffers) {
  EXPECT_EQ(differing_lines("a\nb\nc", "a\nB\nc\nd"), "\n  - b\n  + B\n  + d");
  EXPECT_EQ(differing_lines("a\nb", "a\nb"), "");
}

}  // namespace
}  // namespace stele::projections
