// Owns: process 1 of the PID namespace. It has the account's ids, no capability, and cannot be traced or killed from inside. When
// it ends the kernel ends everything else in the sandbox, so it ends exactly when the target has.
// Leaves to others: what happened to the target means (monitor).
#define _GNU_SOURCE
#include "reap.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system_calls.h"

_Noreturn void give_up(int channel, struct failure failure) {
  struct message message = {.kind = MESSAGE_FAILED, .step = failure.step, .number = failure.error, .index = failure.index};
  (void)send_message(channel, message);
  _exit(EXIT_SETUP);
}

_Noreturn static void give_up_at(int channel, enum step step) {
  give_up(channel, (struct failure){.step = step, .error = errno, .index = -1});
}

static int limit_resources(const struct plan *plan) {
  for (size_t at = 0; at < plan->limit_count; at++) {
    struct rlimit now;
    const struct resource_limit *asked = &plan->limits[at];
    if (getrlimit((__rlimit_resource_t)asked->resource, &now) != 0) return -1;
    // Raising a hard limit needs rights that we gave up; the agent's own limit is the ceiling.
    if (asked->hard < now.rlim_max) now.rlim_max = asked->hard;
    now.rlim_cur = asked->soft < now.rlim_max ? asked->soft : now.rlim_max;
    if (setrlimit((__rlimit_resource_t)asked->resource, &now) != 0) return -1;
  }
  return 0;
}

static bool is_reachable_directory(void) {
  static char path[PATH_BYTES_MAX + 1];
  long length = syscall(SYS_getcwd, path, sizeof path);
  return length > 0 && path[0] == '/'; // else "(unreachable)/…"
}

_Noreturn static void run_target(const struct plan *plan) {
  const int channel = TARGET_CHANNEL;
  if (setsid() < 0) give_up_at(channel, STEP_FORK);
  if (!send_message(channel, (struct message){.kind = MESSAGE_HELLO, .step = STEP_NONE, .number = 0, .index = -1})) _exit(EXIT_SETUP);
  if (limit_resources(plan) != 0) give_up_at(channel, STEP_LIMITS);
  umask(plan->umask);
  // As the account and after the mounts: a directory that it cannot enter is not entered for it.
  if (chdir(plan->workdir) != 0) give_up_at(channel, STEP_WORKDIR);
  if (!is_reachable_directory()) {
    errno = ENOENT;
    give_up_at(channel, STEP_WORKDIR);
  }
  sigset_t none;
  sigemptyset(&none);
  // The place of the seccomp filter: last, so that nothing above has to be allowed by it.
  if (sys_close_range(INIT_DESCRIPTORS, ~0U) != 0 || close(INIT_CHANNEL) != 0 || sigprocmask(SIG_SETMASK, &none, NULL) != 0) {
    give_up_at(channel, STEP_FORK);
  }
  // The channel closes itself when this succeeds: that is the news.
  execve(plan->arguments[0], (char *const *)(uintptr_t)plan->arguments, (char *const *)(uintptr_t)plan->environment);
  give_up_at(channel, STEP_EXEC);
}

static void take_orders(pid_t target) {
  struct message message;
  int got = receive_message(INIT_CHANNEL, &message, false, NULL);
  if (got == 0) _exit(EXIT_SETUP); // the monitor is gone; the kernel's signal is on its way as well
  // Not reaped yet, so the number cannot belong to anybody else.
  if (got > 0 && message.kind == MESSAGE_SIGNAL && kill(-target, message.number) != 0) (void)kill(target, message.number);
}

static void reap(pid_t target) {
  for (;;) {
    int status = 0;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended <= 0) return;
    if (ended != target) continue;
    (void)send_message(INIT_CHANNEL, (struct message){.kind = MESSAGE_EXITED, .step = STEP_NONE, .number = status, .index = -1});
    _exit(0);
  }
}

_Noreturn void start_and_reap(struct plan *plan) {
  sigset_t all;
  sigfillset(&all);
  if (sigprocmask(SIG_SETMASK, &all, NULL) != 0) give_up_at(INIT_CHANNEL, STEP_FORK);
  // Shares our memory until it executes, so nothing is copied; we wait so long. It only makes system calls and ends by _exit.
  pid_t target = vfork();
  if (target < 0) give_up_at(INIT_CHANNEL, STEP_FORK);
  if (target == 0) run_target(plan);
  // Output ends when the content's last process does, not when we do.
  close(STDIN_FILENO);
  close(STDOUT_FILENO);
  close(STDERR_FILENO);
  close(TARGET_CHANNEL);
  forget_plan(plan);
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (children_fd < 0) give_up_at(INIT_CHANNEL, STEP_FORK);
  for (;;) {
    struct signalfd_siginfo ignored[4];
    reap(target);
    struct pollfd sources[2] = {{.fd = children_fd, .events = POLLIN}, {.fd = INIT_CHANNEL, .events = POLLIN}};
    if (poll(sources, 2, -1) < 0 && errno != EINTR) _exit(EXIT_SETUP);
    if (sources[0].revents != 0) (void)!read(children_fd, ignored, sizeof ignored);
    if (sources[1].revents != 0) take_orders(target);
  }
}
