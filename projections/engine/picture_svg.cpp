#include <fmt/format.h>

#include <algorithm>

#include "projections/engine/picture.h"
#include "projections/engine/picture_layout.h"

namespace stele::projections {
namespace {

constexpr double kLetterWidth = 7.2;  // of the widest usual letters at 12 px
constexpr double kPadding = 14;
constexpr double kTitleHeight = 30;
constexpr double kLineHeight = 17;
constexpr std::string_view kStyle =
    "text{font:12px ui-sans-serif,system-ui,'DejaVu Sans',sans-serif;fill:#1f2933}"
    ".title{font-weight:600}.line{fill:#52606d}.says{font-size:10px;fill:#616e7c;paint-order:"
    "stroke;stroke:#fff;stroke-width:5px}"
    ".topic{fill:#e3f2ec;stroke:#3c8f6e}.table{fill:#fdf3dc;stroke:#b7862c}"
    ".projection{fill:#e6eefb;stroke:#3f68b5}.muted{stroke-dasharray:5 4;fill-opacity:.45}"
    ".edge{fill:none;stroke:#7b8794;stroke-width:1.3}.dashed{stroke-dasharray:5 4}";

/// For SVG text: markup is escaped; control characters, which XML has no way to say, become spaces.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(letter) < 0x20 ? ' ' : letter;
    }
  }
  return out;
}

/// Letters, not bytes, of UTF-8.
std::size_t letter_count(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char byte) { return (byte & 0xC0) != 0x80; }));
}

PictureBox size_of(const PictureNode& node) {
  std::size_t letters = letter_count(node.title);
  for (const std::string& line : node.lines) letters = std::max(letters, letter_count(line));
  const auto lines = static_cast<double>(node.lines.size());
  return {{},
          static_cast<double>(letters) * kLetterWidth + 2 * kPadding,
          kTitleHeight + lines * kLineHeight + (node.lines.empty() ? 0 : kPadding / 2)};
}

std::string_view css_class(PictureShape shape) {
  switch (shape) {
    case PictureShape::kTopic:
      return "topic";
    case PictureShape::kTable:
      return "table";
    case PictureShape::kProjection:
      break;
  }
  return "projection";
}

std::string draw_node(const PictureNode& node, const PictureBox& box) {
  const double round = node.shape == PictureShape::kTopic ? box.height / 2 : 5;
  std::string out = fmt::format(
      "<rect class=\"{}{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
      "rx=\"{:.1f}\"/>\n",
      css_class(node.shape), node.muted ? " muted" : "", box.at.x, box.at.y, box.width, box.height,
      round);
  double y = box.at.y + kTitleHeight * 0.66;
  out += fmt::format(
      "<text class=\"title\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
      box.at.x + box.width / 2, y, escaped(node.title));
  if (!node.lines.empty()) {
    out += fmt::format("<path class=\"edge\" d=\"M{0:.1f} {2:.1f}H{1:.1f}\" opacity=\".5\"/>\n",
                       box.at.x, box.at.x + box.width, box.at.y + kTitleHeight);
  }
  y = box.at.y + kTitleHeight;
  for (const std::string& line : node.lines) {
    y += kLineHeight;
    out += fmt::format("<text class=\"line\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n",
                       box.at.x + kPadding, y - 1, escaped(line));
  }
  return out;
}

std::string draw_edge(const PictureEdge& edge, const std::vector<PicturePoint>& path) {
  std::string line = fmt::format("M{:.1f} {:.1f}", path.front().x, path.front().y);
  for (std::size_t i = 1; i < path.size(); ++i) {
    const double half = (path[i - 1].x + path[i].x) / 2;
    line += fmt::format("C{0:.1f} {1:.1f} {0:.1f} {3:.1f} {2:.1f} {3:.1f}", half, path[i - 1].y,
                        path[i].x, path[i].y);
  }
  std::string out = fmt::format("<path class=\"edge{}\" d=\"{}\" marker-end=\"url(#tip)\"/>\n",
                                edge.dashed ? " dashed" : "", line);
  if (edge.text.empty() || path.size() < 2) return out;
  const PicturePoint& from = path[path.size() - 2];
  return out +
         fmt::format(
             "<text class=\"says\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
             (from.x + path.back().x) / 2, (from.y + path.back().y) / 2 - 5, escaped(edge.text));
}

}  // namespace

std::string picture_svg(const std::vector<PictureFlow>& flows) {
  const Picture picture = make_picture(flows);
  std::vector<PictureBox> sizes;
  for (const PictureNode& node : picture.nodes) sizes.push_back(size_of(node));
  const PictureLayout layout = lay_out(picture, std::move(sizes));
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "width=\"{0:.0f}\" height=\"{1:.0f}\">\n<style>{2}</style>\n"
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" "
      "markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#7b8794\"/></marker>"
      "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      layout.width, layout.height, kStyle);
  for (std::size_t i = 0; i < picture.edges.size(); ++i) {
    out += draw_edge(picture.edges[i], layout.paths[i]);
  }
  for (std::size_t i = 0; i < picture.nodes.size(); ++i) {
    out += draw_node(picture.nodes[i], layout.boxes[i]);
  }
  return out + "</svg>\n";
}

}  // namespace stele::projections
