// What an engine tells: metrics, progress, pictures.
#include <cstdio>

#include "projections/engine/picture.h"
#include "projections/engine/picture_layout.h"
#include "tests/projections/engine/engine_fixture.h"

namespace stele::projections {
namespace {

TaskStatus behind() {
  TaskStatus task{.projection = "accounts", .version = 2, .role = VersionRole::kBuilding};
  task.task = "all";
  task.flow.state = FlowState::kBehind;
  task.flow.checkpoint = Checkpoint::of_store(6'300'000);
  task.flow.lag_events = 3'700'000;
  task.flow.lag_seconds = 12.5;
  task.flow.events_folded = 6'300'000;
  task.flow.events_per_second = 1'200'000;
  task.flow.poison_count = 3;
  task.flow.states.key_count = 12;
  task.flow.states.snapshot_taken_us = 1'000'000;
  task.time_left = std::chrono::seconds(4);
  return task;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(Metrics, AreInPrometheusFormatWithEscapedLabels) {
  TaskStatus odd = behind();
  odd.projection = "a\"b\\c\nd";
  const std::string text = metrics_text({behind(), odd}, 31'000'000);
  const std::string labels = R"({projection="accounts",version="2",task="all",role="building"} )";
  for (const char* line : {"lag_events", "lag_seconds", "events_per_second", "poison_events",
                           "keys", "memory_bytes"}) {
    EXPECT_EQ(count_of(text, std::string("# TYPE stele_projection_") + line + " gauge\n"), 1u)
        << line;
  }
  EXPECT_NE(text.find("stele_projection_lag_events" + labels + "3700000\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("stele_projection_lag_seconds" + labels + "12.5\n"), std::string::npos);
  EXPECT_NE(text.find("stele_projection_poison_events" + labels + "3\n"), std::string::npos);
  EXPECT_NE(text.find("stele_projection_snapshot_age_seconds" + labels + "30\n"),
            std::string::npos);
  EXPECT_NE(text.find("stele_projection_live" + labels + "0\n"), std::string::npos);
  EXPECT_NE(text.find(R"(projection="a\"b\\c\nd")"), std::string::npos);
}

TEST(ProgressText, TellsHowFarAndHowLong) {
  EXPECT_EQ(progress_text(behind()),
            "accounts v2 building   63 %  6 300 000 of 10 000 000 events  1 200 000/s  4 s left");
  TaskStatus stopped = behind();
  stopped.task = "p3";
  stopped.flow.state = FlowState::kStopped;
  stopped.flow.stopped_because = "bank/0/7 (Paid): no cents";
  EXPECT_EQ(progress_text(stopped), "accounts v2 building p3  stopped: bank/0/7 (Paid): no cents");
  TaskStatus live = behind();
  live.role = VersionRole::kLive;
  live.flow.state = FlowState::kLive;
  EXPECT_EQ(progress_text(live), "accounts v2 live  caught up, 12 keys");
}

TEST(ProgressText, IsPlainLinesWhereThereIsNoTerminal) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const Progress progress = progress_on(file);
  TaskStatus live = behind();
  live.flow.state = FlowState::kLive;
  progress({live});
  for (int i = 0; i < 3; ++i) progress({behind()});
  progress({live});
  progress({live});
  ASSERT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text, progress_text(behind()) + "\n" + progress_text(live) + "\n")
      << "once while it is behind, once when it has caught up";
}

std::vector<PictureFlow> flows() {
  const auto rates = projection<PaymentCount>("rates")
                         .from("currency <\"rates\">")
                         .on<Paid>([](PaymentCount& state, const Paid&) { ++state.count; });
  const auto plain = accounts(1).on<Refunded>([](Account&, const Refunded&) {});
  const auto next = accounts(2)
                        .from("refunds & more")
                        .looks_up(rates)
                        .publish("accounts-changed")
                        .on_poison(park("bank-parked"));
  const auto totals =
      projection<Account>("totals").from("accounts-changed").on<Paid>([](Account&, const Paid&) {});
  return {{plain.definition(), VersionRole::kLive},
          {next.definition(), VersionRole::kBuilding},
          {totals.definition(), VersionRole::kLive}};
}

TEST(Pictures, ShowEachTopicOnceAndAllThatFlows) {
  const std::string dot = picture_dot(flows());
  EXPECT_TRUE(dot.starts_with("digraph projections {")) << dot;
  EXPECT_EQ(count_of(dot, "label=\"bank\""), 1u);
  EXPECT_EQ(count_of(dot, "label=\"accounts-changed\""), 1u);
  EXPECT_NE(dot.find(R"(label="currency <\"rates\">")"), std::string::npos);
  EXPECT_EQ(count_of(dot, " -> "), 8u) << dot;
  EXPECT_NE(dot.find("accounts v1\\nlive, in memory\\nPaid\\nRefunded"), std::string::npos) << dot;
}

TEST(Pictures, SvgIsEscapedAndNothingOverlaps) {
  const std::string svg = picture_svg(flows());
  EXPECT_TRUE(svg.starts_with("<svg ")) << svg;
  EXPECT_NE(svg.find("currency &lt;&quot;rates&quot;&gt;"), std::string::npos);
  EXPECT_NE(svg.find("refunds &amp; more"), std::string::npos);
  EXPECT_EQ(svg.find("refunds & more"), std::string::npos);
  if (const char* const path = std::getenv("STELE_PICTURE")) {
    std::FILE* const file = std::fopen(path, "w");
    std::fputs(svg.c_str(), file);
    std::fclose(file);
  }
  const Picture picture = make_picture(flows());
  std::vector<PictureBox> sizes(picture.nodes.size(), PictureBox{{}, 80, 40});
  const PictureLayout layout = lay_out(picture, sizes);
  for (std::size_t i = 0; i < layout.boxes.size(); ++i) {
    const PictureBox& box = layout.boxes[i];
    EXPECT_GE(box.at.x, 0);
    EXPECT_GE(box.at.y, 0);
    EXPECT_LE(box.at.x + box.width, layout.width);
    EXPECT_LE(box.at.y + box.height, layout.height);
    for (std::size_t k = 0; k < i; ++k) {
      const PictureBox& other = layout.boxes[k];
      const bool apart =
          box.at.x >= other.at.x + other.width || other.at.x >= box.at.x + box.width ||
          box.at.y >= other.at.y + other.height || other.at.y >= box.at.y + box.height;
      EXPECT_TRUE(apart) << picture.nodes[i].title << " over " << picture.nodes[k].title;
    }
  }
  for (std::size_t i = 0; i < picture.edges.size(); ++i) {
    EXPECT_LT(layout.paths[i].front().x, layout.paths[i].back().x) << "edge " << i;
  }
}

TEST(Pictures, ACircleIsLaidOutToo) {
  const auto self = accounts(1).publish("bank");
  const std::vector<PictureFlow> flows = {{self.definition(), VersionRole::kLive}};
  const Picture picture = make_picture(flows);
  ASSERT_EQ(picture.nodes.size(), 2u);
  EXPECT_EQ(count_of(picture_svg(flows), "marker-end"), 2u);
}

}  // namespace
}  // namespace stele::projections
