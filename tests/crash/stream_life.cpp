#include "tests/crash/stream_life.h"

#include <algorithm>

#include "log/base/check.h"
#include "log/base/fail.h"
#include "tests/crash/driver.h"

namespace stele::crash {

using log::StreamName;
using log::StreamRules;

namespace {

constexpr std::size_t kManyEvents = 100'000;
constexpr int kPolls = 60;

log::StoreOptions options() {
  log::StoreOptions options = small_options();
  options.compaction_interval = std::chrono::nanoseconds(0);
  options.index.tail_bytes_max = 16 << 10;
  options.index.merge_count = 3;
  return options;
}

std::string text_of(const StreamHistory::Event& event) {
  return event.stream.topic + "/" + event.stream.stream + "/" + std::to_string(event.version);
}

Bytes data_of(const StreamHistory::Event& event) {
  const std::string text = text_of(event);
  const ByteView bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::int64_t StreamHistory::count(const StreamName& stream) const {
  return std::ranges::count(events, stream, &Event::stream);
}

bool StreamHistory::hidden(const Event& event) const {
  const auto found = rules.find(event.stream);
  if (found == rules.end()) return false;
  const StreamRules& rule = found->second;
  return rule.tombstoned || (rule.truncate_before && event.version < rule.truncate_before->raw()) ||
         (rule.max_count && event.version < count(event.stream) - *rule.max_count);
}

// --- life ---

StreamLife::~StreamLife() {
  kill();
}

Result<void> StreamLife::open() {
  STELE_TRY(store_, log::Store::open(kFolder, env_, options()));
  events_ = std::make_unique<log::EventStore>(*store_);
  return {};
}

void StreamLife::create() {
  const auto a = store_->create_topic(
      {.name = "a", .partition_count = 2, .settings = {{"segment.bytes", "1024"}}});
  const auto c = store_->create_topic({.name = "c",
                                       .settings = {{"segment.bytes", "1024"},
                                                    {"cleanup.policy", "compact"},
                                                    {"min.cleanable.dirty.ratio", "0"}}});
  note(a && c, "topics were not made");
}

void StreamLife::kill() {
  events_.reset();
  store_.reset();
}

void StreamLife::reopen() {
  if (!alive()) return;
  const bool closed = store_->close().has_value();
  kill();
  if (env_.crashed()) return;
  const bool opened = closed && open().has_value();
  note(opened || env_.crashed(), "a clean stop, and then: not opened");
}

bool StreamLife::alive() const {
  return store_ != nullptr && !env_.crashed() && store_->state() == log::StoreState::kOpen;
}

void StreamLife::note(bool holds, const std::string& what) {
  if (!holds && broken_.empty()) broken_ = what;
}

void StreamLife::append(const std::vector<StreamName>& streams) {
  if (!alive()) return;
  log::EventAppend asked;
  std::map<StreamName, std::int64_t> next;
  history_.appending.clear();
  for (const StreamName& stream : streams) {
    const auto [known, is_new] = next.try_emplace(stream, history_.count(stream));
    const std::int64_t version = known->second++;
    if (is_new)
      asked.expectations.push_back(
          {stream, version == 0 ? log::ExpectedVersion::no_stream()
                                : log::ExpectedVersion::exact(Version(version - 1))});
    StreamHistory::Event& event = history_.appending.emplace_back();
    event.stream = stream;
    event.type = "T" + std::to_string(version % 3);
    event.tag = stream.stream + std::to_string(version % 2);
    event.version = version;
    asked.events.push_back({stream.topic,
                            {.stream = stream.stream,
                             .type = event.type,
                             .tags = {event.tag},
                             .data = data_of(event)}});
  }
  const auto done = events_->append(std::move(asked));
  if (done) return take(*done);
  if (env_.crashed() || done.error().error.code == Code::kOutcomeUnknown) return;
  const bool dead = std::ranges::any_of(
      streams, [&](const StreamName& stream) { return history_.rules[stream].tombstoned; });
  note(dead && done.error().error.code == Code::kTombstoned,
       "an append was refused: " + done.error().error.text());
  history_.appending.clear();
}

void StreamLife::take(const log::AppendedEvents& appended) {
  for (std::size_t i = 0; i < history_.appending.size(); ++i) {
    StreamHistory::Event event = history_.appending[i];
    event.position = appended.events[i].position;
    event.partition = appended.events[i].partition.partition;
    event.offset = appended.events[i].offset;
    note(appended.events[i].version == Version(event.version), text_of(event) + ": other version");
    note(!history_.rules[event.stream].tombstoned, text_of(event) + " was appended to a tombstone");
    history_.events.push_back(std::move(event));
  }
  history_.appending.clear();
  std::ranges::sort(history_.events, {}, &StreamHistory::Event::position);
}

void StreamLife::rule(const StreamName& stream, const StreamRules& rules) {
  if (!alive()) return;
  history_.ruling = {stream, rules};
  std::optional<Result<void>> answer;
  const auto done = [&](Result<void> result) { answer = std::move(result); };
  if (rules.tombstoned) {
    events_->tombstone(stream, log::ExpectedVersion::any(), done);
  } else {
    events_->set_limits(stream, rules, done);
  }
  store_->run_until([&] { return answer.has_value(); });
  if (!*answer && (env_.crashed() || answer->error().code == Code::kOutcomeUnknown)) return;
  if (*answer) {
    note(!history_.rules[stream].tombstoned, "a tombstone was ruled over");
    history_.rules[stream] = rules;
  } else {
    note(history_.rules[stream].tombstoned, "a rule was refused: " + answer->error().text());
  }
  history_.ruling.reset();
}

void StreamLife::trim(const std::string& topic, std::int32_t partition, std::int64_t records) {
  if (!alive()) return;
  const TopicPartition at{store_->find_topic(topic)->id, partition};
  const log::PartitionEnds ends = store_->ends(at).value();
  const Offset before = std::min(ends.log_start.next(records), ends.end);
  history_.trimming = {topic, partition, before};
  const auto done = store_->delete_records(at, before);
  if (!done) return note(env_.crashed() || !alive(), "a trim was refused: " + done.error().text());
  history_.trimmed[{topic, partition}] = before;
  history_.trimming.reset();
}

void StreamLife::scavenge() {
  if (!alive()) return;
  for (StreamHistory::Event& event : history_.events)
    event.may_be_gone = event.may_be_gone || history_.hidden(event);
  const auto report = store_->scavenge();
  if (report) scavenged_ += report->events_removed;
  note(env_.crashed() || !alive() || (report && report->partitions_failed == 0),
       "a scavenge failed: " + (report ? report->first_failure : report.error().text()));
}

void StreamLife::compact() {
  for (int i = 0; alive() && i < kPolls; ++i) {
    if (i % 8 == 0) {
      env_.advance(std::chrono::seconds(1));
      store_->maintain();
    }
    store_->poll();
  }
}

void StreamLife::step(std::uint64_t number) {
  const auto key = [](std::uint64_t n) { return "s" + std::to_string(n % 5); };
  const std::uint64_t what = number % 24;
  const StreamName one{"a", key(number / 3)};
  if (what == 7) return rule(one, {.max_count = 1 + static_cast<std::int64_t>(number % 4)});
  if (what == 13)
    return rule(one, {.truncate_before = Version(history_.count(one) - history_.count(one) / 3)});
  if (what == 17) return rule({"a", "dead" + std::to_string(number / 24)}, {.tombstoned = true});
  if (what == 19) return trim("a", static_cast<std::int32_t>(number / 24 % 2), 5);
  if (what == 21) return trim("c", 0, 3);
  if (what == 11 || what == 23) return scavenge();
  if (what == 5 || what == 15) return compact();
  if (what % 4 == 2) return append({{"c", key(number / 2)}, {"c", key(number)}});
  const StreamName dying{"a", "dead" + std::to_string(number / 24)};
  if (what < 17 && what % 4 == 0) return append({dying, one, dying});
  if (what == 20) return append({dying});
  append({one, {"a", key(number)}});
}

std::int64_t StreamLife::tombstoned() const {
  return std::ranges::count_if(history_.rules,
                               [](const auto& one) { return one.second.tombstoned; });
}

// --- judgement ---

std::string StreamLife::judge() {
  settle();
  judge_versions();
  for (const log::TermKind kind :
       {log::TermKind::kStream, log::TermKind::kType, log::TermKind::kTag})
    judge_terms(kind);
  judge_reads();
  return broken_;
}

void StreamLife::settle() {
  settle_append();
  if (history_.ruling) {
    const auto& [stream, rules] = *history_.ruling;
    const auto topic = store_->find_topic(stream.topic);
    const StreamRules found = store_->stream_rules(topic->id, as_bytes(stream.stream));
    if (found == rules) history_.rules[stream] = rules;
    history_.ruling.reset();
  }
  for (const auto& [stream, rules] : history_.rules) {
    const auto topic = store_->find_topic(stream.topic);
    note(store_->stream_rules(topic->id, as_bytes(stream.stream)) == rules,
         "other rules of " + stream.stream);
  }
  if (history_.trimming) {
    const StreamHistory::Trim& trim = *history_.trimming;
    const TopicPartition at{store_->find_topic(trim.topic)->id, trim.partition};
    if (store_->ends(at)->log_start == trim.before)
      history_.trimmed[{trim.topic, trim.partition}] = trim.before;
    history_.trimming.reset();
  }
  for (const auto& [place, before] : history_.trimmed) {
    const TopicPartition at{store_->find_topic(place.first)->id, place.second};
    note(store_->ends(at)->log_start == before, "another log start of " + place.first);
  }
}

// All of it, or nothing.
void StreamLife::settle_append() {
  const auto appending = std::exchange(history_.appending, {});
  std::size_t there = 0;
  std::vector<StreamHistory::Event> found;
  for (StreamHistory::Event event : appending) {
    const auto topic = store_->find_topic(event.stream.topic);
    const log::TermIndex& index = store_->index();
    const auto postings =
        index.postings(index.hasher().stream(topic->id, as_bytes(event.stream.stream)).view());
    const auto posting = (*postings)->at_number(event.version);
    if (!posting || !*posting) continue;
    ++there;
    event.position = (*posting)->position;
    const auto read = store_->read_batch_at(event.position).value();
    event.partition = read.batches.at(0).from.partition;
    event.offset =
        read.batches[0].base_offset.next(distance(read.batches[0].position, event.position));
    found.push_back(std::move(event));
  }
  note(there == 0 || there == appending.size(), "half of an append is there");
  history_.events.insert(history_.events.end(), found.begin(), found.end());
  std::ranges::sort(history_.events, {}, &StreamHistory::Event::position);
}

void StreamLife::judge_versions() {
  for (const char* name : {"a", "c"}) {
    const auto known = store_->check_versions_known(store_->find_topic(name)->id);
    note(known.has_value(), known ? "" : known.error().text());
  }
}

// The index knows every event that ever was, and no other.
void StreamLife::judge_terms(log::TermKind kind) {
  using Name = std::pair<std::string, std::string>;  // topic of a stream, bytes
  std::map<Name, std::vector<std::int64_t>> expected;
  for (const StreamHistory::Event& event : history_.events) {
    const std::string& bytes = kind == log::TermKind::kStream ? event.stream.stream
                               : kind == log::TermKind::kType ? event.type
                                                              : event.tag;
    expected[{kind == log::TermKind::kStream ? event.stream.topic : "", bytes}].push_back(
        event.position.raw());
  }
  const log::TermIndex& index = store_->index();
  for (const auto& [name, positions] : expected) {
    const Uuid topic = name.first.empty() ? Uuid{} : store_->find_topic(name.first)->id;
    const ByteView bytes = as_bytes(name.second);
    const auto postings =
        index.postings({kind, topic, bytes, index.hasher().hash(kind, topic, bytes)});
    const auto found = (*postings)->forward(Position(0), kManyEvents);
    if (!found) return note(false, found.error().text());
    std::vector<std::int64_t> there;
    for (const log::Posting& one : *found) {
      note(one.number == std::ssize(there), name.second + ": numbers are not dense");
      there.push_back(one.position.raw());
    }
    note(there == positions, fmt::format("term '{}' of kind {} has {} events, not {}", name.second,
                                         static_cast<int>(kind), there.size(), positions.size()));
  }
}

bool StreamLife::readable(const StreamHistory::Event& event) const {
  const auto trimmed = history_.trimmed.find({event.stream.topic, event.partition});
  return !history_.hidden(event) &&
         (trimmed == history_.trimmed.end() || event.offset >= trimmed->second);
}

void StreamLife::judge_reads() {
  std::vector<StreamName> streams;
  for (const StreamHistory::Event& event : history_.events) streams.push_back(event.stream);
  std::ranges::sort(streams);
  const auto again = std::ranges::unique(streams);
  streams.erase(again.begin(), again.end());
  for (const StreamName& stream : streams) judge_read(stream);
}

void StreamLife::judge_read(const StreamName& stream) {
  const auto page = events_->read({.select = log::StreamSelection{stream.topic, stream.stream},
                                   .events_max = kManyEvents,
                                   .bytes_max = 64 << 20});
  if (history_.rules[stream].tombstoned)
    return note(!page && page.error().code == Code::kTombstoned, stream.stream + " is read again");
  if (!page) return note(false, stream.stream + ": " + page.error().text());
  auto next = page->events.begin();
  const std::int64_t count = history_.count(stream);
  for (const StreamHistory::Event& event : history_.events) {
    if (event.stream != stream || !readable(event)) continue;
    const bool there = next != page->events.end() && next->version == Version(event.version);
    // Of a compacted topic all but a key's last event may be gone.
    const bool may_miss = event.may_be_gone || (stream.topic == "c" && event.version + 1 < count);
    note(there || may_miss, text_of(event) + " is not there");
    if (!there) continue;
    note(next->position == event.position && next->offset == event.offset &&
             next->data == data_of(event),
         text_of(event) + " is another event");
    ++next;
  }
  note(next == page->events.end(), stream.stream + ": an event that should not be there");
  note(page->last_version == Version(count - 1), stream.stream + ": another last version");
}

SimDisk without_index(const SimDisk& disk) {
  SimEnv env(disk.killed());
  for (const std::string& path : disk.files()) {
    if (!path.starts_with(std::string(kFolder) + "/index/")) continue;
    STELE_CHECK(env.remove(path).has_value());
  }
  return env.disk().killed();
}

std::string judge_streams(const SimDisk& disk, const StreamHistory& history) {
  for (const bool rebuilt : {false, true}) {
    SimEnv env(rebuilt ? without_index(disk) : disk);
    StreamHistory copy = history;
    StreamLife life(env, copy);
    std::string broken;
    if (const auto opened = life.open(); !opened) {
      broken = "not opened: " + opened.error().text();
    } else {
      broken = life.judge();
    }
    for (const SimReport& report : env.reports()) {
      if (broken.empty() && report.severity == Severity::kError) broken = report.line;
    }
    if (!broken.empty()) return (rebuilt ? "with a new index: " : "") + broken;
  }
  return {};
}

}  // namespace stele::crash
