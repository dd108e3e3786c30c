#include "log/store/unknown_versions.h"

#include "log/base/byte_stream.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::log {
namespace {

// "STELUNKN", read as a little-endian integer.
constexpr std::uint64_t kMagic = 0x4e4b4e554c455453;
constexpr std::uint32_t kFormatVersion = 1;

std::string path_of(const std::string& folder) {
  return folder + "/unknown";
}

}  // namespace

Result<UnknownVersions> load_unknown_versions(Env& env, const std::string& index_folder,
                                              const Uuid& store) {
  const std::string path = path_of(index_folder);
  const auto file = env.open(path, OpenMode::kRead);
  if (!file && file.error().code == Code::kNotFound) return UnknownVersions{};
  if (!file) return std::unexpected(file.error());
  STELE_TRY(const std::uint64_t size, (*file)->size());
  Bytes bytes(size);
  STELE_TRY(const std::size_t got, (*file)->read(bytes, 0));
  Error damage{Code::kCorrupt, path + " is damaged"};
  if (got < bytes.size() || size < sizeof(std::uint64_t)) return std::unexpected(damage);
  const ByteView content = ByteView(bytes).first(size - sizeof(std::uint64_t));
  if (checksum(content, mix_seed(store.high(), store.low())) !=
      load_le<std::uint64_t>(bytes.data() + content.size()))
    return std::unexpected(damage);
  ByteReader in(content);
  if (in.get<std::uint64_t>() != kMagic) return std::unexpected(damage);
  if (in.get<std::uint32_t>() != kFormatVersion)
    return fail(Code::kUnsupported, "{} is of another format version", path);
  const auto count = in.get<std::uint32_t>();
  static_cast<void>(in.get_uuid());
  UnknownVersions unknown;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const Uuid topic = in.get_uuid();
    unknown[topic] = as_text(in.get_bytes(in.get<std::uint32_t>()));
  }
  if (!in.finished()) return std::unexpected(damage);
  return unknown;
}

Result<void> save_unknown_versions(Env& env, const std::string& index_folder, const Uuid& store,
                                   const UnknownVersions& unknown) {
  const std::string path = path_of(index_folder);
  if (unknown.empty()) {
    STELE_DO(env.remove(path));
    return env.sync_folder(index_folder);
  }
  ByteWriter out;
  out.put(kMagic);
  out.put(kFormatVersion);
  out.put(static_cast<std::uint32_t>(unknown.size()));
  out.put(store);
  for (const auto& [topic, why] : unknown) {
    out.put(topic);
    out.put(static_cast<std::uint32_t>(why.size()));
    out.put_bytes(as_bytes(why));
  }
  Bytes bytes = out.take();
  const std::uint64_t sum = checksum(bytes, mix_seed(store.high(), store.low()));
  bytes.resize(bytes.size() + sizeof sum);
  store_le(bytes.data() + bytes.size() - sizeof sum, sum);
  {
    STELE_TRY(const auto file, env.open(path + ".new", OpenMode::kCreate));
    STELE_DO(file->truncate(0));
    STELE_DO(file->write(ByteView(bytes), 0));
    STELE_DO(file->sync());
  }
  STELE_DO(env.rename(path + ".new", path));
  return env.sync_folder(index_folder);
}

}  // namespace stele::log
