// Random messages that a version can say: nulls, empties, defaults, boundary numbers, long text,
// many elements. Follows the messages' own field lists. What it makes views text of its own: it
// outlives its messages.
#pragma once

#include <concepts>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "server/kafka/wire/schema.h"
#include "server/kafka/wire/writer.h"

namespace stele::kafka {

class RandomMessages {
public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  /// A message of the version; one in 32 is large.
  template <class M>
  [[nodiscard]] M make(std::int16_t version) {
    large_left_ = one_in(32) ? 2 : 0;
    text_.clear();
    M message;
    fill(message, version);
    return message;
  }

private:
  [[nodiscard]] std::uint64_t below(std::uint64_t end) { return random_() % end; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }
  [[nodiscard]] bool take_large() {
    if (large_left_ == 0 || !one_in(4)) return false;
    --large_left_;
    return true;
  }

  template <class T>
    requires requires { T::kFields; }
  void fill(T& out, std::int16_t version) {
    const auto one = [&]<class F>(const F& field) {
      if (!field.info.versions.has(version)) return;
      if (F::kTagged && one_in(2)) return;  // stays as initialized: not sent
      fill_value(out.*F::kMember, field.info.nullable.has(version), version);
    };
    std::apply([&](const auto&... field) { (one(field), ...); }, T::kFields);
  }

  template <std::integral T>
  void fill_value(T& out, bool, std::int16_t) {
    const T choices[] = {T{0}, T{1}, static_cast<T>(-1), std::numeric_limits<T>::min(),
                         std::numeric_limits<T>::max()};
    out = one_in(2) ? choices[below(5)] : static_cast<T>(random_());
  }
  template <class T>
    requires std::is_enum_v<T>
  void fill_value(T& out, bool, std::int16_t version) {
    std::underlying_type_t<T> number{};
    fill_value(number, false, version);
    out = static_cast<T>(number);
  }
  void fill_value(double& out, bool, std::int16_t) {
    out = static_cast<double>(random_()) / 3 - 1e18;
  }
  void fill_value(Uuid& out, bool, std::int16_t) {
    out = one_in(4) ? Uuid{} : Uuid::from_random(random_(), random_());
  }
  void fill_value(std::string_view& out, bool, std::int16_t) { out = text(); }
  void fill_value(std::string& out, bool, std::int16_t) { out = text(); }
  void fill_value(ByteView& out, bool, std::int16_t) { out = as_bytes(bytes()); }
  void fill_value(Records& out, bool nullable, std::int16_t) {
    out.null = nullable && one_in(4);
    if (out.null) return;
    for (std::uint64_t i = below(4); i > 0; --i) out.pieces.push_back(as_bytes(bytes()));
  }
  template <class T>
    requires requires { T::kFields; }
  void fill_value(T& out, bool, std::int16_t version) {
    fill(out, version);
  }
  template <class T>
  void fill_value(std::vector<T>& out, bool, std::int16_t version) {
    out.resize(take_large() ? 100 + below(200) : below(4));
    for (T& element : out) fill_value(element, false, version);
  }
  template <class T>
  void fill_value(std::optional<T>& out, bool nullable, std::int16_t version) {
    out.reset();
    if (nullable && one_in(3)) return;
    fill_value(out.emplace(), false, version);
  }

  [[nodiscard]] std::string_view text() {
    static constexpr std::string_view kWords[] = {"", "a", "orders", "Zürich", "流れ", "a.b-c_d"};
    std::string made(kWords[below(6)]);
    if (one_in(8)) made.append(1 + below(300), 'x');
    if (take_large()) made.assign(one_in(2) ? 32'767 : 8'000, 'y');
    return text_.emplace_back(std::move(made));
  }
  [[nodiscard]] std::string_view bytes() {
    std::string made(take_large() ? 100'000 : below(3) * 200, '\0');
    for (char& c : made) c = static_cast<char>(random_());
    return text_.emplace_back(std::move(made));
  }

  std::mt19937_64 random_;
  std::deque<std::string> text_;
  int large_left_ = 0;
};

}  // namespace stele::kafka
