#include "tests/scenarios/scenario.h"

#include <algorithm>
#include <charconv>

#include "log/base/fail.h"

namespace stele::scenarios {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (true) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

Result<void> add_line(std::vector<Scenario>& scenarios, Line line, bool indented) {
  if (line.words[0] == "scenario") {
    const int number = line.number;
    line.words.erase(line.words.begin());
    scenarios.push_back({.name = line.text(), .number = number, .without = {}, .steps = {}});
    return {};
  }
  if (scenarios.empty()) return fail(Code::kInvalid, "line {}: no scenario yet", line.number);
  auto& steps = scenarios.back().steps;
  if (line.words[0] == "without") {
    if (indented || !steps.empty() || line.words.size() < 3)
      return fail(Code::kInvalid, "line {}: not a surface and the reason", line.number);
    std::string surface = line.words[1];
    line.words.erase(line.words.begin(), line.words.begin() + 2);
    scenarios.back().without.emplace(std::move(surface), line.text());
    return {};
  }
  if (!indented) {
    steps.push_back({.command = std::move(line), .parts = {}, .expected = {}});
    return {};
  }
  if (steps.empty()) return fail(Code::kInvalid, "line {}: no command yet", line.number);
  if (line.words[0] != "=>") {
    steps.back().parts.push_back(std::move(line));
    return {};
  }
  line.words.erase(line.words.begin());
  steps.back().expected.push_back(std::move(line));
  return {};
}

}  // namespace

std::string Line::text() const {
  return fmt::format("{}", fmt::join(words, " "));
}

bool Scenario::has(std::string_view what) const {
  return std::ranges::any_of(steps, [&](const Step& step) { return step.command.word(0) == what; });
}

Result<std::vector<Scenario>> parse_scenarios(std::string_view text) {
  std::vector<Scenario> scenarios;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    const bool indented = line[0] == ' ';
    STELE_DO(add_line(scenarios, {.number = number, .words = std::move(words)}, indented));
  }
  for (const Scenario& one : scenarios) {
    bool expects = false;
    for (const Step& step : one.steps) expects = expects || !step.expected.empty();
    if (!expects) return fail(Code::kInvalid, "line {}: it expects nothing", one.number);
  }
  return scenarios;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const char* begin = text.data() + i + 1;
    const char* end = text.data() + std::min(i + 3, text.size());
    const auto read = std::from_chars(begin, end, value, 16);
    if (read.ec != std::errc() || read.ptr != begin + 2)
      return fail(Code::kInvalid, "'{}' has a stray %", text);
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

Result<std::vector<std::string>> list_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    STELE_TRY(std::string part, percent_decoded(text.substr(0, end)));
    parts.push_back(std::move(part));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace stele::scenarios
