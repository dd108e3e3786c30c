// The use cases behind the routes. Each answers its call through the exchange, now or later.
//
// Thread: the loop's.
#pragma once

#include <memory>

#include "server/http/api/call.h"

namespace stele::http {

// append_calls.cpp
std::unique_ptr<BodySink> append_to_stream(Call& call);
std::unique_ptr<BodySink> append_to_topic(Call& call);
std::unique_ptr<BodySink> append_to_many(Call& call);

// read_calls.cpp
std::unique_ptr<BodySink> read_stream(Call& call);
std::unique_ptr<BodySink> read_topic(Call& call);
std::unique_ptr<BodySink> read_all(Call& call);
std::unique_ptr<BodySink> query_events(Call& call);

// stream_calls.cpp
std::unique_ptr<BodySink> tombstone_stream(Call& call);
std::unique_ptr<BodySink> get_limits(Call& call);
std::unique_ptr<BodySink> put_limits(Call& call);
std::unique_ptr<BodySink> list_streams(Call& call);
std::unique_ptr<BodySink> scavenge(Call& call);

// topic_calls.cpp
std::unique_ptr<BodySink> list_topics(Call& call);
std::unique_ptr<BodySink> create_topic(Call& call);
std::unique_ptr<BodySink> get_topic(Call& call);
std::unique_ptr<BodySink> delete_topic(Call& call);

// service_calls.cpp
std::unique_ptr<BodySink> get_openapi(Call& call);
std::unique_ptr<BodySink> get_metrics(Call& call);
std::unique_ptr<BodySink> get_healthy(Call& call);
std::unique_ptr<BodySink> get_ready(Call& call);

}  // namespace stele::http
