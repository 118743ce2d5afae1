// Owns: the order between clone and exec (docs/architecture/launcher.md): cgroups, view, check, keyring, account,
// target. Promises: no code of the content runs before every one of them has succeeded and was verified.
#define _GNU_SOURCE
#include "namespaces.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "mounts.h"
#include "reap.h"
#include "system_calls.h"
#include "text.h"

static struct attached attached_mounts[MOUNTS_MAX];

// Numbers below INIT_DESCRIPTORS are taken in this process, so no move overwrites a descriptor that is still to be moved.
static int arrange_descriptors(const struct birth *birth) {
  for (int at = 0; at < 3; at++) {
    if (dup2(birth->standard[at], at) < 0) return -1;
  }
  if (dup3(birth->init_channel, INIT_CHANNEL, O_CLOEXEC) < 0 || dup3(birth->target_channel, TARGET_CHANNEL, O_CLOEXEC) < 0) return -1;
  return sys_close_range(INIT_DESCRIPTORS, ~0U);
}

static void default_signals(void) {
  // Ignored signals stay ignored over exec: the monitor's own must not reach the content.
  signal(SIGPIPE, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
}

// Best effort: under memory pressure the kernel should choose content before the monitors.
static void raise_oom_score(int score) {
  char digits[16];
  struct text text = text_over(digits, sizeof digits);
  if (score == 0) return;
  text_add_number(&text, (uint64_t)score);
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)write_all(fd, digits, strlen(digits));
  close(fd);
}

static void wait_for_go(void) {
  struct message message;
  if (receive_message(INIT_CHANNEL, &message, true, NULL) != 1 || message.kind != MESSAGE_GO) _exit(EXIT_SETUP);
}

static void die_with_monitor(void) {
  struct pollfd source = {.fd = INIT_CHANNEL, .events = 0};
  if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) != 0) _exit(EXIT_SETUP);
  // It may have died before the line above; then its end of the channel is closed.
  if (poll(&source, 1, 0) != 0) _exit(EXIT_SETUP);
}

_Noreturn static void be_sandbox(struct plan *plan, const struct cgroups *cgroups, const struct birth *birth) {
  struct failure failure = {0};
  if (enter_cgroups(cgroups, &failure) != 0) give_up(birth->init_channel, failure);
  if (arrange_descriptors(birth) != 0) _exit(EXIT_SETUP);
  default_signals();
  die_with_monitor();
  (void)prctl(PR_SET_NAME, "berth-init", 0UL, 0UL, 0UL);
  // The place of a PAM session is before this: opened by the monitor, in the host's PID namespace, with the private /tmp made.
  if (build_view(plan, attached_mounts, &failure) != 0) give_up(INIT_CHANNEL, failure);
  if (check_view(plan, attached_mounts, &failure) != 0) give_up(INIT_CHANNEL, failure);
  if (!send_message(INIT_CHANNEL, (struct message){.kind = MESSAGE_MOUNTED, .step = STEP_NONE, .number = 0, .index = -1})) _exit(EXIT_SETUP);
  wait_for_go();
  raise_oom_score(plan->oom_score_adj);
  if (chdir("/") != 0) give_up(INIT_CHANNEL, (struct failure){.step = STEP_IDENTITY, .error = errno, .index = -1});
  if (join_own_keyring(plan, &failure) != 0) give_up(INIT_CHANNEL, failure);
  if (become_account(plan, &failure) != 0) give_up(INIT_CHANNEL, failure);
  // Again: the kernel clears it at a change of ids. The place of Landlock scopes is here.
  die_with_monitor();
  start_and_reap(plan);
}

static pid_t clone_into(struct cgroups *cgroups, int leaf, int *pidfd) {
  struct clone_args arguments = {
      .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_PIDFD,
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
  };
  if (leaf >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)(unsigned int)cgroups->leaves[leaf];
  }
  cgroups->placed_by_clone = leaf; // before the clone: the child reads it
  long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  return (pid_t)child;
}

pid_t make_sandbox(struct plan *plan, struct cgroups *cgroups, const struct birth *birth, int *pidfd, struct failure *failure) {
  int leaf = -1;
  for (size_t at = 0; at < cgroups->count && leaf < 0; at++) {
    if (cgroups->unified[at]) leaf = (int)at;
  }
  pid_t child = clone_into(cgroups, leaf, pidfd);
  // Some container filters refuse it; then the child enters the leaf as it does the others.
  if (child < 0 && leaf >= 0) child = clone_into(cgroups, -1, pidfd);
  if (child == 0) be_sandbox(plan, cgroups, birth);
  if (child < 0) *failure = (struct failure){.step = STEP_NAMESPACES, .error = errno, .index = -1};
  return child;
}
