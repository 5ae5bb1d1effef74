// Reading the controllers' files: see the header.
#include "linux/cgroup-files.h"

#include <dirent.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "linux/file.h"

namespace tsc {
namespace {

constexpr unsigned long kMaxCpu = 65535;

/// The kernel's own way to name sizes: hugetlb_cgroup.c, mem_fmt
std::string size_name(unsigned long long kilobytes) {
  if (kilobytes >= 1024 * 1024) return std::to_string(kilobytes / (1024 * 1024)) + "GB";
  return kilobytes >= 1024 ? std::to_string(kilobytes / 1024) + "MB" : std::to_string(kilobytes) + "KB";
}

}  // namespace

std::uint64_t read_cgroup_number(const std::string& path, std::uint64_t when_max) {
  std::string content;
  if (!try_read_file(path, content)) return 0;
  return content.rfind("max", 0) == 0 ? when_max : std::strtoull(content.c_str(), nullptr, 10);
}

std::map<std::string, std::uint64_t> read_cgroup_table(const std::string& path) {
  std::map<std::string, std::uint64_t> table;
  std::string content;
  if (!try_read_file(path, content)) return table;
  std::istringstream words(content);
  std::string key;
  std::uint64_t value;
  while (words >> key >> value) table[key] = value;
  return table;
}

std::vector<std::uint16_t> read_cgroup_list(const std::string& path) {
  std::vector<std::uint16_t> list;
  std::string content;
  if (!try_read_file(path, content)) return list;
  std::istringstream ranges(content);
  std::string range;
  while (std::getline(ranges, range, ',')) {
    char* end = nullptr;
    const unsigned long first = std::strtoul(range.c_str(), &end, 10);
    if (end == range.c_str()) continue;
    const unsigned long last = *end == '-' ? std::strtoul(end + 1, nullptr, 10) : first;
    for (unsigned long each = first; each <= std::min(last, kMaxCpu); ++each)
      list.push_back(static_cast<std::uint16_t>(each));
  }
  return list;
}

std::vector<std::string> huge_page_sizes() {
  std::vector<std::string> sizes;
  DIR* directory = opendir("/sys/kernel/mm/hugepages");
  if (directory == nullptr) return sizes;
  while (const dirent* entry = readdir(directory)) {
    unsigned long long kilobytes;
    if (sscanf(entry->d_name, "hugepages-%llukB", &kilobytes) == 1) sizes.push_back(size_name(kilobytes));
  }
  closedir(directory);
  return sizes;
}

}  // namespace tsc
