// A line-reading loop over the builtins, so that `run -it` has something to talk to. It is not a POSIX shell: words,
// quotes, $NAME and $?, `;`, `&&`, `||`, `&`, > and >>, cd, exec; no pipes, no control flow.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "builtins.h"

namespace whoami {
namespace {

struct Word {
  std::string text;
  bool is_operator = false;
};

int last_status = 0;

std::string expand_variable(const std::string& line, size_t& at) {
  size_t end = at + 1;
  if (end < line.size() && (line[end] == '?' || line[end] == '$')) {
    const bool status = line[end] == '?';
    at = end;
    return std::to_string(status ? last_status : getpid());
  }
  while (end < line.size() && (isalnum(static_cast<unsigned char>(line[end])) || line[end] == '_')) ++end;
  const std::string name = line.substr(at + 1, end - at - 1);
  if (name.empty()) return "$";
  at = end - 1;
  const char* value = getenv(name.c_str());
  return value == nullptr ? "" : value;
}

void push_word(std::vector<Word>& words, std::string& word, bool& begun) {
  if (begun) words.push_back({word, false});
  word.clear();
  begun = false;
}

std::vector<Word> words_of(const std::string& line) {
  std::vector<Word> words;
  std::string word;
  bool begun = false;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (c == '$' && quote != '\'') {
      word += expand_variable(line, i);
      begun = true;
    } else if (quote != '\0') {
      word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      begun = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      begun = true;
    } else if (c == '#' && !begun) {
      break;
    } else if (strchr(";&|>", c) != nullptr) {
      push_word(words, word, begun);
      const bool twice = c != ';' && i + 1 < line.size() && line[i + 1] == c;
      words.push_back({std::string(twice ? 2 : 1, c), true});
      if (twice) ++i;
    } else if (c == ' ' || c == '\t') {
      push_word(words, word, begun);
    } else {
      word += c;
      begun = true;
    }
  }
  push_word(words, word, begun);
  return words;
}

/** In the child: the program of that path, else a builtin. */
[[noreturn]] void become(const Arguments& arguments) {
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  const bool own = find_builtin(arguments.front()) != nullptr && arguments.front() != "sh";
  // A builtin is executed too, not called: `ps` then shows its name, not the shell's.
  if (own) execv("/proc/self/exe", raw.data());
  if (!own) execvp(raw[0], raw.data());
  fprintf(stderr, "sh: %s: %s\n", arguments.front().c_str(), errno == ENOENT ? "not found" : strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

bool redirect(const std::string& target, bool append) {
  const int fd = open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
  if (fd < 0) return failed("sh: " + target, errno) == 0;
  dup2(fd, STDOUT_FILENO);
  close(fd);
  return true;
}

int status_of(int wait) { return WIFSIGNALED(wait) ? 128 + WTERMSIG(wait) : WEXITSTATUS(wait); }

struct Simple {
  Arguments arguments;
  std::string output;
  bool append = false;
};

int change_directory(const Simple& command) {
  const char* home = getenv("HOME");
  const std::string path = command.arguments.size() > 1 ? command.arguments[1] : home == nullptr ? "/" : home;
  return chdir(path.c_str()) == 0 ? 0 : failed("cd " + path, errno);
}

int run_simple(const Simple& command, bool background) {
  if (command.arguments.empty()) return command.output.empty() || redirect(command.output, command.append) ? 0 : 1;
  const std::string& name = command.arguments.front();
  if (name == "cd") return change_directory(command);
  if (name == "exit") {
    const bool given = command.arguments.size() > 1;
    return find_builtin("exit")(given ? command.arguments : Arguments{"exit", std::to_string(last_status)});
  }
  if (name == "exec" && command.arguments.size() > 1) {
    become(Arguments(command.arguments.begin() + 1, command.arguments.end()));
  }
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return failed("sh: fork", errno);
  if (child == 0) {
    signal(SIGINT, SIG_DFL);
    if (!command.output.empty() && !redirect(command.output, command.append)) _exit(1);
    become(command.arguments);
  }
  if (background) return 0;
  int wait = 0;
  while (waitpid(child, &wait, 0) < 0) {
    if (errno != EINTR) return failed("sh: wait", errno);
  }
  return status_of(wait);
}

int run_line(const std::string& line) {
  const std::vector<Word> words = words_of(line);
  Simple command;
  bool skip = false;
  for (size_t i = 0; i <= words.size(); ++i) {
    const bool end = i == words.size();
    if (!end && !words[i].is_operator) {
      command.arguments.push_back(words[i].text);
      continue;
    }
    const std::string separator = end ? ";" : words[i].text;
    if (separator[0] == '>') {
      command.append = separator.size() == 2;
      if (i + 1 < words.size()) command.output = words[++i].text;
      continue;
    }
    if (separator == "|") return failed("sh: a pipe", EOPNOTSUPP);
    const bool nothing = command.arguments.empty() && command.output.empty();
    if (!skip && !nothing) last_status = run_simple(command, separator == "&");
    command = {};
    skip = (separator == "&&" && last_status != 0) || (separator == "||" && last_status == 0);
  }
  return last_status;
}

void reap_background() {
  while (waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

}  // namespace

int run_shell(const Arguments& arguments) {
  if (arguments.size() > 2 && arguments[1] == "-c") return run_line(arguments[2]);
  const bool interactive = isatty(STDIN_FILENO);
  if (interactive) signal(SIGINT, SIG_IGN);
  char* line = nullptr;
  size_t room = 0;
  for (;;) {
    reap_background();
    if (interactive) printf("%s ", getuid() == 0 ? "#" : "$");
    fflush(stdout);
    const ssize_t length = getline(&line, &room, stdin);
    if (length < 0) break;
    run_line(std::string(line, static_cast<size_t>(length > 0 && line[length - 1] == '\n' ? length - 1 : length)));
  }
  if (interactive) printf("\n");
  free(line);
  return last_status;
}

}  // namespace whoami
