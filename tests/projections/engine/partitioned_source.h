// A source of topics with partitions, in memory: what a Kafka cluster is to the engine.
// Thread: any.
#pragma once

#include <charconv>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "projections/sources/source.h"

namespace stele::projections {

class PartitionedSource final : public Source {
public:
  void create(const std::string& topic, std::int32_t partitions) {
    for (std::int32_t p = 0; p < partitions; ++p) logs_[{topic, p}];
  }
  void append(const std::string& topic, std::int32_t partition, std::string key, std::string type,
              std::string data) {
    const std::scoped_lock lock(mutex_);
    logs_.at({topic, partition}).push_back({std::move(key), std::move(type), std::move(data)});
  }

  [[nodiscard]] std::string name() const override { return "a cluster in memory"; }
  Result<std::vector<InputId>> inputs(const std::vector<std::string>& topics) override {
    std::vector<InputId> found;
    for (const std::string& topic : topics) {
      const std::size_t before = found.size();
      for (const auto& [input, log] : logs_) {
        if (input.topic == topic) found.push_back(input);
      }
      if (found.size() == before) return std::unexpected(Error{Code::kNotFound, topic});
    }
    return found;
  }
  Result<std::unique_ptr<SourceReader>> open(const std::vector<std::string>& topics,
                                             const std::vector<InputId>& inputs,
                                             const Checkpoint& from) override {
    (void)topics;
    return std::make_unique<Reader>(*this, inputs, from);
  }
  Result<Checkpoint> end(const std::vector<InputId>& inputs) override {
    const std::scoped_lock lock(mutex_);
    Checkpoint end;
    for (const InputId& input : inputs) end.set(input, std::ssize(logs_.at(input)));
    return end;
  }
  /// "topic/partition=next;"
  Result<std::string> token(const Checkpoint& checkpoint) override {
    std::string text;
    for (const InputPlace& place : checkpoint.places()) {
      text += place.input.topic + "/" + std::to_string(place.input.partition) + "=" +
              std::to_string(place.next) + ";";
    }
    return text;
  }
  Result<Checkpoint> parse_token(std::string_view token) override {
    Checkpoint checkpoint;
    while (!token.empty()) {
      const auto slash = token.find('/');
      const auto equals = token.find('=');
      const auto end = token.find(';');
      if (end == std::string_view::npos) return std::unexpected(Error{Code::kInvalid, "no token"});
      InputId input{std::string(token.substr(0, slash)), 0};
      std::int64_t next = 0;
      std::from_chars(token.data() + slash + 1, token.data() + equals, input.partition);
      std::from_chars(token.data() + equals + 1, token.data() + end, next);
      checkpoint.set(input, next);
      token.remove_prefix(end + 1);
    }
    return checkpoint;
  }
  EventAccess* events() override { return nullptr; }
  Result<void> append(std::vector<log::TopicEvent>) override {
    return std::unexpected(Error{Code::kUnsupported, "no producer"});
  }

private:
  struct Record {
    std::string key;
    std::string type;
    std::string data;
  };
  struct RecordsLot final : Lot {
    std::vector<InputEvent> views;
  };

  /// A lot of at most three events of one partition, the partitions in turn.
  class Reader final : public SourceReader {
  public:
    Reader(PartitionedSource& source, std::vector<InputId> inputs, Checkpoint at)
        : source_(source), inputs_(std::move(inputs)), at_(std::move(at)) {}
    Result<LotPtr> next(std::chrono::nanoseconds) override {
      auto lot = std::make_shared<RecordsLot>();
      const std::scoped_lock lock(source_.mutex_);
      for (std::size_t i = 0; i < inputs_.size() && lot->views.empty(); ++i) fill(*lot);
      lot->end = lot->views.empty();
      lot->events = lot->views;
      return lot;
    }

  private:
    void fill(RecordsLot& lot) {
      const InputId& input = inputs_[turn_++ % inputs_.size()];
      const auto& log = source_.logs_.at(input);
      std::int64_t next = at_.next(input);
      for (; next < std::ssize(log) && lot.views.size() < 3; ++next) {
        const Record& record = log[static_cast<std::size_t>(next)];
        lot.views.push_back({.topic = input.topic,
                             .partition = input.partition,
                             .offset = Offset(next),
                             .position = Position(next),
                             .stream = as_bytes(record.key),
                             .data = as_bytes(record.data),
                             .type = record.type});
      }
      lot.input = input;
      lot.next = next;
      lot.input_end = std::ssize(log);
      at_.set(input, next);
    }

    PartitionedSource& source_;
    std::vector<InputId> inputs_;
    Checkpoint at_;
    std::size_t turn_ = 0;
  };

  std::mutex mutex_;
  std::map<InputId, std::deque<Record>> logs_;
};

}  // namespace stele::projections
