// keys KEY-NAME: the session keyring's description, and whether a user key of that name can be found from here.
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char** words) {
  char text[256] = "";
  if (count != 2) return 2;
  syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text - 1);
  errno = 0;
  const long found = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", words[1], 0);
  printf("%s\n%s\n", text, found > 0 ? "found" : errno == ENOKEY ? "none" : "refused");
  return 0;
}
