// A seccomp agent: seccomp-agent SOCKET ERRNO. Takes one container process state with its fd, prints the state, then
// answers: mkdir and mkdirat with ERRNO, every other call with "go on". Ends with the last process of the filter.
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static int receive_state(int connection) {
  static char text[65536];
  struct iovec data = {text, sizeof text - 1};
  char control[CMSG_SPACE(8 * sizeof(int))];
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t size = recvmsg(connection, &message, 0);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (size < 0 || header == NULL || header->cmsg_type != SCM_RIGHTS) return -1;
  printf("%.*s\n", (int)size, text);
  fflush(stdout);
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int main(int count, char** words) {
  if (count != 3) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, words[1], sizeof address.sun_path - 1);
  const int server = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr*)&address, sizeof address) != 0 || listen(server, 4) != 0) return 1;
  puts("ready");
  fflush(stdout);
  alarm(30);
  const int listener = receive_state(accept(server, NULL, NULL));
  if (listener < 0) return 1;
  for (;;) {
    struct pollfd wait = {listener, POLLIN, 0};
    if (poll(&wait, 1, -1) < 0 || (wait.revents & POLLHUP) != 0) return 0;
    struct seccomp_notif request = {0};
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) continue;
    struct seccomp_notif_resp answer = {.id = request.id};
    int is_mkdir = request.data.nr == SYS_mkdirat;
#ifdef SYS_mkdir
    is_mkdir |= request.data.nr == SYS_mkdir;
#endif
    if (is_mkdir) {
      answer.error = -atoi(words[2]);
    } else {
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}
