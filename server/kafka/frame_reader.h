// Cuts what a connection receives into request frames, without copying them out.
//
//   buffer   [ frame ][ frame ][ half a fra…           ]
//                              ^ unread    ^ received   ^ space() is what may be received next
//
// Frames share the buffer's ownership: a produce request's bytes live as long as the store needs
// them. A buffer grows with what has been *received*: a declared length alone reserves nothing
// beyond 64 KiB, until the connection has sent a frame of that size before (up to 4 MiB).
// Thread: the connection's.
#pragma once

#include <cstddef>
#include <optional>

#include "log/base/bytes.h"
#include "log/base/error.h"
#include "server/core/buffer_pool.h"

namespace stele::kafka {

struct RequestFrame {
  ByteView bytes;  ///< without the 4 length bytes
  server::BufferPtr owner;
};

class FrameReader {
public:
  FrameReader(server::BufferPool& pool, std::size_t frame_bytes_max)
      : pool_(pool), frame_bytes_max_(frame_bytes_max) {}

  /// Where the next bytes go. Empty: the pool is full, try again when it is not.
  [[nodiscard]] ByteSpan space();
  /// That many bytes were put at the front of space().
  void received(std::size_t bytes) { end_ += bytes; }
  /// The next whole frame; none if it has not arrived. kInvalid: a length below 8, kTooLarge: over
  /// the limit; the connection must be closed.
  [[nodiscard]] Result<std::optional<RequestFrame>> next();

  /// Bytes that are received and not yet part of a frame given out.
  [[nodiscard]] std::size_t pending_bytes() const { return end_ - begin_; }
  /// Gives the buffer back if nothing is pending. Called when the socket has been drained.
  void release_if_empty();

private:
  [[nodiscard]] std::optional<std::size_t> expected_bytes() const;
  [[nodiscard]] std::size_t room_wanted() const;
  void move_to_larger(std::size_t bytes);

  server::BufferPool& pool_;
  std::size_t frame_bytes_max_;
  server::BufferPtr buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t proven_bytes_ = 0;  ///< a frame of this size has been received whole
};

}  // namespace stele::kafka
