// state, list and ps on the command line: what there is.
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/commands.h"
#include "cli/json-output.h"
#include "cli/options.h"
#include "linux/error.h"
#include "linux/unique-fd.h"
#include "runtime/state-store.h"

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

/// The fields and their order are runc's.
ordered_json to_json(const ContainerState& state, const std::string& owner) {
  ordered_json value = {{"ociVersion", state.oci_version}, {"id", state.id},         {"pid", state.pid},
                        {"status", state.status},          {"bundle", state.bundle}, {"rootfs", state.rootfs},
                        {"created", state.created}};
  if (!state.annotations.empty()) value["annotations"] = state.annotations;
  value["owner"] = owner;
  return value;
}

/// From /etc/passwd itself: a static program has no name service.
std::string user_name(uid_t uid) {
  std::string name = "#" + std::to_string(uid);
  FILE* users = fopen("/etc/passwd", "re");
  if (users == nullptr) return name;
  while (const passwd* entry = fgetpwent(users)) {
    if (entry->pw_uid != uid) continue;
    name = entry->pw_name;
    break;
  }
  fclose(users);
  return name;
}

std::string owner_of(const std::string& path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0 ? user_name(found.st_uid) : "";
}

void check_format(const std::string& format) {
  if (format != "table" && format != "json") throw_invalid("command line", "invalid format option");
}

using Row = std::array<std::string, 6>;

/// Columns as wide as their widest cell and three blanks, twelve at least.
void print_table(const std::vector<Row>& rows) {
  constexpr size_t kLeast = 12, kGap = 3;
  Row::size_type last = std::tuple_size<Row>::value - 1;
  std::array<size_t, std::tuple_size<Row>::value> widths = {};
  for (const Row& row : rows) {
    for (size_t column = 0; column < row.size(); ++column)
      widths[column] = std::max({widths[column], kLeast, row[column].size() + kGap});
  }
  for (const Row& row : rows) {
    for (size_t column = 0; column < last; ++column)
      printf("%-*s", static_cast<int>(widths[column]), row[column].c_str());
    printf("%s\n", row[last].c_str());
  }
}

std::vector<ordered_json> collect(const Globals& globals) {
  std::vector<ordered_json> all;
  for (const std::string& id : StateStore(globals.config.root).list()) {
    try {
      all.push_back(to_json(container_state(globals.config, id), owner_of(globals.config.root + "/" + id)));
    } catch (const RuntimeError& error) {
      if (error.reason == Reason::not_found) continue;  // deleted meanwhile, or not one of ours
      fprintf(stderr, "load container %s: %s\n", id.c_str(), error.what());
    }
  }
  return all;
}

struct PsOutput {
  std::string text;
  int status = 0;
};

/// ps(1) with these arguments: what it said, on both of its outputs.
PsOutput run_ps_program(const Words& arguments) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("list processes", "pipe2");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  std::vector<char*> argv = {const_cast<char*>("ps")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, writer.get(), 2);
  pid_t pid;
  const int error = posix_spawnp(&pid, "ps", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw_errno(error, "list processes", "posix_spawn", "ps");
  writer.reset();
  PsOutput output;
  char buffer[4096];
  for (ssize_t count; (count = read(reader.get(), buffer, sizeof buffer)) > 0 || (count < 0 && errno == EINTR);) {
    if (count > 0) output.text.append(buffer, static_cast<size_t>(count));
  }
  while (waitpid(pid, &output.status, 0) < 0 && errno == EINTR) {
  }
  return output;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// Of ps's lines the title and those whose PID is one of ours.
void print_own_lines(const std::string& text, const std::vector<pid_t>& pids) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> titles = words_of(line);
  const auto title = std::find(titles.begin(), titles.end(), "PID");
  if (title == titles.end())
    throw RuntimeError("", "list processes", "", 0, "", "couldn't find PID field in ps output");
  const auto column = static_cast<size_t>(title - titles.begin());
  printf("%s\n", line.c_str());
  while (std::getline(lines, line)) {
    const std::vector<std::string> fields = words_of(line);
    if (fields.size() <= column) continue;
    const pid_t pid = static_cast<pid_t>(std::strtol(fields[column].c_str(), nullptr, 10));
    if (std::binary_search(pids.begin(), pids.end(), pid)) printf("%s\n", line.c_str());
  }
}

}  // namespace

int run_state(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  options.expect_arguments("state", 1, 1);
  print_json(to_json(container_state(globals.config, options.arguments()[0]), ""), 2);
  return 0;
}

int run_list(const Globals& globals, const Words& words) {
  const Options options(words, {{"format", 'f', true}, {"quiet", 'q', false}}, false);
  options.expect_arguments("list", 0, 0);
  const std::string format = options.value("format", "table");
  const std::vector<ordered_json> all = collect(globals);
  if (options.has("quiet")) {
    for (const ordered_json& item : all) printf("%s\n", item["id"].get_ref<const std::string&>().c_str());
    return 0;
  }
  check_format(format);
  if (format == "json") {
    print_json(all, -1);
    return 0;
  }
  std::vector<Row> rows = {{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const ordered_json& item : all) {
    rows.push_back({item["id"], std::to_string(item["pid"].get<int>()), item["status"], item["bundle"], item["created"],
                    item["owner"]});
  }
  print_table(rows);
  return 0;
}

int run_ps(const Globals& globals, const Words& words) {
  const Options options(words, {{"format", 'f', true}}, true);
  options.expect_arguments("ps", 1, SIZE_MAX);
  const std::string format = options.value("format", "table");
  const std::vector<pid_t> pids = container_pids(globals.config, options.arguments()[0]);
  check_format(format);
  if (format == "json") {
    print_json(pids, -1);
    return 0;
  }
  Words arguments(options.arguments().begin() + 1, options.arguments().end());
  if (arguments.empty()) arguments = {"-ef"};
  const PsOutput output = run_ps_program(arguments);
  if (output.status != 0) throw RuntimeError("", "list processes", "", 0, "", "ps: " + output.text);
  print_own_lines(output.text, pids);
  return 0;
}

}  // namespace tsc::cli
