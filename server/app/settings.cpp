#include "server/app/settings.h"

#include <algorithm>
#include <array>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>

#include "log/base/fail.h"
#include "server/core/address.h"

namespace stele::app {

namespace po = boost::program_options;

namespace {

using Set = Result<void> (*)(Settings&, std::string_view);

struct Row {
  std::string_view name;
  std::string_view kafka_name;
  std::string_view default_value;
  std::string_view documentation;
  Set set;
};

template <auto Member>
Result<void> set_text(Settings& into, std::string_view value) {
  if (value.empty()) return fail(Code::kInvalid, "is empty");
  into.*Member = value;
  return {};
}

template <auto Member>
Result<void> set_flag(Settings& into, std::string_view value) {
  if (value != "true" && value != "false") return fail(Code::kInvalid, "is not true or false");
  into.*Member = value == "true";
  return {};
}

template <auto Member, std::int64_t Least, std::int64_t Most>
Result<void> set_number(Settings& into, std::string_view value) {
  std::int64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [at, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || at != end || value.empty()) {
    return fail(Code::kInvalid, "is not a whole number");
  }
  if (number < Least || number > Most) {
    return fail(Code::kInvalid, "is not between {} and {}", Least, Most);
  }
  into.*Member = static_cast<std::remove_reference_t<decltype(into.*Member)>>(number);
  return {};
}

template <auto Member>
Result<void> set_addresses(Settings& into, std::string_view value) {
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    STELE_TRY([[maybe_unused]] const auto parsed,
              server::HostPort::parse(value.substr(at, comma - at)));
    at = comma + 1;
  }
  into.*Member = value;
  return {};
}

Result<void> set_grpc_addresses(Settings& into, std::string_view value) {
  into.grpc_listen.clear();
  return value == "none" ? Result<void>() : set_addresses<&Settings::grpc_listen>(into, value);
}

Result<void> set_advertised(Settings& into, std::string_view value) {
  if (!value.empty()) {
    STELE_TRY(const auto parsed, server::HostPort::parse(value));
    if (parsed.port == 0) return fail(Code::kInvalid, "has port 0");
  }
  into.kafka_advertised = value;
  return {};
}

/// ADDRESS:COUNT; the last colon divides them, brackets around the address are fine.
Result<void> set_override(Settings& into, std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos) return fail(Code::kInvalid, "{}: no count", entry);
  std::string_view host = entry.substr(0, colon);
  const std::string_view digits = entry.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), count);
  if (digits.empty() || error != std::errc() || end != digits.end()) {
    return fail(Code::kInvalid, "{}: the count is not a whole number", entry);
  }
  STELE_TRY(const auto found, server::resolve({std::string(host), 0}));
  for (const server::SocketAddress& address : found) {
    into.connections_per_ip_overrides[address.ip()] = count;
  }
  return {};
}

Result<void> set_overrides(Settings& into, std::string_view value) {
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t comma = std::min(value.find(',', at), value.size());
    STELE_DO(set_override(into, value.substr(at, comma - at)));
    at = comma + 1;
  }
  return {};
}

Result<void> set_flush(Settings& into, std::string_view value) {
  if (value != "adaptive" && value != "uring" && value != "thread")
    return fail(Code::kInvalid, "is not adaptive, uring or thread");
  into.flush = value;
  return {};
}

Result<void> set_replication(Settings& into, std::string_view value) {
  if (value != "strict" && value != "clamp") return fail(Code::kInvalid, "is not strict or clamp");
  into.clamp_replication = value == "clamp";
  return {};
}

Result<void> set_level(Settings& into, std::string_view value) {
  constexpr std::array kLevels = {"debug", "info", "warn", "error"};
  if (std::ranges::find(kLevels, value) == kLevels.end()) {
    return fail(Code::kInvalid, "is not one of debug, info, warn, error");
  }
  into.log_level = value;
  return {};
}

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;
constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

constexpr std::array kTable = std::to_array<Row>({
    {"data", "log.dirs", "./data", "Folder of the store; created if it is not there.",
     set_text<&Settings::data>},
    {"kafka-listen", "listeners", "localhost:9092",
     "HOST:PORT to serve the Kafka protocol on; several with commas. localhost is 127.0.0.1 and, "
     "where there is IPv6, ::1.",
     set_addresses<&Settings::kafka_listen>},
    {"kafka-advertised", "advertised.listeners", "",
     "HOST:PORT that clients are told to connect to. Empty: the address that they reached; "
     "localhost on loopback.",
     set_advertised},
    {"http-listen", "", "127.0.0.1:8092",
     "HOST:PORT for the HTTP API, metrics and health; several with commas.",
     set_addresses<&Settings::http_listen>},
    {"grpc-listen", "", "127.0.0.1:8093",
     "HOST:PORT to serve gRPC on; several with commas. none: no gRPC.", set_grpc_addresses},
    {"insecure", "", "false",
     "Allow listeners beyond loopback, although nobody has to prove who they are.",
     set_flag<&Settings::insecure>},
    {"node-id", "node.id", "1", "This broker's id in Kafka metadata.",
     set_number<&Settings::node_id, 0, kInt32Max>},
    {"auto-create-topics", "auto.create.topics.enable", "true",
     "Create a topic when a client asks for its metadata and allows it.",
     set_flag<&Settings::auto_create_topics>},
    {"default-partitions", "num.partitions", "1",
     "Partitions of topics that are created without a count.",
     set_number<&Settings::default_partitions, 1, 10'000>},
    {"connections-max", "max.connections", "10000", "Client connections at a time.",
     set_number<&Settings::connections_max, 1, 1'000'000>},
    {"connections-per-ip-max", "max.connections.per.ip", "1000",
     "Client connections at a time from one address.",
     set_number<&Settings::connections_per_ip_max, 1, 1'000'000>},
    {"connections-per-ip-overrides", "max.connections.per.ip.overrides", "",
     "ADDRESS:COUNT, several with commas: limits of their own for these addresses.", set_overrides},
    {"connection-rate-max", "max.connection.creation.rate", "2147483647",
     "Connections accepted in a second; those that come faster wait in the system's queue.",
     set_number<&Settings::connection_rate_max, 1, kInt32Max>},
    {"fetch-sessions-max", "max.incremental.fetch.session.cache.slots", "1000",
     "Fetch sessions kept at a time; 0: none.",
     set_number<&Settings::fetch_sessions_max, 0, 1'000'000>},
    {"quota-samples", "quota.window.num", "11",
     "Samples that a rate is measured over for quotas, the one under way included.",
     set_number<&Settings::quota_samples, 2, 1000>},
    {"quota-sample-seconds", "quota.window.size.seconds", "1", "Length of one such sample.",
     set_number<&Settings::quota_sample_seconds, 1, 3600>},
    {"request-bytes-max", "socket.request.max.bytes", "104857600",
     "Largest Kafka request; a connection that declares more is closed.",
     set_number<&Settings::request_bytes_max, 64 * 1024, kGiB>},
    {"fetch-bytes-max", "fetch.max.bytes", "4194304",
     "Largest answer to a fetch, but for a single batch that is larger.",
     set_number<&Settings::fetch_bytes_max, 64 * 1024, kGiB>},
    {"memory-bytes-max", "queued.max.request.bytes", "268435456",
     "Requests and answers in memory; at the limit no more is read from clients.",
     set_number<&Settings::memory_bytes_max, 16 * kMiB, 1024 * kGiB>},
    {"idle-ms-max", "connections.max.idle.ms", "600000",
     "A connection without traffic is closed after so long.",
     set_number<&Settings::idle_ms_max, 1000, kInt32Max>},
    {"http-connections-max", "", "2048", "HTTP connections at a time; the same from one address.",
     set_number<&Settings::http_connections_max, 1, 1'000'000>},
    {"http-body-bytes-max", "", "8388608",
     "Largest body of an HTTP request (413), but for NDJSON, which is appended as it arrives.",
     set_number<&Settings::http_body_bytes_max, 1024, kGiB>},
    {"http-request-ms-max", "", "10000",
     "An HTTP request has to arrive within this, first to last byte; NDJSON a KiB of it.",
     set_number<&Settings::http_request_ms_max, 100, kInt32Max>},
    {"http-idle-ms-max", "", "60000",
     "An HTTP connection is closed that asks nothing, or takes nothing of its answer, for so long.",
     set_number<&Settings::http_idle_ms_max, 1000, kInt32Max>},
    {"http-followers-max", "", "1024", "Who follows over SSE or WebSocket at a time (503).",
     set_number<&Settings::http_followers_max, 1, 1'000'000>},
    {"replication", "", "strict",
     "strict: creating a topic with more than one replica fails, as on one Kafka broker. clamp: it "
     "gets one (Connect asks for 3 by default).",
     set_replication},
    {"journal-bytes-max", "", "268435456",
     "The journal grows up to here; one append takes at most 4 MiB of it.",
     set_number<&Settings::journal_bytes_max, 16 * kMiB, 16 * kGiB>},
    {"queued-bytes-max", "", "67108864",
     "Appends that wait for the disk; beyond it they are refused, to be retried.",
     set_number<&Settings::queued_bytes_max, kMiB, 16 * kGiB>},
    {"group-initial-delay-ms", "group.initial.rebalance.delay.ms", "3000",
     "How long the first member of an empty group waits for others before the first rebalance.",
     set_number<&Settings::group_initial_delay_ms, 0, kInt32Max>},
    {"group-session-ms-min", "group.min.session.timeout.ms", "6000",
     "Shortest session timeout that a group's member may ask for.",
     set_number<&Settings::group_session_ms_min, 1, kInt32Max>},
    {"group-session-ms-max", "group.max.session.timeout.ms", "1800000",
     "Longest session timeout that a group's member may ask for.",
     set_number<&Settings::group_session_ms_max, 1, kInt32Max>},
    {"group-members-max", "group.max.size", "10000", "Members of one group.",
     set_number<&Settings::group_members_max, 1, 1'000'000>},
    {"offsets-partitions", "offsets.topic.num.partitions", "50",
     "Partitions of __consumer_offsets, when it is made.",
     set_number<&Settings::offsets_partitions, 1, 10'000>},
    {"offsets-retention-minutes", "offsets.retention.minutes", "10080",
     "Committed offsets are kept so long after their group was last in use.",
     set_number<&Settings::offsets_retention_minutes, 1, kInt32Max>},
    {"offsets-retention-check-ms", "offsets.retention.check.interval.ms", "600000",
     "How often offsets that are past their retention are looked for.",
     set_number<&Settings::offsets_retention_check_ms, 1, kInt32Max>},
    {"offset-metadata-bytes-max", "offset.metadata.max.bytes", "4096",
     "Text that a client may keep beside a committed offset.",
     set_number<&Settings::offset_metadata_bytes_max, 0, 32'767>},
    {"compaction-memory-bytes", "log.cleaner.dedupe.buffer.size", "134217728",
     "Memory for the keys of one compaction, 16 bytes each; more keys take several runs.",
     set_number<&Settings::compaction_memory_bytes, kMiB, 64 * kGiB>},
    {"compaction-bytes-per-second-max", "log.cleaner.io.max.bytes.per.second", "0",
     "What compaction reads and writes a second at most; 0: no limit.",
     set_number<&Settings::compaction_bytes_per_second_max, 0, 1024 * kGiB>},
    {"compaction-interval-ms", "log.cleaner.backoff.ms", "15000",
     "How often it is looked for what is to be compacted.",
     set_number<&Settings::compaction_interval_ms, 0, kInt32Max>},
    {"flush", "", "adaptive",
     "How the journal reaches the disk: uring; thread; or adaptive: small writes at once while the "
     "disk is quick, the rest by uring. Where the kernel refuses uring, thread.",
     set_flush},
    {"direct", "", "true", "Write the journal past the page cache (O_DIRECT) where that works.",
     set_flag<&Settings::direct>},
    {"log-level", "", "info", "debug, info, warn or error.", set_level},
});

struct Given {
  std::string value;
  Source source;
};
using GivenValues = std::map<std::string, Given, std::less<>>;

po::options_description described_settings() {
  po::options_description described;
  for (const Row& row : kTable) {
    auto* value = po::value<std::string>();
    if (row.default_value == "true" || row.default_value == "false") value->implicit_value("true");
    described.add_options()(std::string(row.name).c_str(), value);
  }
  return described;
}

void take(GivenValues& into, const po::parsed_options& parsed, Source source) {
  for (const auto& option : parsed.options) {
    const std::string value = option.value.empty() ? "true" : option.value.back();
    const auto at = into.find(option.string_key);
    if (at != into.end() && at->second.source > source) continue;
    into.insert_or_assign(option.string_key, Given{value, source});
  }
}

std::string variable_name(std::string_view setting) {
  std::string name = "STELE_";
  for (const char c : setting) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

void take_variables(GivenValues& into, const char* const* variables) {
  for (; variables != nullptr && *variables != nullptr; ++variables) {
    const std::string_view entry = *variables;
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || !entry.starts_with("STELE_")) continue;
    for (const Row& row : kTable) {
      const auto at = into.find(row.name);
      const bool overridden = at != into.end() && at->second.source > Source::kVariable;
      if (overridden || variable_name(row.name) != entry.substr(0, equals)) continue;
      into.insert_or_assign(std::string(row.name),
                            Given{std::string(entry.substr(equals + 1)), Source::kVariable});
    }
  }
}

Result<void> take_file(GivenValues& into, const std::string& path) {
  std::ifstream file(path);
  if (!file || std::filesystem::is_directory(path)) {
    return fail(Code::kInvalid, "--config {}: cannot be read", path);
  }
  try {
    take(into, po::parse_config_file(file, described_settings()), Source::kFile);
  } catch (const po::error& error) {
    return fail(Code::kInvalid, "--config {}: {}", path, error.what());
  }
  return {};
}

Result<ParsedSettings> in_force(const GivenValues& given) {
  ParsedSettings parsed;
  for (const Row& row : kTable) {
    const auto at = given.find(row.name);
    const Given value =
        at == given.end() ? Given{std::string(row.default_value), Source::kDefault} : at->second;
    if (auto set = row.set(parsed.settings, value.value); !set) {
      return fail(Code::kInvalid, "{}={} (from {}): {}", row.name, value.value, name(value.source),
                  set.error().detail);
    }
    parsed.in_force.push_back({row.name, row.kafka_name, row.default_value, row.documentation,
                               value.value, value.source});
  }
  return parsed;
}

}  // namespace

std::string_view name(Source source) {
  switch (source) {
    case Source::kDefault:
      return "default";
    case Source::kFile:
      return "file";
    case Source::kVariable:
      return "variable";
    case Source::kFlag:
      return "flag";
  }
  return "";
}

Result<ParsedSettings> parse_settings(std::span<const char* const> arguments,
                                      const char* const* variables) {
  po::options_description described = described_settings();
  described.add_options()("config", po::value<std::string>())("help,h", "")("version", "")(
      "print-config", "");
  GivenValues given;
  try {
    const std::vector<std::string> words(arguments.begin(), arguments.end());
    take(given,
         po::command_line_parser(words)
             .options(described)
             .positional(po::positional_options_description())
             .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
             .run(),
         Source::kFlag);
  } catch (const po::error& error) {
    return fail(Code::kInvalid, "{}; see --help", error.what());
  }
  const auto given_flag = [&](std::string_view flag) { return given.contains(flag); };
  take_variables(given, variables);
  if (given_flag("config")) STELE_DO(take_file(given, given.find("config")->second.value));
  STELE_TRY(ParsedSettings parsed, in_force(given));
  using enum ParsedSettings::Action;
  parsed.action = given_flag("help")           ? kHelp
                  : given_flag("version")      ? kVersion
                  : given_flag("print-config") ? kPrintConfig
                                               : kRun;
  return parsed;
}

std::string help_text() {
  std::string text =
      "steled: the Stele event store. Speaks the Kafka protocol, keeps every event durably.\n\n"
      "  steled [--data FOLDER] [--kafka-listen HOST:PORT] …\n\n"
      "Each setting is a flag (--node-id 3), a variable (STELE_NODE_ID=3) or a line of the INI "
      "file\n"
      "given with --config (node-id = 3); the first of these wins.\n\n";
  for (const Row& row : kTable) {
    text += fmt::format("  --{} (default {})\n      {}\n", row.name,
                        row.default_value.empty() ? "empty" : row.default_value, row.documentation);
  }
  text +=
      "\n  --config FILE     read settings from an INI file\n"
      "  --print-config    print every setting, its value and where it came from\n"
      "  --version         print the version\n"
      "  --help            print this\n\n"
      "SIGTERM and SIGINT: stop accepting, answer what is in flight, close the store. Exit codes:\n"
      "0 stopped, 1 could not start, 2 wrong usage, 74 the disk failed while running.\n";
  return text;
}

std::string config_text(std::span<const SettingInForce> in_force) {
  std::string text;
  for (const SettingInForce& setting : in_force) {
    text += fmt::format("{} = {}  # {}\n", setting.name, setting.value, name(setting.source));
  }
  return text;
}

}  // namespace stele::app
