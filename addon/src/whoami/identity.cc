// The report: what a process can learn about its container from the inside, section by section.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "builtins.h"

namespace whoami {
namespace {

constexpr size_t kMountsShown = 64;

// Bit order of linux/capability.h; the kernel's own list may be longer, then the bit's number is shown.
const char* const kCapabilityNames[] = {
    "CHOWN",        "DAC_OVERRIDE",     "DAC_READ_SEARCH", "FOWNER",         "FSETID",        "KILL",
    "SETGID",       "SETUID",           "SETPCAP",         "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_ADMIN",    "NET_RAW",          "IPC_LOCK",        "IPC_OWNER",      "SYS_MODULE",    "SYS_RAWIO",
    "SYS_CHROOT",   "SYS_PTRACE",       "SYS_PACCT",       "SYS_ADMIN",      "SYS_BOOT",      "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME",         "SYS_TTY_CONFIG",  "MKNOD",          "LEASE",         "AUDIT_WRITE",
    "AUDIT_CONTROL", "SETFCAP",         "MAC_OVERRIDE",    "MAC_ADMIN",      "SYSLOG",        "WAKE_ALARM",
    "BLOCK_SUSPEND", "AUDIT_READ",      "PERFMON",         "BPF",            "CHECKPOINT_RESTORE"};

struct Limit {
  int resource;
  const char* name;
};
const Limit kLimits[] = {{RLIMIT_NOFILE, "open files"}, {RLIMIT_NPROC, "processes"}, {RLIMIT_CORE, "core size"},
                         {RLIMIT_STACK, "stack size"},  {RLIMIT_MEMLOCK, "locked memory"}, {RLIMIT_AS, "address space"}};

void heading(const char* text) { printf("\n%s\n", text); }

void row(const std::string& name, const std::string& value) {
  printf("  %-16s %s\n", name.c_str(), value.c_str());
}

/** Fields of /proc/self/status by name. */
std::map<std::string, std::string> status_fields() {
  std::map<std::string, std::string> fields;
  for (const std::string& line : read_lines("/proc/self/status")) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const size_t start = line.find_first_not_of(" \t", colon + 1);
    fields[line.substr(0, colon)] = start == std::string::npos ? "" : line.substr(start);
  }
  return fields;
}

std::string account_name(const char* file, unsigned id) {
  for (const std::string& line : read_lines(file)) {
    const size_t name = line.find(':');
    const size_t password = name == std::string::npos ? name : line.find(':', name + 1);
    if (password == std::string::npos) continue;
    if (strtoul(line.c_str() + password + 1, nullptr, 10) == id) return line.substr(0, name);
  }
  return "";
}

std::string with_name(const char* file, unsigned id) {
  const std::string name = account_name(file, id);
  return std::to_string(id) + (name.empty() ? "" : "(" + name + ")");
}

std::string group_list() {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  if (!groups.empty() && getgroups(static_cast<int>(groups.size()), groups.data()) < 0) groups.clear();
  std::string text;
  for (gid_t group : groups) text += (text.empty() ? "" : ",") + with_name("/etc/group", group);
  return text.empty() ? with_name("/etc/group", getgid()) : text;
}

std::string collapsed(const std::string& text) {
  std::string out;
  for (char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n';
    if (!space) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string capability_text(const std::string& hex) {
  const uint64_t bits = strtoull(hex.c_str(), nullptr, 16);
  if (bits == 0) return "none";
  int last = 40;
  const std::string last_text = read_text("/proc/sys/kernel/cap_last_cap");
  if (!last_text.empty()) last = atoi(last_text.c_str());
  const uint64_t all = (uint64_t{2} << last) - 1;
  if ((bits & all) == all) return "all " + std::to_string(last + 1);
  std::string text;
  for (int bit = 0; bit < 64; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    const bool named = static_cast<size_t>(bit) < std::size(kCapabilityNames);
    text += (text.empty() ? "" : " ") + (named ? std::string(kCapabilityNames[bit]) : std::to_string(bit));
  }
  return text;
}

void print_process(const std::map<std::string, std::string>& status) {
  heading("process");
  row("pid", std::to_string(getpid()));
  row("parent pid", getppid() == 0 ? "0 (outside of this pid namespace)" : std::to_string(getppid()));
  if (status.count("NSpid")) row("pids, outer first", collapsed(status.at("NSpid")));
  row("user", with_name("/etc/passwd", getuid()));
  row("group", with_name("/etc/group", getgid()));
  row("groups", group_list());
  char directory[4096];
  row("directory", getcwd(directory, sizeof directory) != nullptr ? directory : "?");
}

void print_user_namespace() {
  heading("user namespace (inside outside count)");
  for (const char* file : {"uid_map", "gid_map"}) {
    for (const std::string& line : read_lines(std::string("/proc/self/") + file)) row(file, collapsed(line));
  }
}

void print_host() {
  heading("host");
  utsname names = {};
  if (uname(&names) != 0) return;
  row("hostname", names.nodename);
  row("domain name", names.domainname);
  row("kernel", std::string(names.sysname) + " " + names.release + " " + names.machine);
}

void print_namespaces() {
  heading("namespaces");
  for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    const std::string target = link_target(std::string("/proc/self/ns/") + name);
    if (!target.empty()) row(name, target);
  }
}

void print_privileges(const std::map<std::string, std::string>& status) {
  heading("capabilities");
  const std::pair<const char*, const char*> sets[] = {{"CapEff", "effective"}, {"CapPrm", "permitted"},
                                                      {"CapInh", "inheritable"}, {"CapBnd", "bounding"},
                                                      {"CapAmb", "ambient"}};
  for (const auto& [field, name] : sets) {
    if (status.count(field)) row(name, capability_text(status.at(field)));
  }
  heading("confinement");
  if (status.count("NoNewPrivs")) row("no new privs", status.at("NoNewPrivs") == "1" ? "yes" : "no");
  if (status.count("Seccomp")) {
    const std::string& mode = status.at("Seccomp");
    row("seccomp", mode == "0" ? "off" : mode == "1" ? "strict" : "filter");
  }
  const std::string label = collapsed(read_text("/proc/self/attr/current"));
  if (!label.empty()) row("security label", label);
}

std::string bytes_text(const std::string& text) {
  if (text.empty()) return "";
  if (text == "max") return "no limit";
  const uint64_t bytes = strtoull(text.c_str(), nullptr, 10);
  if (bytes >= (uint64_t{1} << 60)) return "no limit";
  char buffer[48];
  snprintf(buffer, sizeof buffer, "%.1f MiB", static_cast<double>(bytes) / 1048576.0);
  return buffer;
}

std::string first_of(std::initializer_list<const char*> paths) {
  for (const char* path : paths) {
    const std::string text = collapsed(read_text(path));
    if (!text.empty()) return text;
  }
  return "";
}

void print_resources() {
  heading("resources");
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) row("cpus", std::to_string(CPU_COUNT(&cpus)));
  const std::string quota = first_of({"/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"});
  if (!quota.empty()) row("cpu quota", quota[0] == '-' || quota[0] == 'm' ? "no limit" : quota + " us");
  const std::string memory =
      bytes_text(first_of({"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}));
  if (!memory.empty()) row("memory", memory);
  const std::string pids = first_of({"/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"});
  if (!pids.empty()) row("pids", pids == "max" ? "no limit" : pids);
  for (const Limit& limit : kLimits) {
    rlimit value = {};
    if (getrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) continue;
    const auto text = [](rlim_t number) { return number == RLIM_INFINITY ? "no limit" : std::to_string(number); };
    row(limit.name, text(value.rlim_cur) + " (hard " + text(value.rlim_max) + ")");
  }
  for (const std::string& line : read_lines("/proc/self/cgroup")) row("cgroup", line);
}

void print_interfaces() {
  heading("network interfaces");
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    char text[INET6_ADDRSTRLEN] = "";
    const int family = entry->ifa_addr == nullptr ? AF_UNSPEC : entry->ifa_addr->sa_family;
    if (family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(entry->ifa_addr)->sin_addr, text, sizeof text);
    } else if (family == AF_INET6) {
      inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(entry->ifa_addr)->sin6_addr, text, sizeof text);
    }
    if (family == AF_PACKET) row(entry->ifa_name, entry->ifa_flags & IFF_UP ? "up" : "down");
    if (text[0] != '\0') row(entry->ifa_name, text);
  }
  freeifaddrs(list);
}

void print_mounts() {
  heading("mounts");
  const std::vector<std::string> lines = read_lines("/proc/self/mounts");
  for (size_t i = 0; i < std::min(lines.size(), kMountsShown); ++i) {
    char source[256], point[256], type[64], options[256];
    if (sscanf(lines[i].c_str(), "%255s %255s %63s %255s", source, point, type, options) != 4) continue;
    printf("  %-28s %-10s %.60s\n", point, type, options);
  }
  if (lines.size() > kMountsShown) printf("  ... and %zu more\n", lines.size() - kMountsShown);
}

}  // namespace

int run_identity(const Arguments&) {
  const auto status = status_fields();
  printf("This is a container of tscontainer, seen from the inside.\n");
  print_process(status);
  print_user_namespace();
  print_host();
  print_namespaces();
  print_privileges(status);
  print_resources();
  print_interfaces();
  print_mounts();
  return 0;
}

int run_id(const Arguments&) {
  printf("uid=%s gid=%s groups=%s\n", with_name("/etc/passwd", getuid()).c_str(),
         with_name("/etc/group", getgid()).c_str(), group_list().c_str());
  return 0;
}

}  // namespace whoami
