// Makes one system call by number and says what came back: call NUMBER [ARG...]; with -32 as first word by int 0x80.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long call32(long number, long first) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first) : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
#else
  (void)number, (void)first;
  return -ENOSYS;
#endif
}

int main(int count, char** words) {
  long arguments[7] = {0};
  const int is_32 = count > 1 && strcmp(words[1], "-32") == 0;
  for (int i = 1 + is_32; i < count && i < 8; ++i) arguments[i - 1 - is_32] = (long)strtoull(words[i], NULL, 0);
  errno = 0;
  if (is_32) {
    const long result = call32(arguments[0], arguments[1]);
    errno = result < 0 ? (int)-result : 0;
  } else {
    syscall(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5], arguments[6]);
  }
  printf("%d\n", errno);
  return 0;
}
