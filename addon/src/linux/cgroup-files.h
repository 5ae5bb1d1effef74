// Reading the controllers' small files: one number, a table of "name number" lines, a list of cpus. For figures only:
// what cannot be read counts as 0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tsc {

std::uint64_t read_cgroup_number(const std::string& path, std::uint64_t when_max = 0);
std::map<std::string, std::uint64_t> read_cgroup_table(const std::string& path);
/// "0-2,5" -> 0 1 2 5
std::vector<std::uint16_t> read_cgroup_list(const std::string& path);
/// Names like "2MB" of the page sizes that this machine has.
std::vector<std::string> huge_page_sizes();

}  // namespace tsc
