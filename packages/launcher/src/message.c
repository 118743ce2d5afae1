#define _GNU_SOURCE
#include "message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

const char *step_name(enum step step) {
  static const char *const names[] = {
      [STEP_NONE] = "",
      [STEP_PRIVILEGE] = "privilege",
      [STEP_PLAN] = "plan",
      [STEP_RUN_DIR] = "run-dir",
      [STEP_LOCK] = "lock",
      [STEP_STDIN] = "stdin",
      [STEP_PIPES] = "pipes",
      [STEP_CGROUP] = "cgroup",
      [STEP_CONTROL] = "control",
      [STEP_NAMESPACES] = "namespaces",
      [STEP_PROPAGATION] = "propagation",
      [STEP_SOURCE] = "source",
      [STEP_TARGET] = "target",
      [STEP_MOUNT] = "mount",
      [STEP_SELF_CHECK] = "self-check",
      [STEP_ALIAS] = "alias",
      [STEP_KEYRING] = "keyring",
      [STEP_IDENTITY] = "identity",
      [STEP_VERIFY] = "verify",
      [STEP_FORK] = "fork",
      [STEP_LIMITS] = "limits",
      [STEP_WORKDIR] = "workdir",
      [STEP_EXEC] = "exec",
      [STEP_RECORD] = "record",
      [STEP_DIED] = "died",
  };
  return (size_t)step < sizeof names / sizeof names[0] ? names[step] : "unknown";
}

bool send_message(int channel, struct message message) {
  ssize_t sent;
  do sent = send(channel, &message, sizeof message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == (ssize_t)sizeof message;
}

int receive_message(int channel, struct message *message, bool wait, pid_t *pid) {
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
  } control;
  struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t got;
  do got = recvmsg(channel, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
  // Reset says, once, that the other end closed without having read all of ours; what it wrote before is still to be read.
  while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got == 0) return 0;
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
  if (got != (ssize_t)sizeof *message) return 0;
  const struct cmsghdr *item = CMSG_FIRSTHDR(&header);
  if (pid != NULL && item != NULL && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_CREDENTIALS) {
    struct ucred credentials;
    memcpy(&credentials, CMSG_DATA(item), sizeof credentials);
    *pid = credentials.pid;
  }
  return 1;
}

int open_channel(int ends[2], bool with_credentials) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  int on = 1;
  return with_credentials ? setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) : 0;
}
