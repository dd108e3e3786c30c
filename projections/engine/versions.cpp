#include "projections/engine/versions.h"

#include <algorithm>
#include <charconv>

#include "log/base/byte_stream.h"
#include "log/base/checksum.h"
#include "log/base/fail.h"

namespace stele::projections {
namespace {

constexpr std::size_t kHeadBytes = 16;
constexpr std::uint64_t kSealedBytesMax = 16 << 20;  // definitions are kilobytes

Result<Bytes> read_file(Env& env, const std::string& path) {
  STELE_TRY(const auto file, env.open(path, OpenMode::kRead));
  STELE_TRY(const std::uint64_t size, file->size());
  if (size > kSealedBytesMax) return fail(Code::kCorrupt, "{}: {} bytes is too long", path, size);
  Bytes bytes(size);
  STELE_TRY(const std::size_t count, file->read(bytes, 0));
  bytes.resize(count);
  return bytes;
}

Result<Bytes> read_sealed(Env& env, const std::string& path, std::uint64_t magic) {
  STELE_TRY(const Bytes file, read_file(env, path));
  auto payload = unseal(magic, file);
  if (!payload) return at(path, std::move(payload).error());
  return payload;
}

Result<void> write_sealed(Env& env, const std::string& folder, const std::string& name,
                          std::uint64_t magic, ByteView payload) {
  const std::string path = folder + "/" + name;
  // Instances that share the folder may write it at the same time, all of them the same.
  const std::string beside = fmt::format("{}.{:016x}.new", path, env.random());
  {
    STELE_TRY(const auto file, env.open(beside, OpenMode::kCreateFresh));
    const Bytes bytes = seal(magic, payload);
    STELE_DO(file->write(bytes, 0));
    STELE_DO(file->sync());
  }
  STELE_DO(env.rename(beside, path));
  if (auto synced = env.sync_folder(folder); !synced) {
    return fail(Code::kOutcomeUnknown, "{} may or may not be replaced: {}", path,
                synced.error().text());
  }
  return {};
}

/// Fine if it is not there.
Result<void> remove_tree(Env& env, const std::string& path) {
  const auto entries = env.list(path);
  if (!entries) {
    if (entries.error().code == Code::kNotFound) return {};
    return std::unexpected(entries.error());
  }
  for (const FolderEntry& entry : *entries) {
    const std::string child = path + "/" + entry.name;
    if (entry.is_folder) {
      STELE_DO(remove_tree(env, child));
    } else {
      STELE_DO(env.remove(child));
    }
  }
  return env.remove(path);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void append_missing(std::string& to, char sign, const std::vector<std::string_view>& lines,
                    const std::vector<std::string_view>& others) {
  for (const std::string_view line : lines) {
    if (std::ranges::count(lines, line) == std::ranges::count(others, line)) continue;
    to += fmt::format("\n  {} {}", sign, line);
  }
}

}  // namespace

std::string version_name(std::uint32_t version) {
  return fmt::format("v{}", version);
}

std::string task_name(std::int32_t task) {
  return task < 0 ? "all" : fmt::format("p{}", task);
}

std::string differing_lines(std::string_view was, std::string_view is) {
  const auto before = lines_of(was);
  const auto after = lines_of(is);
  std::string text;
  append_missing(text, '-', before, after);
  append_missing(text, '+', after, before);
  return text;
}

Bytes seal(std::uint64_t magic, ByteView payload) {
  ByteWriter out;
  out.put(magic);
  out.put(kSealedFormat);
  out.put(static_cast<std::uint32_t>(payload.size()));
  out.put_bytes(payload);
  Bytes bytes = out.take();
  const std::uint64_t sum = checksum(bytes, magic);
  bytes.resize(bytes.size() + sizeof sum);
  store_le(bytes.data() + bytes.size() - sizeof sum, sum);
  return bytes;
}

Result<Bytes> unseal(std::uint64_t magic, ByteView file) {
  constexpr std::size_t kSumBytes = sizeof(std::uint64_t);
  if (file.size() < kHeadBytes + kSumBytes) return fail(Code::kCorrupt, "the file is cut off");
  ByteReader in(file);
  if (in.get<std::uint64_t>() != magic) return fail(Code::kCorrupt, "the file is of another kind");
  const ByteView summed = file.first(file.size() - kSumBytes);
  if (checksum(summed, magic) != load_le<std::uint64_t>(summed.data() + summed.size())) {
    return fail(Code::kCorrupt, "the checksum does not hold");
  }
  if (const auto format = in.get<std::uint32_t>(); format != kSealedFormat) {
    return fail(Code::kUnsupported, "format {} is of a newer version of this library", format);
  }
  const auto length = in.get<std::uint32_t>();
  const ByteView payload = in.get_bytes(length);
  if (!in.ok() || kHeadBytes + length != summed.size()) {
    return fail(Code::kCorrupt, "the length does not hold");
  }
  return Bytes(payload.begin(), payload.end());
}

VersionFolders::VersionFolders(std::string folder, std::string name, Env& env)
    : path_(std::move(folder) + "/" + std::move(name)), env_(env) {}

std::string VersionFolders::version_path(std::uint32_t version) const {
  return path_ + "/" + version_name(version);
}

std::string VersionFolders::task_path(std::uint32_t version, std::int32_t task) const {
  return version_path(version) + "/" + task_name(task);
}

Result<std::optional<LiveRecord>> VersionFolders::read_live() const {
  const auto payload = read_sealed(env_, path_ + "/live", kLiveMagic);
  if (!payload) {
    if (payload.error().code == Code::kNotFound) return std::nullopt;
    return std::unexpected(payload.error());
  }
  ByteReader in(*payload);
  LiveRecord record;
  record.version = in.get<std::uint32_t>();
  record.previous = in.get<std::uint32_t>();
  record.highest = in.get<std::uint32_t>();
  if (!in.ok()) return fail(Code::kCorrupt, "{}/live: cut off", path_);
  ByteView rest = ByteView(*payload).subspan(3 * sizeof(std::uint32_t));
  STELE_TRY(record.effects_from, Checkpoint::decode(rest));
  return record;
}

Result<void> VersionFolders::write_live(const LiveRecord& record) {
  ByteWriter out;
  out.put(record.version);
  out.put(record.previous);
  out.put(record.highest);
  Bytes payload = out.take();
  record.effects_from.encode(payload);
  return write_sealed(env_, path_, "live", kLiveMagic, payload);
}

Result<void> VersionFolders::claim(const Definition& definition) {
  const std::string folder = version_path(definition.version);
  const auto was = read_sealed(env_, folder + "/definition", kDefinitionMagic);
  const std::string described = definition.described();
  if (!was && was.error().code != Code::kNotFound) return std::unexpected(was.error());
  if (!was) {
    STELE_DO(env_.make_folder(folder));
    STELE_DO(env_.sync_folder(path_));
    ByteWriter out;
    out.put(definition.fingerprint());
    out.put_bytes(as_bytes(described));
    return write_sealed(env_, folder, "definition", kDefinitionMagic, out.take());
  }
  if (was->size() < sizeof(std::uint64_t)) {
    return fail(Code::kCorrupt, "{}/definition: cut off", folder);
  }
  if (load_le<std::uint64_t>(was->data()) == definition.fingerprint()) return {};
  const std::string_view before = as_text(ByteView(*was).subspan(sizeof(std::uint64_t)));
  return fail(
      Code::kInvalid,
      "projection {}: its definition has changed, but its version is still {}:{}\nraise "
      "the version to {}, and it is built anew beside the old one (or take the change back)",
      definition.name, definition.version, differing_lines(before, described),
      definition.version + 1);
}

Result<std::vector<std::uint32_t>> VersionFolders::versions() const {
  std::vector<std::uint32_t> found;
  const auto entries = env_.list(path_);
  if (!entries) {
    if (entries.error().code == Code::kNotFound) return found;
    return std::unexpected(entries.error());
  }
  for (const FolderEntry& entry : *entries) {
    std::uint32_t version = 0;
    const char* const end = entry.name.data() + entry.name.size();
    if (!entry.is_folder || !entry.name.starts_with('v')) continue;
    const auto parsed = std::from_chars(entry.name.data() + 1, end, version);
    if (parsed.ec == std::errc{} && parsed.ptr == end) found.push_back(version);
  }
  std::ranges::sort(found);
  return found;
}

Result<void> VersionFolders::remove(std::uint32_t version) {
  const std::string folder = version_path(version);
  const auto entries = env_.list(folder);
  if (!entries) {
    if (entries.error().code == Code::kNotFound) return {};
    return std::unexpected(entries.error());
  }
  for (const FolderEntry& entry : *entries) {
    if (!entry.is_folder) continue;
    const std::string task = folder + "/" + entry.name;
    STELE_TRY(auto lock, env_.lock(task));
    lock.reset();
    STELE_DO(remove_tree(env_, task));
  }
  STELE_DO(env_.sync_folder(folder));
  STELE_DO(remove_tree(env_, folder));
  return env_.sync_folder(path_);
}

}  // namespace stele::projections
