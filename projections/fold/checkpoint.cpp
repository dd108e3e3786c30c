#include "projections/fold/checkpoint.h"

#include <algorithm>

#include "log/base/fail.h"

namespace stele::projections {

namespace {

template <std::integral T>
void put(Bytes& to, T value) {
  const std::size_t at = to.size();
  to.resize(at + sizeof value);
  store_le(to.data() + at, value);
}

/// Takes `count` bytes off `from`; kCorrupt if they are not there.
Result<ByteView> take(ByteView& from, std::size_t count) {
  if (from.size() < count) {
    return fail(Code::kCorrupt, "checkpoint: {} bytes wanted, {} are left", count, from.size());
  }
  const ByteView taken = from.first(count);
  from = from.subspan(count);
  return taken;
}

template <std::integral T>
Result<T> take_integer(ByteView& from) {
  STELE_TRY(const ByteView bytes, take(from, sizeof(T)));
  return load_le<T>(bytes.data());
}

Result<InputPlace> take_place(ByteView& from) {
  InputPlace place;
  STELE_TRY(const auto topic_bytes, take_integer<std::uint32_t>(from));
  STELE_TRY(const ByteView topic, take(from, topic_bytes));
  place.input.topic = as_text(topic);
  STELE_TRY(place.input.partition, take_integer<std::int32_t>(from));
  STELE_TRY(place.next, take_integer<std::int64_t>(from));
  return place;
}

bool before(const InputPlace& place, const InputId& input) {
  return place.input < input;
}

}  // namespace

Checkpoint::Checkpoint(std::vector<InputPlace> places) {
  places_.reserve(places.size());
  for (const InputPlace& place : places) set(place.input, place.next);
}

std::int64_t Checkpoint::next(const InputId& input) const {
  const auto found = std::lower_bound(places_.begin(), places_.end(), input, before);
  return found == places_.end() || found->input != input ? 0 : found->next;
}

void Checkpoint::set(const InputId& input, std::int64_t next) {
  const auto found = std::lower_bound(places_.begin(), places_.end(), input, before);
  if (found != places_.end() && found->input == input) {
    found->next = next;
  } else {
    places_.insert(found, InputPlace{input, next});
  }
}

bool Checkpoint::covers(const Checkpoint& other) const {
  return std::ranges::all_of(
      other.places_, [this](const InputPlace& place) { return next(place.input) >= place.next; });
}

void Checkpoint::encode(Bytes& to) const {
  put(to, static_cast<std::uint32_t>(places_.size()));
  for (const InputPlace& place : places_) {
    put(to, static_cast<std::uint32_t>(place.input.topic.size()));
    const ByteView topic = as_bytes(place.input.topic);
    to.insert(to.end(), topic.begin(), topic.end());
    put(to, place.input.partition);
    put(to, place.next);
  }
}

Result<Checkpoint> Checkpoint::decode(ByteView& from) {
  constexpr std::size_t kPlaceBytesMin = 16;
  ByteView left = from;
  STELE_TRY(const auto count, take_integer<std::uint32_t>(left));
  if (count > left.size() / kPlaceBytesMin) {
    return fail(Code::kCorrupt, "checkpoint: {} places do not fit into {} bytes", count,
                left.size());
  }
  Checkpoint checkpoint;
  for (std::uint32_t index = 0; index < count; ++index) {
    STELE_TRY(InputPlace place, take_place(left));
    if (!checkpoint.places_.empty() && checkpoint.places_.back().input >= place.input) {
      return fail(Code::kCorrupt, "checkpoint: place {} is out of order", index);
    }
    checkpoint.places_.push_back(std::move(place));
  }
  from = left;
  return checkpoint;
}

}  // namespace stele::projections
