// intel_rdt of events: see the header.
#include "cli/resctrl-json.h"

#include <cstdlib>

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

/// Masks are text (hexadecimal); all else in info/ are numbers.
ordered_json info_json(const std::map<std::string, std::string>& info) {
  ordered_json object = ordered_json::object();
  for (const auto& [name, text] : info) {
    if (name == "cbm_mask") {
      object[name] = text;
    } else {
      object[name] = std::strtoull(text.c_str(), nullptr, 10);
    }
  }
  return object;
}

void add(ordered_json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}

void add_nodes(ordered_json& object, const std::vector<ResctrlStats::Node>& nodes) {
  ordered_json bandwidth = ordered_json::array(), cache = ordered_json::array();
  for (const ResctrlStats::Node& node : nodes) {
    ordered_json counted = ordered_json::object();
    if (node.total_bytes) counted["mbm_total_bytes"] = *node.total_bytes;
    if (node.local_bytes) counted["mbm_local_bytes"] = *node.local_bytes;
    if (!counted.empty()) bandwidth.push_back(counted);
    if (node.occupancy) cache.push_back({{"llc_occupancy", *node.occupancy}});
  }
  if (!bandwidth.empty()) object["mbm_stats"] = bandwidth;
  if (!cache.empty()) object["cmt_stats"] = cache;
}

}  // namespace

ordered_json resctrl_json(const ResctrlGroup& group) {
  ordered_json object = ordered_json::object();
  if (!group.exists()) return object;
  const ResctrlStats stats = read_resctrl_stats(group);
  if (!stats.cache_info.empty()) object["l3_cache_info"] = info_json(stats.cache_info);
  add(object, "l3_cache_schema_root", stats.cache_schema_root);
  add(object, "l3_cache_schema", stats.cache_schema);
  if (!stats.bandwidth_info.empty()) object["mem_bw_info"] = info_json(stats.bandwidth_info);
  add(object, "mem_bw_schema_root", stats.bandwidth_schema_root);
  add(object, "mem_bw_schema", stats.bandwidth_schema);
  add_nodes(object, stats.nodes);
  return object;
}

}  // namespace tsc::cli
