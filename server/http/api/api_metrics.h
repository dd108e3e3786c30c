// What the API counts for /metrics: appends by outcome, what they asked to be checked, reads by
// form.
//
// Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>

#include "log/event_store/event_store.h"
#include "server/core/prometheus.h"
#include "server/http/api/read_form.h"

namespace stele::http {

class ApiMetrics {
public:
  void count_asked(const log::EventAppend& append) {
    expectations_ += static_cast<std::int64_t>(append.expectations.size());
    conditions_ += static_cast<std::int64_t>(append.conditions.size());
  }
  void count_answer(const log::EventAppendResult& result);
  void count_read(ReadForm form) { ++reads_[static_cast<std::size_t>(form)]; }
  void print(server::PrometheusText& text) const;

private:
  static constexpr std::size_t kCodeCount = static_cast<std::size_t>(Code::kTombstoned) + 1;

  std::int64_t appended_ = 0;
  std::int64_t duplicates_ = 0;
  std::int64_t events_ = 0;
  std::array<std::int64_t, kCodeCount> refused_{};  ///< by code
  std::int64_t expectations_ = 0;
  std::int64_t conditions_ = 0;
  std::array<std::int64_t, kReadForms.size()> reads_{};  ///< by form
};

}  // namespace stele::http
