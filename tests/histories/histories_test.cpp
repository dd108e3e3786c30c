// Concurrent clients of one event store, over restarts without a clean stop: every answer is
// explained by one order. STELE_COUNT: calls in all; STELE_SEED replays the choices.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

#include "tests/histories/history.h"
#include "tests/scenarios/temp_folder.h"
#ifdef STELE_PLANTED
#include "tests/crash/planted.h"
#endif

namespace stele::histories {
namespace {

constexpr int kClients = 8;
constexpr int kRounds = 8;
constexpr int kStreams = 4;  // of a round: few, so that clients get in each other's way
constexpr const char* kTopic = "t";

std::int64_t from_environment(const char* name, std::int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

/// One client: decides on what it has seen last, as services do.
class Client {
public:
  Client(log::EventStore& events, History& history, int round, int number, std::uint64_t seed)
      : events_(events),
        history_(history),
        name_(fmt::format("{}-{}", round, number)),
        round_(round),
        random_(seed) {}

  void run(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto choice = random_() % 10;
      if (choice < 3) {
        read(stream());
      } else if (choice < 7) {
        append_expecting(random_() % 4 == 0);
      } else {
        append_on_condition();
      }
    }
  }

private:
  std::string stream() { return fmt::format("s-{}-{}", round_, random_() % kStreams); }
  std::string tag() { return fmt::format("g-{}-{}", round_, random_() % kStreams); }

  log::TopicEvent event(std::string stream) {
    log::TopicEvent made{.topic = kTopic, .event = {}};
    made.event.stream = std::move(stream);
    made.event.id = fmt::format("{}-{}", name_, ++made_);
    made.event.type = "Happened";
    made.event.tags = {tag()};
    return made;
  }

  void expect(log::EventAppend& append, const std::string& stream) {
    const auto seen = seen_.find(stream);
    append.expectations.push_back({.stream = {kTopic, stream},
                                   .expected = seen == seen_.end()
                                                   ? log::ExpectedVersion::no_stream()
                                                   : log::ExpectedVersion::exact(seen->second)});
  }

  void append_expecting(bool another) {
    log::EventAppend append;
    const std::string first = stream();
    append.events.push_back(event(first));
    if (random_() % 4 == 0) append.events.push_back(event(first));
    expect(append, first);
    const std::string second = stream();
    if (another && second != first) {
      append.events.push_back(event(second));
      expect(append, second);
    }
    call(std::move(append));
  }

  void append_on_condition() {
    log::EventAppend append;
    append.events.push_back(event(stream()));
    const std::string watched = append.events[0].event.tags[0];
    append.conditions.push_back(
        {.fail_if_events_match = {{{.types = {}, .tags = {watched}, .topics = {}}}},
         .after = conflict_[watched]});
    call(std::move(append));
  }

  void call(log::EventAppend append) {
    Call made{.began = history_.now(), .append = append, .result = {}, .stream = {}, .ids = {}};
    made.result = events_.append(append);
    made.ended = history_.now();
    learn(append, *made.result);
    history_.add(std::move(made));
  }

  void learn(const log::EventAppend& append, const log::EventAppendResult& result) {
    if (result) {
      for (std::size_t i = 0; i < append.events.size(); ++i) {
        const log::NewEvent& event = append.events[i].event;
        seen_[*event.stream] = *result->events[i].version;
        conflict_[event.tags[0]] = result->events[i].position;
      }
      return;
    }
    for (const auto& one : result.error().expectations)
      if (one.actual) seen_[one.stream.stream] = *one.actual;
    for (const auto& one : result.error().conditions)
      conflict_[append.conditions[one.index].fail_if_events_match.items[0].tags[0]] = one.conflict;
  }

  void read(const std::string& stream) {
    Call made{.began = history_.now(), .append = {}, .result = {}, .stream = stream, .ids = {}};
    log::ReadRequest request{.select = log::StreamSelection{kTopic, stream}};
    request.events_max = 100'000;
    request.bytes_max = 64 << 20;
    const auto page = events_.read(request);
    made.ended = history_.now();
    if (!page) {
      EXPECT_EQ(page.error().code, Code::kNotFound) << page.error().text();
    } else {
      EXPECT_TRUE(page->end);
      for (const auto& one : page->events) made.ids.push_back(one.id);
      if (page->last_version) seen_[stream] = *page->last_version;
    }
    history_.add(std::move(made));
  }

  log::EventStore& events_;
  History& history_;
  std::string name_;
  int round_;
  std::mt19937_64 random_;
  int made_ = 0;
  std::map<std::string, Version> seen_;
  std::map<std::string, std::optional<Position>> conflict_;  ///< by tag: the newest it knows of
};

std::vector<log::RecordedEvent> everything(log::EventStore& events) {
  std::vector<log::RecordedEvent> all;
  log::ReadRequest request{.select = log::TopicSelection{kTopic}};
  request.versions = true;
  auto cursor = events.open(request);
  EXPECT_TRUE(cursor.has_value());
  for (bool end = !cursor; !end;) {
    auto page = (*cursor)->next();
    EXPECT_TRUE(page.has_value()) << page.error().text();
    if (!page) break;
    std::ranges::move(page->events, std::back_inserter(all));
    end = page->end;
  }
  return all;
}

/// Runs the clients; the fault that the check finds.
std::string run(std::int64_t count) {
  const scenarios::TempFolder folder;
  History history;
  std::vector<log::RecordedEvent> log;
  const auto seed = static_cast<std::uint64_t>(from_environment("STELE_SEED", 1));
  for (int round = 0; round <= kRounds; ++round) {
    // Dropped without close(): what a kill leaves behind.
    auto store = log::Store::open(folder.path());
    if (!store) return store.error().text();
    log::EventStore events(**store);
    if (round == 0) {
      const auto made = (*store)->create_topic({.name = kTopic, .partition_count = 3});
      if (!made) return made.error().text();
    }
    if (round == kRounds) {
      log = everything(events);
      break;
    }
    std::vector<std::jthread> clients;
    for (int number = 0; number < kClients; ++number)
      clients.emplace_back([&, number] {
        Client(events, history, round, number,
               seed * 1000 + static_cast<std::uint64_t>(round * kClients + number))
            .run(count / kRounds / kClients);
      });
  }
  std::cout << "histories calls=" << history.size() << " events=" << log.size() << "\n";
  return history.check(log);
}

#ifdef STELE_PLANTED

TEST(Histories, CatchExpectationsThatAreNotChecked) {
  EXPECT_EQ(run(2000), "") << "not clean without the bug";
  const crash::Planted bug(Plant::kSkipExpectations);
  EXPECT_NE(run(2000), "") << "nothing noticed";
}

#else

TEST(Histories, OneOrderExplainsEveryAnswer) {
  EXPECT_EQ(run(from_environment("STELE_COUNT", 100'000)), "");
}

#endif

}  // namespace
}  // namespace stele::histories
