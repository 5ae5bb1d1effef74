// kill, pause, resume and delete on the command line.
#include <signal.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "linux/error.h"

namespace tsc::cli {
namespace {

/// A number, a name with or without SIG in either case, RTMIN+n, RTMAX-n.
int signal_number(const std::string& word) {
  std::string text = word;
  if (!text.empty() && text.size() < 4 && text.find_first_not_of("0123456789") == std::string::npos)
    return static_cast<int>(to_integer("signal", text));
  for (char& letter : text) letter = static_cast<char>(toupper(letter));
  if (text.rfind("SIG", 0) == 0) text.erase(0, 3);
  for (int number = 1; number < 32; ++number) {
    const char* name = sigabbrev_np(number);
    if (name != nullptr && text == name) return number;
  }
  if (text == "IOT") return SIGIOT;
  if (text == "CLD") return SIGCHLD;
  const bool is_least = text.rfind("RTMIN", 0) == 0;
  if (is_least || text.rfind("RTMAX", 0) == 0) {
    const int number = (is_least ? SIGRTMIN : SIGRTMAX) +
                       (text.size() > 5 ? static_cast<int>(to_integer("signal", text.substr(5))) : 0);
    if (number >= SIGRTMIN && number <= SIGRTMAX) return number;
  }
  throw_invalid("command line", "unknown signal \"" + word + "\"");
}

}  // namespace

int run_kill(const Globals& globals, const Words& words) {
  const Options options(words, {{"all", 'a', false}}, false);
  options.expect_arguments("kill", 1, 2);
  std::string signal = options.arguments().size() > 1 ? options.arguments()[1] : "";
  if (signal.empty()) signal = "TERM";
  kill_process(globals.config, options.arguments()[0], "", signal_number(signal), options.has("all"));
  return 0;
}

int run_delete(const Globals& globals, const Words& words) {
  const Options options(words, {{"force", 'f', false}}, false);
  options.expect_arguments("delete", 1, 1);
  log_warnings(globals, delete_container(globals.config, options.arguments()[0], options.has("force")));
  return 0;
}

int run_pause(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  options.expect_arguments("pause", 1, 1);
  pause_container(globals.config, options.arguments()[0]);
  return 0;
}

int run_resume(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  options.expect_arguments("resume", 1, 1);
  resume_container(globals.config, options.arguments()[0]);
  return 0;
}

}  // namespace tsc::cli
