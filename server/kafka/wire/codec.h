// What the rest of the house calls: bytes to message, message to frame.
//
//   frame off the socket (its size already taken off)
//     └─ read_request_header ─► header, body ─► read<ProduceRequest>(header.api_version, body)
//   response_frame(header.correlation_id, header.api_version, response) ─► Frame ─► pieces() ─►
//   socket
//
// Text and bytes of a request view the frame that was read: keep it until the request is done with.
// Responses own their text; their record bytes are borrowed until the frame is sent.
// Thread: any; nothing here has state.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "server/kafka/wire/api.h"
#include "server/kafka/wire/reader.h"
#include "server/kafka/wire/schema.h"
#include "server/kafka/wire/writer.h"

namespace stele::kafka {

/// A message that fills `body` exactly. kUnsupported if the version is not served; kInvalid, naming
/// the field's path, if the bytes are not such a message: close the connection.
template <class M>
[[nodiscard]] Result<M> read(std::int16_t version, ByteView body, ReadLimits limits = {});

/// The same from the front of `bytes`, which is left at what follows. For headers.
template <class M>
[[nodiscard]] Result<M> read_prefix(std::int16_t version, ByteView& bytes, ReadLimits limits = {});

/// Appends the message. kUnsupported if the version is not served; kInvalid, naming the field's
/// path, if a value cannot be said in this version (null where none is allowed, text over 32,767
/// bytes): our bug.
template <class M>
[[nodiscard]] Result<void> write(Writer& out, std::int16_t version, const M& message);

struct RequestHeader {
  std::int16_t api_key = 0;
  std::int16_t api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string_view> client_id = "";

  using Self = RequestHeader;
  static constexpr Message kMessage{"RequestHeader", {0, 2}, 2};
  static constexpr auto kFields =
      fields(field<&Self::api_key>(from(0)), field<&Self::api_version>(from(0)),
             field<&Self::correlation_id>(from(0)),
             field<&Self::client_id>(from(1)).nullable(from(1)).never_compact());
};

struct ResponseHeader {
  std::int32_t correlation_id = 0;

  using Self = ResponseHeader;
  static constexpr Message kMessage{"ResponseHeader", {0, 1}, 1};
  static constexpr auto kFields = fields(field<&Self::correlation_id>(from(0)));
};

struct ReceivedRequest {
  RequestHeader header;
  const Api* api;  ///< never null; its `served` range may exclude header.api_version
  ByteView body;
};

/// The header of a request frame. kUnsupported if the API is not in the table, kInvalid if the
/// bytes are not a header: close the connection. Versions outside the served range are the caller's
/// to answer.
[[nodiscard]] Result<ReceivedRequest> read_request_header(ByteView frame);

/// A whole response. Errors as of write(), and kTooLarge past 2 GiB.
template <class M>
[[nodiscard]] Result<Frame> response_frame(std::int32_t correlation_id, std::int16_t version,
                                           const M& response) {
  Writer out;
  out.reserve_frame_size();
  STELE_DO(write(out, response_header_version(M::kApi, version), ResponseHeader{correlation_id}));
  STELE_DO(write(out, version, response));
  return std::move(out).framed();
}

/// A whole request, as a client sends it; the header says which version.
template <class M>
[[nodiscard]] Result<Frame> request_frame(const RequestHeader& header, const M& request) {
  Writer out;
  out.reserve_frame_size();
  STELE_DO(write(out, request_header_version(M::kApi, header.api_version), header));
  STELE_DO(write(out, header.api_version, request));
  return std::move(out).framed();
}

}  // namespace stele::kafka
