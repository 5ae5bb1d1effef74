// The small builtins: enough to show processes, files, signals and exit codes in an image without a shell.
#include "builtins.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern char** environ;

namespace whoami {

std::string read_text(const std::string& path) {
  std::string text;
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return text;
  char buffer[4096];
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, got);
  fclose(file);
  return text;
}

std::vector<std::string> read_lines(const std::string& path) {
  std::vector<std::string> lines;
  const std::string text = read_text(path);
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string link_target(const std::string& path) {
  char target[4096];
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  return length < 0 ? "" : std::string(target, static_cast<size_t>(length));
}

int failed(const std::string& what, int error) {
  fprintf(stderr, "%s: %s\n", what.c_str(), strerror(error));
  return 1;
}

namespace {

double seconds_of(const Arguments& arguments, size_t index, double otherwise) {
  return arguments.size() > index ? strtod(arguments[index].c_str(), nullptr) : otherwise;
}

void pause_for(double seconds) {
  timespec left = {static_cast<time_t>(seconds), static_cast<long>((seconds - static_cast<time_t>(seconds)) * 1e9)};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

int run_sleep(const Arguments& arguments) {
  if (arguments.size() > 1 && (arguments[1] == "infinity" || arguments[1] == "inf")) {
    for (;;) pause();
  }
  pause_for(seconds_of(arguments, 1, 1));
  return 0;
}

int run_echo(const Arguments& arguments) {
  const bool newline = arguments.size() < 2 || arguments[1] != "-n";
  for (size_t i = newline ? 1 : 2; i < arguments.size(); ++i) {
    printf("%s%s", arguments[i].c_str(), i + 1 < arguments.size() ? " " : "");
  }
  if (newline) printf("\n");
  fflush(stdout);
  return 0;
}

int run_touch(const Arguments& arguments) {
  int status = 0;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const int fd = open(arguments[i].c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0) {
      status = failed("touch " + arguments[i], errno);
      continue;
    }
    if (futimens(fd, nullptr) != 0) status = failed("touch " + arguments[i], errno);
    close(fd);
  }
  return status;
}

std::string mode_text(mode_t mode) {
  std::string text = "?rwxrwxrwx";
  const std::pair<mode_t, char> kinds[] = {{S_IFDIR, 'd'}, {S_IFREG, '-'}, {S_IFLNK, 'l'}, {S_IFCHR, 'c'},
                                           {S_IFBLK, 'b'}, {S_IFIFO, 'p'}, {S_IFSOCK, 's'}};
  for (const auto& [kind, letter] : kinds) {
    if ((mode & S_IFMT) == kind) text[0] = letter;
  }
  for (int bit = 0; bit < 9; ++bit) {
    if ((mode >> (8 - bit) & 1) == 0) text[1 + bit] = '-';
  }
  if (mode & S_ISUID) text[3] = text[3] == 'x' ? 's' : 'S';
  if (mode & S_ISGID) text[6] = text[6] == 'x' ? 's' : 'S';
  if (mode & S_ISVTX) text[9] = text[9] == 'x' ? 't' : 'T';
  return text;
}

int list_one(const std::string& path, const std::string& shown) {
  struct stat facts = {};
  if (lstat(path.c_str(), &facts) != 0) return failed("ls " + path, errno);
  char date[32];
  tm broken = {};
  gmtime_r(&facts.st_mtime, &broken);
  strftime(date, sizeof date, "%Y-%m-%d %H:%M", &broken);
  char size[32];
  if (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode)) {
    snprintf(size, sizeof size, "%u, %u", major(facts.st_rdev), minor(facts.st_rdev));
  } else {
    snprintf(size, sizeof size, "%lld", static_cast<long long>(facts.st_size));
  }
  const std::string arrow = S_ISLNK(facts.st_mode) ? " -> " + link_target(path) : "";
  printf("%s %3u %5u %5u %10s %s %s%s\n", mode_text(facts.st_mode).c_str(), static_cast<unsigned>(facts.st_nlink),
         facts.st_uid, facts.st_gid, size, date, shown.c_str(), arrow.c_str());
  return 0;
}

std::vector<std::string> sorted_names(DIR* directory) {
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

int list_path(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return errno == ENOTDIR ? list_one(path, path) : failed("ls " + path, errno);
  int status = 0;
  for (const std::string& name : sorted_names(directory)) status |= list_one(path + "/" + name, name);
  closedir(directory);
  return status;
}

/** Always the long numeric form: names of users are another image's business. */
int run_ls(const Arguments& arguments) {
  int status = 0;
  bool listed = false;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i][0] == '-') continue;
    status |= list_path(arguments[i]);
    listed = true;
  }
  return listed ? status : list_path(".");
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

std::string command_line(const std::string& pid) {
  std::string text = read_text("/proc/" + pid + "/cmdline");
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (!text.empty()) return text;
  const std::vector<std::string> name = read_lines("/proc/" + pid + "/comm");
  return name.empty() ? "" : "[" + name.front() + "]";
}

int run_ps(const Arguments&) {
  DIR* directory = opendir("/proc");
  if (directory == nullptr) return failed("ps: open /proc", errno);
  std::vector<std::string> pids = sorted_names(directory);
  closedir(directory);
  pids.erase(std::remove_if(pids.begin(), pids.end(), [](const std::string& name) { return !is_number(name); }),
             pids.end());
  std::sort(pids.begin(), pids.end(), [](const auto& a, const auto& b) { return atol(a.c_str()) < atol(b.c_str()); });
  printf("%7s %7s %6s S COMMAND\n", "PID", "PPID", "UID");
  for (const std::string& pid : pids) {
    std::string state = "?", parent = "?", uid = "?";
    for (const std::string& line : read_lines("/proc/" + pid + "/status")) {
      char word[32];
      if (sscanf(line.c_str(), "State: %31s", word) == 1) state = word;
      if (sscanf(line.c_str(), "PPid: %31s", word) == 1) parent = word;
      if (sscanf(line.c_str(), "Uid: %31s", word) == 1) uid = word;
    }
    if (state == "?") continue;  // ended meanwhile
    printf("%7s %7s %6s %s %s\n", pid.c_str(), parent.c_str(), uid.c_str(), state.c_str(), command_line(pid).c_str());
  }
  return 0;
}

/** watch [SECONDS] [COMMAND...]: runs a builtin again and again; the tour uses it as a process that stays. */
int run_watch(const Arguments& arguments) {
  size_t command = 1;
  double interval = 2;
  if (arguments.size() > 2 && arguments[1] == "-n") {
    interval = strtod(arguments[2].c_str(), nullptr);
    command = 3;
  }
  Arguments watched(arguments.begin() + static_cast<long>(std::min(command, arguments.size())), arguments.end());
  if (watched.empty()) watched = {"ps"};
  const Builtin builtin = find_builtin(watched.front());
  if (builtin == nullptr) return failed("watch " + watched.front(), ENOENT);
  for (;;) {
    if (isatty(STDOUT_FILENO)) printf("\033[H\033[2J");
    builtin(watched);
    fflush(stdout);
    pause_for(std::max(interval, 0.1));
  }
}

int run_exit(const Arguments& arguments) {
  fflush(stdout);
  exit(arguments.size() > 1 ? atoi(arguments[1].c_str()) & 255 : 0);
}

int copy_out(int fd, const std::string& name) {
  char buffer[65536];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cat " + name, errno);
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = write(STDOUT_FILENO, buffer + done, static_cast<size_t>(got - done));
      if (put < 0 && errno != EINTR) return failed("cat: write", errno);
      if (put > 0) done += put;
    }
  }
}

int run_cat(const Arguments& arguments) {
  if (arguments.size() < 2) return copy_out(STDIN_FILENO, "standard input");
  int status = 0;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const int fd = open(arguments[i].c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      status = failed("cat " + arguments[i], errno);
      continue;
    }
    status |= copy_out(fd, arguments[i]);
    close(fd);
  }
  return status;
}

int run_true(const Arguments&) { return 0; }
int run_false(const Arguments&) { return 1; }

/** count N [SECONDS]: numbered lines with a delay between, so that a lost line of log is seen. */
int run_count(const Arguments& arguments) {
  const long lines = arguments.size() > 1 ? atol(arguments[1].c_str()) : 10;
  const double delay = seconds_of(arguments, 2, 0.01);
  for (long line = 1; line <= lines; ++line) {
    printf("%ld\n", line);
    fflush(stdout);
    if (line < lines) pause_for(delay);
  }
  return 0;
}

int run_env(const Arguments&) {
  for (char** variable = environ; *variable != nullptr; ++variable) printf("%s\n", *variable);
  return 0;
}

int run_pwd(const Arguments&) {
  char path[4096];
  if (getcwd(path, sizeof path) == nullptr) return failed("pwd", errno);
  printf("%s\n", path);
  return 0;
}

int run_hostname(const Arguments&) {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) return failed("hostname", errno);
  printf("%s\n", name);
  return 0;
}

int run_help(const Arguments&) {
  for (const std::string& name : builtin_names()) printf("%s ", name.c_str());
  printf("\n");
  return 0;
}

struct Named {
  const char* name;
  Builtin run;
};

const Named kBuiltins[] = {
    {"whoami", run_identity}, {"id", run_id},       {"ps", run_ps},     {"ls", run_ls},       {"cat", run_cat},
    {"echo", run_echo},       {"env", run_env},     {"pwd", run_pwd},   {"hostname", run_hostname}, {"touch", run_touch},
    {"sleep", run_sleep},     {"watch", run_watch}, {"count", run_count}, {"true", run_true}, {"false", run_false},
    {"exit", run_exit},       {"sh", run_shell},    {"help", run_help},
};

}  // namespace

Builtin find_builtin(const std::string& name) {
  for (const Named& builtin : kBuiltins) {
    if (name == builtin.name) return builtin.run;
  }
  return nullptr;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const Named& builtin : kBuiltins) names.push_back(builtin.name);
  return names;
}

}  // namespace whoami
