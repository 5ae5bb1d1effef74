// with-key KEY-NAME PROGRAM ARG...: a new session keyring with a user key in it, then the program.
#include <linux/keyctl.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char** words) {
  if (count < 3) return 2;
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) return 1;
  if (syscall(SYS_add_key, "user", words[1], "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0) return 1;
  execvp(words[2], words + 2);
  return 1;
}
