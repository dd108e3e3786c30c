// Runs scenarios against a driver and says what differs.
//
// Besides what a scenario expects, always: the positions of an append follow each other; an event
// stands, wherever it is read, where the append said, with the version it said; reads are in order.
// Thread: the test's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/scenarios/driver.h"
#include "tests/scenarios/requests.h"

namespace stele::scenarios {

class Runner {
public:
  explicit Runner(Driver& driver) : driver_(driver) {}

  /// What differs, a line each, with the number of the scenario's line; stops at the first step
  /// that differs. Empty: nothing.
  std::vector<std::string> run(const Scenario& scenario);

private:
  void run(const Step& step);
  void topic(const Step& step);
  void append(const Step& step);
  void read(const Step& step);
  void stream(const Step& step);
  void limits(const Step& step);
  void tombstone(const Step& step);
  void subscribe(const Step& step);
  void next(const Step& step);
  void open_subscription(const std::string& name, log::ReadRequest request);
  void wait_for_pushed(const Step& step);

  void remember(const log::EventAppend& append, const log::AppendedEvents& appended);
  void check_events(const log::ReadRequest& request, const std::vector<log::RecordedEvent>& events);
  [[nodiscard]] std::vector<std::string> told(const log::AppendedEvents& appended) const;
  [[nodiscard]] std::vector<std::string> told(const log::AppendRefusal& refusal) const;
  [[nodiscard]] std::string ids_of(const std::vector<log::RecordedEvent>& events) const;
  /// What the expected line says, as it is in the page.
  [[nodiscard]] std::string told(const Line& wanted, const log::ReadPage& page) const;

  void compare(const Step& step, const std::vector<std::string>& got);
  void compare_ok(const Step& step, const Result<void>& got);
  void differs(int number, const std::string& what);

  struct Following {
    log::ReadRequest request;
    std::string token;  ///< the newest that was told
    std::unique_ptr<Subscription> subscription;
    std::vector<log::RecordedEvent> events;  ///< come, but not expected yet
    bool caught_up = false;
    Position last = Position(-1);
  };

  Driver& driver_;
  Known known_;
  std::map<Position, log::AppendedEvent> appended_;
  std::map<std::string, Following> following_;
  std::vector<std::string> problems_;
};

}  // namespace stele::scenarios
