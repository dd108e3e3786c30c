#include "server/http/response_writer.h"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace stele::http {

namespace {

struct Reason {
  unsigned status;
  std::string_view text;
};

constexpr std::array kReasons = std::to_array<Reason>({
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
});

}  // namespace

std::string_view reason(unsigned status) {
  for (const Reason& row : kReasons) {
    if (row.status == status) return row.text;
  }
  return "Unknown";
}

std::string_view DateText::at(std::int64_t wall_us) {
  const std::int64_t second = wall_us / 1'000'000;
  if (second == second_) return text_;
  second_ = second;
  const auto seconds = static_cast<std::time_t>(second);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  // Names of days and months are English: the service sets no locale.
  text_.assign(text.data(),
               std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return text_;
}

void write_response(Exchange& exchange, Framing framing, std::string_view date, std::string& out) {
  const Response& response = exchange.response();
  out.append("HTTP/1.1 ").append(fmt::format_int(response.status).c_str()).push_back(' ');
  out.append(reason(response.status)).append("\r\nServer: steled\r\nDate: ").append(date);
  out += "\r\n";
  if (!response.content_type.empty()) {
    out.append("Content-Type: ").append(response.content_type).append("\r\n");
  }
  out += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  out += response.headers;
  const bool bodiless = response.status == 204 || response.status == 304;
  if (framing == Framing::kChunks) out += "Transfer-Encoding: chunked\r\n";
  if (framing == Framing::kLength && !bodiless) {
    const fmt::format_int length(response.body.size());
    out.append("Content-Length: ").append(length.data(), length.size()).append("\r\n");
  }
  const bool closes = !exchange.keeps_alive() || framing == Framing::kClose;
  if (closes) {
    out += "Connection: close\r\n";
  } else if (!exchange.is_http11()) {
    out += "Connection: keep-alive\r\n";
  }
  out += "\r\n";
  if (framing == Framing::kLength && !bodiless && !exchange.is_head()) out += response.body;
}

std::size_t begin_chunk(std::string& out) {
  const std::size_t begin = out.size();
  out += "00000000\r\n";
  return begin;
}

void end_chunk(std::size_t begin, std::string& out) {
  constexpr std::size_t kDigits = 8;  // leading zeros are allowed
  constexpr std::string_view kHex = "0123456789abcdef";
  std::size_t bytes = out.size() - begin - kDigits - 2;
  if (bytes == 0) return out.resize(begin);
  for (std::size_t i = kDigits; i-- > 0; bytes >>= 4) out[begin + i] = kHex[bytes & 15];
  out += "\r\n";
}

}  // namespace stele::http
