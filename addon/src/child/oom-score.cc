// The score by which the kernel chooses a victim: see the header.
#include "child/oom-score.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

namespace tsc::child {
namespace {

constexpr char kFile[] = "/proc/self/oom_score_adj";

bool read_own(OomScore& score) {
  const int fd = open(kFile, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const long length = read_retry(fd, score.own, sizeof score.own - 1);
  close(fd);
  if (length <= 0) return false;
  score.own[length] = '\0';
  return true;
}

int to_number(const char* text) {
  const bool is_negative = *text == '-';
  int value = 0;
  for (const char* digit = text + (is_negative ? 1 : 0); *digit >= '0' && *digit <= '9'; ++digit)
    value = value * 10 + (*digit - '0');
  return is_negative ? -value : value;
}

bool write_score(int score) {
  char text[kNumberSpace];
  format_number(text, score < 0 ? "-" : "", score < 0 ? -score : score, "");
  return write_file_at(AT_FDCWD, kFile, text);
}

/// Between one that is refused and one that is in force: the lowest that is not refused, in force afterwards.
int find_lowest(int refused, int taken) {
  while (taken - refused > 1) {
    const int middle = refused + (taken - refused) / 2;
    if (write_score(middle)) {
      taken = middle;
    } else {
      refused = middle;
    }
  }
  return taken;
}

}  // namespace

bool take_oom_score(Context& context, OomScore& before) {
  const Process& process = context.plan->process;
  before.own[0] = '\0';
  if (!process.has_oom_score) return true;
  begin_step(context, Step::set_oom_score);
  if (!read_own(before)) {
    record_failure(context, "read", kFile);
    return false;
  }
  if (write_score(process.oom_score)) return true;
  if (errno != EACCES && errno != EPERM) {
    record_failure(context, "write", kFile);
    return false;
  }
  context.report.is_oom_score_higher = true;
  context.report.oom_score = find_lowest(process.oom_score, to_number(before.own));
  return true;
}

void restore_oom_score(const OomScore& before) {
  if (before.own[0] != '\0') write_score(to_number(before.own));
}

}  // namespace tsc::child
