#include "projections/engine/picture_layout.h"

#include <algorithm>
#include <numeric>

namespace stele::projections {
namespace {

constexpr double kMargin = 20;
constexpr double kLayerGap = 90;  // room for a line's text
constexpr double kNodeGap = 22;
constexpr double kBendHeight = 14;
constexpr int kSweepCount = 8;

/// A node, or a place where a long edge bends.
struct Spot {
  int layer = 0;
  PictureBox box;
  std::vector<std::size_t> left;  ///< neighbours
  std::vector<std::size_t> right;
};

class LayerMaker {
public:
  LayerMaker(const Picture& picture, std::vector<PictureBox> boxes)
      : picture_(picture), nodes_(picture.nodes.size()) {
    for (PictureBox& box : boxes) spots_.push_back({0, box, {}, {}});
  }

  PictureLayout make() {
    assign_layers();
    add_bends();
    for (std::size_t i = 0; i < spots_.size(); ++i) {
      layers_.resize(std::max(layers_.size(), static_cast<std::size_t>(spots_[i].layer) + 1));
      layers_[static_cast<std::size_t>(spots_[i].layer)].push_back(i);
    }
    place_across();
    for (auto& layer : layers_) pile_up(layer);
    for (int sweep = 0; sweep < kSweepCount; ++sweep) sort_by_neighbours(sweep % 2 == 0);
    return finish();
  }

private:
  /// A node stands right of all that point at it; an edge back into the nodes it comes from counts
  /// the other way round.
  void assign_layers() {
    std::vector<int> seen(nodes_, 0);
    backward_.resize(picture_.edges.size());
    for (std::size_t i = 0; i < nodes_; ++i) find_backward(i, seen);
    for (std::size_t round = 0; round < nodes_; ++round) {
      for (std::size_t i = 0; i < picture_.edges.size(); ++i) {
        const auto [from, to] = ends(i);
        spots_[to].layer = std::max(spots_[to].layer, spots_[from].layer + 1);
      }
    }
  }
  /// 1 is on the way to here, 2 is done.
  void find_backward(std::size_t node, std::vector<int>& seen) {
    if (seen[node] != 0) return;
    seen[node] = 1;
    for (std::size_t i = 0; i < picture_.edges.size(); ++i) {
      if (picture_.edges[i].from != node) continue;
      const std::size_t to = picture_.edges[i].to;
      if (seen[to] == 1) backward_[i] = true;
      find_backward(to, seen);
    }
    seen[node] = 2;
  }
  [[nodiscard]] std::pair<std::size_t, std::size_t> ends(std::size_t edge) const {
    const PictureEdge& of = picture_.edges[edge];
    return backward_[edge] ? std::pair(of.to, of.from) : std::pair(of.from, of.to);
  }

  void add_bends() {
    for (std::size_t i = 0; i < picture_.edges.size(); ++i) {
      const auto [from, to] = ends(i);
      std::vector<std::size_t> chain = {from};
      for (int layer = spots_[from].layer + 1; layer < spots_[to].layer; ++layer) {
        chain.push_back(spots_.size());
        spots_.push_back({layer, {{}, 0, kBendHeight}, {}, {}});
      }
      chain.push_back(to);
      for (std::size_t k = 0; from != to && k + 1 < chain.size(); ++k) {
        spots_[chain[k]].right.push_back(chain[k + 1]);
        spots_[chain[k + 1]].left.push_back(chain[k]);
      }
      chains_.push_back(std::move(chain));
    }
  }

  void place_across() {
    double x = kMargin;
    for (const auto& layer : layers_) {
      double width = 0;
      for (const std::size_t spot : layer) width = std::max(width, spots_[spot].box.width);
      for (const std::size_t spot : layer) {
        spots_[spot].box.at.x = x;
        spots_[spot].box.width = width;
      }
      x += width + kLayerGap;
    }
  }
  void pile_up(const std::vector<std::size_t>& layer) {
    double y = kMargin;
    for (const std::size_t spot : layer) {
      spots_[spot].box.at.y = y;
      y += spots_[spot].box.height + kNodeGap;
    }
  }
  [[nodiscard]] double middle(std::size_t spot) const {
    return spots_[spot].box.at.y + spots_[spot].box.height / 2;
  }
  [[nodiscard]] double wanted(std::size_t spot, bool by_left) const {
    const auto& neighbours = by_left ? spots_[spot].left : spots_[spot].right;
    if (neighbours.empty()) return middle(spot);
    const double sum =
        std::accumulate(neighbours.begin(), neighbours.end(), 0.0,
                        [this](double so_far, std::size_t each) { return so_far + middle(each); });
    return sum / static_cast<double>(neighbours.size());
  }

  /// Each layer in the order of where its spots would like to be, as near to there as they fit.
  void sort_by_neighbours(bool by_left) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      auto& layer = layers_[by_left ? i : layers_.size() - 1 - i];
      std::vector<std::pair<double, std::size_t>> order;  // ties: as they were made
      for (const std::size_t spot : layer) order.emplace_back(wanted(spot, by_left), spot);
      std::ranges::sort(order);
      layer.clear();
      double least = -1e9;
      double off_sum = 0;
      for (const auto& [goal, spot] : order) {
        PictureBox& box = spots_[spot].box;
        box.at.y = std::max(goal - box.height / 2, least);
        least = box.at.y + box.height + kNodeGap;
        off_sum += middle(spot) - goal;
        layer.push_back(spot);
      }
      // What was pushed down all the way pulls the whole layer up by as much as it is off on average.
      const double shift = off_sum / static_cast<double>(std::max<std::size_t>(order.size(), 1));
      for (const std::size_t spot : layer) spots_[spot].box.at.y -= shift;
    }
  }

  PictureLayout finish() {
    double top = 1e9;
    for (const Spot& spot : spots_) top = std::min(top, spot.box.at.y);
    PictureLayout layout;
    for (Spot& spot : spots_) {
      spot.box.at.y += kMargin - top;
      layout.width = std::max(layout.width, spot.box.at.x + spot.box.width + kMargin);
      layout.height = std::max(layout.height, spot.box.at.y + spot.box.height + kMargin);
    }
    for (std::size_t i = 0; i < nodes_; ++i) layout.boxes.push_back(spots_[i].box);
    for (std::size_t i = 0; i < chains_.size(); ++i) {
      layout.paths.push_back(path_of(chains_[i]));
      if (backward_[i]) std::ranges::reverse(layout.paths.back());
    }
    return layout;
  }
  [[nodiscard]] std::vector<PicturePoint> path_of(const std::vector<std::size_t>& chain) const {
    std::vector<PicturePoint> path;
    for (std::size_t k = 0; k < chain.size(); ++k) {
      const PictureBox& box = spots_[chain[k]].box;
      if (k > 0) path.push_back({box.at.x, middle(chain[k])});
      if (k + 1 < chain.size()) path.push_back({box.at.x + box.width, middle(chain[k])});
    }
    return path;
  }

  const Picture& picture_;
  std::size_t nodes_;
  std::vector<Spot> spots_;  ///< the nodes, then the bends
  std::vector<bool> backward_;
  std::vector<std::vector<std::size_t>> chains_;  ///< of the edges: spots
  std::vector<std::vector<std::size_t>> layers_;
};

}  // namespace

PictureLayout lay_out(const Picture& picture, std::vector<PictureBox> boxes) {
  return LayerMaker(picture, std::move(boxes)).make();
}

}  // namespace stele::projections
