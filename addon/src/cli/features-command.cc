// features on the command line: what this runtime can do, for callers that choose by it. runtime-spec features.md
#include <seccomp.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/json-output.h"
#include "cli/options.h"
#include "cli/version.h"
#include "linux/capabilities.h"
#include "linux/mount-options.h"

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

ordered_json capability_names() {
  ordered_json names = ordered_json::array();
  for (int number = 0; number < kCapabilityCount; ++number) names.push_back(std::string(capability_name(number)));
  return names;
}

ordered_json seccomp_features() {
  return {{"enabled", true},
          {"actions",
           {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
            "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"}},
          {"operators",
           {"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ",
            "SCMP_CMP_NE"}},
          {"archs",
           {"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32",
            "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64",
            "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32",
            "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"}},
          {"knownFlags",
           {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}},
          {"supportedFlags",
           {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
}

ordered_json linux_features() {
  return {{"namespaces", {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}},
          {"capabilities", capability_names()},
          {"cgroup", {{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", true}, {"rdma", true}}},
          {"seccomp", seccomp_features()},
          {"apparmor", {{"enabled", true}}},
          {"selinux", {{"enabled", true}}},
          {"intelRdt", {{"enabled", true}, {"schemata", true}, {"monitoring", true}}},
          {"memoryPolicy",
           {{"modes",
             {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY",
              "MPOL_WEIGHTED_INTERLEAVE"}},
            {"flags", {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"}}}},
          {"mountExtensions", {{"idmap", {{"enabled", true}}}}},
          {"netDevices", {{"enabled", true}}}};
}

}  // namespace

int run_features(const Globals&, const Words& words) {
  Options(words, {}, false).expect_arguments("features", 0, 0);
  const scmp_version* seccomp = seccomp_version();
  const std::string version =
      std::to_string(seccomp->major) + "." + std::to_string(seccomp->minor) + "." + std::to_string(seccomp->micro);
  print_json(
      {{"ociVersionMin", "1.0.0"},
       {"ociVersionMax", kSpecVersion},
       {"hooks", {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}},
       {"mountOptions", known_mount_options()},
       {"linux", linux_features()},
       {"annotations", {{"io.github.seccomp.libseccomp.version", version}, {"org.tscontainer.version", kVersion}}},
       {"potentiallyUnsafeConfigAnnotations", ordered_json::array({"org.systemd.property."})}},
      2);
  return 0;
}

}  // namespace tsc::cli
