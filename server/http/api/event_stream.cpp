#include "server/http/api/event_stream.h"

#include "server/http/api/problems.h"

namespace stele::http {

namespace {

void write_message(const FollowMessage& message, std::string& out) {
  out += "id: ";
  out += message.token;
  out += "\nevent: ";
  out += name(message.kind);
  out += "\ndata: ";
  // Without data a browser drops the event.
  out += message.event.empty() ? std::string_view("{}") : std::string_view(message.event);
  out += "\n\n";
}

/// The last thing that is said: nothing will follow.
void write_error(const Error& error, std::string& out) {
  std::string text = problem(error).body;
  while (text.ends_with('\n')) text.pop_back();
  out += "event: error\ndata: ";
  out += text;
  out += "\n\n";
}

}  // namespace

BodySource::Next EventStream::pump(std::string& out) {
  if (!step_) {
    auto next = follower_.next();
    if (!next) {
      write_error(next.error(), out);
      return Next::kEnd;
    }
    step_ = *std::move(next);
  }
  for (const FollowMessage& message : step_->messages) write_message(message, out);
  const Follower::Step done = *std::exchange(step_, std::nullopt);
  return done.ended ? Next::kEnd : done.waits ? Next::kWait : Next::kMore;
}

void EventStream::keep_alive(std::string& out) {
  if (const auto checkpoint = follower_.checkpoint()) return write_message(*checkpoint, out);
  out += ": keep-alive\n\n";
}

bool EventStream::stop(std::string& out) {
  write_error({Code::kClosed, "the service stops: resume from the last id"}, out);
  return true;
}

}  // namespace stele::http
