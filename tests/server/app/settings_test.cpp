// Where settings come from, and what is said of wrong ones. The HTTP answers beside them.
#include "server/app/settings.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <initializer_list>

namespace stele::app {
namespace {

Result<ParsedSettings> parse(std::initializer_list<const char*> arguments,
                             std::initializer_list<const char*> variables = {}) {
  std::vector<const char*> environment(variables);
  environment.push_back(nullptr);
  const std::vector<const char*> words(arguments);
  return parse_settings(words, environment.data());
}

Source source_of(const ParsedSettings& parsed, std::string_view name) {
  for (const SettingInForce& setting : parsed.in_force) {
    if (setting.name == name) return setting.source;
  }
  ADD_FAILURE() << name;
  return Source::kDefault;
}

TEST(Settings, DefaultsAreLoopback) {
  const auto parsed = parse({}).value();
  EXPECT_EQ(parsed.settings.kafka_listen, "localhost:9092");
  EXPECT_EQ(parsed.settings.http_listen, "127.0.0.1:8092");
  EXPECT_FALSE(parsed.settings.insecure);
  EXPECT_EQ(parsed.settings.memory_bytes_max, 256 << 20);
}

TEST(Settings, FlagBeforeVariableBeforeFileBeforeDefault) {
  const std::string path = ::testing::TempDir() + "steled_settings.ini";
  std::ofstream(path) << "node-id = 2\ndata = /file\nlog-level = warn\n";
  const auto parsed = parse({"--config", path.c_str(), "--node-id", "4"},
                            {"STELE_NODE_ID=3", "STELE_DATA=/variable", "STELE_OTHER=1", "X=1"})
                          .value();
  EXPECT_EQ(parsed.settings.node_id, 4);
  EXPECT_EQ(parsed.settings.data, "/variable");
  EXPECT_EQ(parsed.settings.log_level, "warn");
  EXPECT_EQ(source_of(parsed, "node-id"), Source::kFlag);
  EXPECT_EQ(source_of(parsed, "data"), Source::kVariable);
  EXPECT_EQ(source_of(parsed, "log-level"), Source::kFile);
  EXPECT_EQ(source_of(parsed, "flush"), Source::kDefault);
  const std::string text = config_text(parsed.in_force);
  EXPECT_NE(text.find("node-id = 4  # flag\n"), std::string::npos);
  EXPECT_NE(text.find("data = /variable  # variable\n"), std::string::npos);
  std::remove(path.c_str());
}

TEST(Settings, LimitsOfHttpAreKeptWithinReason) {
  const Settings defaults = parse({}).value().settings;
  EXPECT_EQ(defaults.http_connections_max, 2048);
  EXPECT_EQ(defaults.http_body_bytes_max, 8 << 20);
  EXPECT_EQ(defaults.http_request_ms_max, 10'000);
  EXPECT_EQ(defaults.http_idle_ms_max, 60'000);
  EXPECT_EQ(defaults.http_followers_max, 1024);
  const Settings given = parse({"--http-body-bytes-max", "1024", "--http-idle-ms-max", "1000"},
                               {"STELE_HTTP_FOLLOWERS_MAX=1", "STELE_HTTP_REQUEST_MS_MAX=100"})
                             .value()
                             .settings;
  EXPECT_EQ(given.http_body_bytes_max, 1024);
  EXPECT_EQ(given.http_idle_ms_max, 1000);
  EXPECT_EQ(given.http_followers_max, 1);
  EXPECT_EQ(given.http_request_ms_max, 100);
  for (const char* setting :
       {"--http-connections-max=0", "--http-body-bytes-max=1023", "--http-request-ms-max=99",
        "--http-idle-ms-max=999", "--http-followers-max=0", "--http-followers-max=many"}) {
    EXPECT_FALSE(parse({setting}).has_value()) << setting;
  }
}

TEST(Settings, AddressesMayHaveLimitsOfTheirOwn) {
  const auto parsed =
      parse({"--connections-per-ip-overrides", "127.0.0.1:20,[::1]:0,10.0.0.7:3"}).value();
  const auto& overrides = parsed.settings.connections_per_ip_overrides;
  EXPECT_EQ(overrides.size(), 3U);
  EXPECT_EQ(overrides.at("127.0.0.1"), 20U);
  EXPECT_EQ(overrides.at("::1"), 0U);
  for (const char* wrong :
       {"127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:-1", ",", ":3,:"}) {
    EXPECT_FALSE(parse({"--connections-per-ip-overrides", wrong})) << wrong;
  }
}

TEST(Settings, WrongValuesAreNamedWithTheirSource) {
  struct Case {
    std::vector<const char*> arguments;
    const char* says;
  };
  for (const Case& c :
       {Case{{"--node-id", "x"}, "node-id=x (from flag)"},
        Case{{"--node-id", "-1"}, "node-id=-1 (from flag)"},
        Case{{"--flush", "never"}, "flush=never"},
        Case{{"--kafka-listen", "here"}, "kafka-listen=here"},
        Case{{"--kafka-advertised", "h:0"}, "kafka-advertised=h:0"},
        Case{{"--log-level", "loud"}, "log-level=loud"},
        Case{{"--replication", "3"}, "replication=3"}, Case{{"--no-such"}, "no-such"},
        Case{{"stray"}, "see --help"}, Case{{"--config", "/no/such/file"}, "/no/such/file"}}) {
    const std::vector<const char*> words(c.arguments);
    const char* const none[] = {nullptr};
    const auto parsed = parse_settings(words, none);
    ASSERT_FALSE(parsed) << c.says;
    EXPECT_NE(parsed.error().detail.find(c.says), std::string::npos) << parsed.error().detail;
  }
  EXPECT_NE(parse({}, {"STELE_NODE_ID=z"}).error().detail.find("(from variable)"),
            std::string::npos);
}

TEST(Settings, HelpNamesEverySetting) {
  const std::string help = help_text();
  for (const SettingInForce& setting : parse({})->in_force) {
    EXPECT_NE(help.find("--" + std::string(setting.name) + " "), std::string::npos);
    EXPECT_GT(setting.documentation.size(), 10U);
  }
}

}  // namespace
}  // namespace stele::app
