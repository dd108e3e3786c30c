#include "projections/engine/picture.h"

#include <fmt/format.h>

#include <map>

namespace stele::projections {
namespace {

constexpr std::size_t kTypesShownMax = 12;

class PictureMaker {
public:
  void add(const PictureFlow& flow) {
    const Definition& definition = *flow.definition;
    const std::size_t node = add_node(
        {PictureShape::kProjection, fmt::format("{} v{}", definition.name, definition.version),
         lines_of(definition, flow.role), flow.role != VersionRole::kLive});
    for (const std::string& from : definition.topics) join(topic(from), node, "");
    for (const auto& lookup : definition.lookups) join(table(*lookup), node, "looks up", true);
    if (!definition.publish_topic.empty()) {
      join(node, topic(definition.publish_topic), "changes");
    }
    if (definition.poison == PoisonPolicy::kPark) {
      join(node, topic(definition.park_topic), "parks", true);
    }
  }
  Picture take() { return std::move(picture_); }

private:
  std::size_t add_node(PictureNode node) {
    picture_.nodes.push_back(std::move(node));
    return picture_.nodes.size() - 1;
  }
  void join(std::size_t from, std::size_t to, std::string text, bool dashed = false) {
    picture_.edges.push_back({from, to, std::move(text), dashed});
  }
  std::size_t topic(const std::string& name) {
    const auto [at, inserted] = topics_.try_emplace(name, picture_.nodes.size());
    if (inserted) add_node({PictureShape::kTopic, name, {}, false});
    return at->second;
  }
  std::size_t table(const Definition& lookup) {
    const auto [at, inserted] = tables_.try_emplace(lookup.name, picture_.nodes.size());
    if (!inserted) return at->second;
    std::vector<std::string> lines = {"table"};
    append_types(lookup, lines);
    const std::size_t node = add_node({PictureShape::kTable, lookup.name, std::move(lines), false});
    for (const std::string& from : lookup.topics) join(topic(from), node, "");
    return node;
  }

  static void append_types(const Definition& definition, std::vector<std::string>& lines) {
    std::size_t shown = 0;
    for (const Handler& handler : definition.handlers) {
      if (++shown > kTypesShownMax) continue;
      lines.push_back(handler.type.empty() ? "(without a type)" : handler.type);
    }
    if (shown > kTypesShownMax) lines.push_back(fmt::format("and {} more", shown - kTypesShownMax));
    if (definition.otherwise) lines.emplace_back("(all other types)");
  }
  static std::vector<std::string> lines_of(const Definition& definition, VersionRole role) {
    std::vector<std::string> lines = {
        fmt::format("{}, in {}{}", name(role),
                    std::holds_alternative<MemoryStore>(definition.store) ? "memory" : "SQLite",
                    definition.has_effects ? ", has effects" : "")};
    append_types(definition, lines);
    return lines;
  }

  Picture picture_;
  std::map<std::string, std::size_t> topics_;
  std::map<std::string, std::size_t> tables_;
};

/// A string of DOT, quotes included.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') out += '\\';
    if (letter == '\n') {
      out += "\\n";
    } else {
      out += letter;
    }
  }
  return out + '"';
}

std::string_view dot_shape(PictureShape shape) {
  switch (shape) {
    case PictureShape::kTopic:
      return "cds";
    case PictureShape::kTable:
      return "cylinder";
    case PictureShape::kProjection:
      break;
  }
  return "box";
}

}  // namespace

Picture make_picture(const std::vector<PictureFlow>& flows) {
  PictureMaker maker;
  for (const PictureFlow& flow : flows) maker.add(flow);
  return maker.take();
}

std::string picture_dot(const std::vector<PictureFlow>& flows) {
  const Picture picture = make_picture(flows);
  std::string out =
      "digraph projections {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];\n"
      "  edge [fontname=\"sans-serif\", fontsize=9];\n";
  for (std::size_t i = 0; i < picture.nodes.size(); ++i) {
    const PictureNode& node = picture.nodes[i];
    std::string label = node.title;
    for (const std::string& line : node.lines) label += "\n" + line;
    out += fmt::format("  n{} [label={}, shape={}{}];\n", i, quoted(label), dot_shape(node.shape),
                       node.muted ? ", style=dashed" : "");
  }
  for (const PictureEdge& edge : picture.edges) {
    out += fmt::format("  n{} -> n{} [label={}{}];\n", edge.from, edge.to, quoted(edge.text),
                       edge.dashed ? ", style=dashed" : "");
  }
  return out + "}\n";
}

}  // namespace stele::projections
