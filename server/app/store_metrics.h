// The store's numbers in Prometheus' words.
#pragma once

#include "log/store/store.h"
#include "server/core/prometheus.h"

namespace stele::app {

void print_store_metrics(const log::StoreStats& stats, server::PrometheusText& out);
void print_index_metrics(const log::TermIndex& index, server::PrometheusText& out);

}  // namespace stele::app
