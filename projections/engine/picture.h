// The flows as a picture: what is read, folded, looked up in and written, from left to right.
//
//   topics ─► projection (its handlers) ─► topics that it writes
//   topics ─► table ──┘ lookups
//
// Texts are escaped: names of topics and types may hold anything. Thread: any; pure.
#pragma once

#include <string>
#include <vector>

#include "projections/engine/status.h"
#include "projections/fold/definition.h"

namespace stele::projections {

struct PictureFlow {
  DefinitionPtr definition;
  VersionRole role = VersionRole::kLive;
};

enum class PictureShape : std::uint8_t { kTopic, kProjection, kTable };

struct PictureNode {
  PictureShape shape = PictureShape::kTopic;
  std::string title;
  std::vector<std::string> lines;  ///< below the title
  bool muted = false;              ///< of a version that is not live
};
struct PictureEdge {
  std::size_t from = 0;  ///< index of a node
  std::size_t to = 0;
  std::string text;     ///< beside the line; may be empty
  bool dashed = false;  ///< a lookup, or what is written only when something goes wrong
};
struct Picture {
  std::vector<PictureNode> nodes;
  std::vector<PictureEdge> edges;
};

[[nodiscard]] Picture make_picture(const std::vector<PictureFlow>& flows);
[[nodiscard]] std::string picture_dot(const std::vector<PictureFlow>& flows);
[[nodiscard]] std::string picture_svg(const std::vector<PictureFlow>& flows);

}  // namespace stele::projections
