// Places for the nodes of a picture, in layers from left to right.
//
//   layer 0      layer 1       layer 2
//   [topic] ───► [table] ────► [projection]
//   [topic] ───────── · ─────►      (an edge over several layers bends at a place of its own in each)
//
// Edges that close a circle point to the left. Within a layer the order is the one with few
// crossings (each node near the middle of its neighbours, a few sweeps). Thread: any; pure.
#pragma once

#include <vector>

#include "projections/engine/picture.h"

namespace stele::projections {

struct PicturePoint {
  double x = 0;
  double y = 0;
};
struct PictureBox {
  PicturePoint at;  ///< left, top
  double width = 0;
  double height = 0;
};
struct PictureLayout {
  std::vector<PictureBox> boxes;                 ///< of the nodes
  std::vector<std::vector<PicturePoint>> paths;  ///< of the edges: from, bends, to
  double width = 0;
  double height = 0;
};

/// `boxes` brings the nodes' sizes.
[[nodiscard]] PictureLayout lay_out(const Picture& picture, std::vector<PictureBox> boxes);

}  // namespace stele::projections
