// Every scenario of this folder's *.scenario files, over every driver. --gtest_filter='Http_*'
// picks one driver, --gtest_filter='*dcb*' a file.
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/scenarios/runner.h"

namespace stele::scenarios {
namespace {

struct Surface {
  const char* name;
  std::unique_ptr<Driver> (*make)();
  /// Only scenarios with this command; empty: all.
  std::string_view command;
};

constexpr Surface kSurfaces[] = {
    {"Embedded", embedded_driver, ""},
    {"Http", http_driver, ""},
    {"WebSocket", web_socket_driver, "subscribe"},
    {"Grpc", grpc_driver, ""},
};

class ScenarioRun : public testing::Test {
public:
  ScenarioRun(const Scenario& scenario, const Surface& surface)
      : scenario_(scenario), surface_(surface) {}

  void TestBody() override {
    const std::unique_ptr<Driver> driver = surface_.make();
    for (const std::string& problem : Runner(*driver).run(scenario_)) ADD_FAILURE() << problem;
  }

private:
  const Scenario& scenario_;
  const Surface& surface_;
};

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(STELE_SCENARIOS))
    if (entry.path().extension() == ".scenario") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

// "A stream begins" to "A_stream_begins".
std::string test_name(std::string name) {
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

void register_test(const Surface& surface, const Scenario& scenario,
                   const std::filesystem::path& file) {
  testing::RegisterTest((std::string(surface.name) + "_" + file.stem().string()).c_str(),
                        test_name(scenario.name).c_str(), nullptr, nullptr, file.c_str(),
                        scenario.number, [&scenario, &surface]() -> testing::Test* {
                          // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): GoogleTest deletes it
                          return new ScenarioRun(scenario, surface);
                        });
}

// False: a file is not well-formed, or empty.
bool register_file(const std::filesystem::path& file) {
  // Lives as long as the program: the tests refer to it.
  static std::deque<std::vector<Scenario>> kept;
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  auto parsed = parse_scenarios(text.str());
  if (!parsed || parsed->empty()) {
    std::cerr << file << ": " << (parsed ? "no scenario" : parsed.error().text()) << "\n";
    return false;
  }
  kept.push_back(*std::move(parsed));
  for (const Surface& surface : kSurfaces) {
    for (const Scenario& scenario : kept.back()) {
      if (!surface.command.empty() && !scenario.has(surface.command)) continue;
      const auto left_out = scenario.without.find(surface.name);
      if (left_out == scenario.without.end()) {
        register_test(surface, scenario, file);
      } else {
        std::cout << surface.name << " cannot say \"" << scenario.name << "\": " << left_out->second
                  << "\n";
      }
    }
  }
  return true;
}

}  // namespace
}  // namespace stele::scenarios

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  bool whole = true;
  for (const auto& file : stele::scenarios::scenario_files())
    whole = stele::scenarios::register_file(file) && whole;
  if (!whole) return 1;
  const int failed = RUN_ALL_TESTS();
  if (testing::UnitTest::GetInstance()->test_to_run_count() == 0) {
    std::cerr << "no scenario is called so\n";
    return 1;
  }
  return failed;
}
