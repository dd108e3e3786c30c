// The bytes of a run, with fixed ids: a change of them is a change of the format version.
// STELE_GOLDEN_WRITE=1 writes the file anew.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/log/index/index_model.h"

namespace stele::log {
namespace {

constexpr const char* kGolden = STELE_GOLDEN_FOLDER "/index_run.hex";

// 16 bytes a line; lines of zeros are left out, the last line says how many bytes there are.
std::string dump(ByteView bytes) {
  std::ostringstream out;
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const ByteView line = bytes.subspan(at, std::min<std::size_t>(16, bytes.size() - at));
    if (std::ranges::all_of(line, [](std::byte one) { return one == std::byte{0}; })) continue;
    out << std::hex << at << ":";
    for (const std::byte one : line) {
      out << ' ' << kDigits[std::to_integer<unsigned>(one) / 16]
          << kDigits[std::to_integer<unsigned>(one) % 16];
    }
    out << '\n';
  }
  out << "size " << std::dec << bytes.size() << '\n';
  return out.str();
}

Bytes parse(std::istream& in) {
  Bytes bytes;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("size ")) {
      bytes.resize(std::stoul(line.substr(5)));
      break;
    }
    const std::size_t colon = line.find(':');
    std::istringstream digits(line.substr(colon + 1));
    bytes.resize(std::stoul(line.substr(0, colon), nullptr, 16));
    for (std::string one; digits >> one;)
      bytes.push_back(static_cast<std::byte>(std::stoul(one, nullptr, 16)));
  }
  return bytes;
}

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
  if (std::getenv("STELE_GOLDEN_WRITE") != nullptr) std::ofstream(kGolden) << dump(bytes);
  std::stringstream golden;
  golden << std::ifstream(kGolden).rdbuf();
  EXPECT_EQ(dump(bytes), golden.str());
}

TEST(IndexGolden, ARunOfTheseBytesIsRead) {
  std::ifstream in(kGolden);
  const Bytes bytes = parse(in);
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
