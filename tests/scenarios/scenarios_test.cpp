// Every scenario of this folder's *.scenario files, over every driver. --gtest_filter=*Http* picks
// one driver, --gtest_filter='*dcb*' a file.
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/scenarios/runner.h"

namespace stele::scenarios {
namespace {

using MakeDriver = std::unique_ptr<Driver> (*)();

class ScenarioRun : public testing::Test {
public:
  ScenarioRun(const Scenario& scenario, MakeDriver make) : scenario_(scenario), make_(make) {}

  void TestBody() override {
    const std::unique_ptr<Driver> driver = make_();
    for (const std::string& problem : Runner(*driver).run(scenario_)) ADD_FAILURE() << problem;
  }

private:
  const Scenario& scenario_;
  MakeDriver make_;
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

// False: a file is not well-formed, or empty.
bool register_file(const std::filesystem::path& file) {
  struct Named {
    const char* name;
    MakeDriver make;
  };
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
  for (const Named& driver : {Named{"Embedded", embedded_driver}})
    for (const Scenario& scenario : kept.back())
      testing::RegisterTest(
          (std::string(driver.name) + "_" + file.stem().string()).c_str(),
          test_name(scenario.name).c_str(), nullptr, nullptr, file.c_str(), scenario.number,
          [&scenario, make = driver.make]() -> testing::Test* {
            return new ScenarioRun(
                scenario,
                make);  // NOLINT(cppcoreguidelines-owning-memory): GoogleTest deletes it
          });
  return true;
}

}  // namespace
}  // namespace stele::scenarios

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  bool whole = true;
  for (const auto& file : stele::scenarios::scenario_files())
    whole = stele::scenarios::register_file(file) && whole;
  return whole && RUN_ALL_TESTS() == 0 ? 0 : 1;
}
