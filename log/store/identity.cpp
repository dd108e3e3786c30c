#include "log/store/identity.h"

#include <algorithm>
#include <array>

#include "log/base/bytes.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

// 0 magic 8 | 8 format version u32 | 12 reserved key id u32 | 16 store id | 32 compatible features
// u64 40 incompatible features u64 | 48 created µs i64 | 56 checksum u64 of bytes 0…56
constexpr std::string_view kMagic = "STELE\r\n\x1a";
constexpr std::size_t kIdentityBytes = 64;
constexpr std::uint64_t kIncompatibleFeatures = 0;
constexpr std::string_view kName = "/STELE";

}  // namespace

Result<FolderKind> look_at_folder(const Env& env, const std::string& folder) {
  const auto entries = env.list(folder);
  if (!entries && entries.error().code == Code::kNotFound) return FolderKind::kEmpty;
  if (!entries) return std::unexpected(entries.error());
  constexpr std::array kOurs = {"LOCK",       "STELE.new",    "journal",      "order",
                                "quarantine", "superblock.0", "superblock.1", "topics"};
  FolderKind kind = FolderKind::kEmpty;
  for (const FolderEntry& entry : *entries) {
    if (entry.name == "STELE") return FolderKind::kStore;
    if (entry.name == "LOCK" || entry.name == "lost+found") continue;
    if (std::ranges::find(kOurs, entry.name) == kOurs.end()) return FolderKind::kForeign;
    kind = FolderKind::kUnfinished;
  }
  if (kind != FolderKind::kUnfinished) return kind;
  // Topics appear only after the identity: a folder with topics has lost its file STELE.
  const auto topics = env.list(folder + "/topics");
  return topics && !topics->empty() ? FolderKind::kForeign : FolderKind::kUnfinished;
}

Result<Uuid> read_identity(Env& env, const std::string& folder) {
  const std::string path = folder + std::string(kName);
  STELE_TRY(const auto file, env.open(path, OpenMode::kRead));
  std::array<std::byte, kIdentityBytes> bytes{};
  STELE_TRY(const std::size_t got, file->read(bytes, 0));
  if (got < kIdentityBytes || as_text(ByteView(bytes).first(kMagic.size())) != kMagic) {
    return fail(Code::kCorrupt, "{}: not the identity of a store; restore it from a backup", path);
  }
  if (const auto version = load_le<std::uint32_t>(bytes.data() + 8); version != kFormatVersion) {
    return fail(Code::kUnsupported,
                "{}: the store has format version {}, this program reads version {}", folder,
                version, kFormatVersion);
  }
  if (load_le<std::uint64_t>(bytes.data() + 56) != checksum(ByteView(bytes).first(56), 0)) {
    return fail(Code::kCorrupt, "{}: fails its checksum; restore it from a backup", path);
  }
  const auto features = load_le<std::uint64_t>(bytes.data() + 40);
  if ((features & ~kIncompatibleFeatures) != 0) {
    return fail(Code::kUnsupported,
                "{}: the store needs features {:#x} that this program does not have", folder,
                features);
  }
  return Uuid::load(bytes.data() + 16);
}

Result<void> write_identity(Env& env, const std::string& folder, const Uuid& store) {
  std::array<std::byte, kIdentityBytes> bytes{};
  std::ranges::copy(as_bytes(kMagic), bytes.begin());
  store_le(bytes.data() + 8, kFormatVersion);
  std::ranges::copy(store.bytes, bytes.begin() + 16);
  store_le(bytes.data() + 40, kIncompatibleFeatures);
  store_le(bytes.data() + 48, env.wall_us());
  store_le(bytes.data() + 56, checksum(ByteView(bytes).first(56), 0));
  const std::string path = folder + std::string(kName);
  {
    STELE_TRY(const auto file, env.open(path + ".new", OpenMode::kCreate));
    STELE_DO(file->truncate(0));
    STELE_DO(file->write(ByteView(bytes), 0));
    STELE_DO(file->sync());
  }
  STELE_DO(env.sync_folder(folder));
  STELE_DO(env.rename(path + ".new", path));
  return env.sync_folder(folder);
}

}  // namespace stele::log
