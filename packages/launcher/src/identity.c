// Owns: the change from root to the account. Promises: afterwards no id, group or capability of root is left and none can be
// gained; every step is verified by asking the kernel, not by trusting a return value. Raw calls only: the C library's wrappers
// would look for threads.
#define _GNU_SOURCE
#include "identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "system_calls.h"

static int fail(struct failure *failure, enum step step, int error) {
  *failure = (struct failure){.step = step, .error = error, .index = -1};
  return -1;
}

static int set_uids(uid_t real, uid_t effective, uid_t saved) {
  return (int)syscall(SYS_setresuid, real, effective, saved);
}

int join_own_keyring(const struct plan *plan, struct failure *failure) {
  const uid_t keep = (uid_t)-1;
  // The real uid owns the ring and pays for it from its quota.
  if (set_uids(plan->uid, keep, keep) != 0) return fail(failure, STEP_KEYRING, errno);
  long ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  int error = errno;
  if (set_uids(0, keep, keep) != 0) return fail(failure, STEP_KEYRING, errno);
  // Accounts have about 200 keys. Beyond that root owns the ring; content still possesses it.
  if (ring < 0 && error == EDQUOT) {
    ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    error = errno;
  }
  // Without the call (kernel option, container filter) content has no keyrings either.
  if (ring < 0 && error != ENOSYS && error != EPERM) return fail(failure, STEP_KEYRING, error);
  return 0;
}

static int set_capabilities(uint64_t mask) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  for (int word = 0; word < 2; word++) {
    uint32_t bits = (uint32_t)(mask >> (32 * word));
    data[word] = (struct __user_cap_data_struct){.effective = bits, .permitted = bits, .inheritable = 0};
  }
  return (int)syscall(SYS_capset, &header, data);
}

static int drop_bounding_set(void) {
  for (unsigned long capability = 0; capability < 64; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0UL, 0UL, 0UL) == 0) continue;
    if (errno == EINVAL && capability > 0) return 0; // beyond the last one that this kernel has
    return -1;
  }
  return 0;
}

static bool has_exactly(const struct plan *plan) {
  uid_t uids[3];
  gid_t gids[3];
  if (syscall(SYS_getresuid, &uids[0], &uids[1], &uids[2]) != 0 || syscall(SYS_getresgid, &gids[0], &gids[1], &gids[2]) != 0) return false;
  for (int at = 0; at < 3; at++) {
    if (uids[at] != plan->uid || gids[at] != plan->gid) return false;
  }
  static gid_t groups[GROUPS_MAX];
  long count = syscall(SYS_getgroups, GROUPS_MAX, groups);
  if (count < 0 || (size_t)count != plan->group_count) return false;
  for (size_t have = 0; have < plan->group_count; have++) {
    bool asked = false;
    for (size_t at = 0; at < plan->group_count && !asked; at++) asked = plan->groups[at] == groups[have];
    if (!asked) return false;
  }
  return true;
}

static bool has_no_capability(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return false;
  for (int word = 0; word < 2; word++) {
    if ((data[word].effective | data[word].permitted | data[word].inheritable) != 0) return false;
  }
  for (unsigned long capability = 0; capability < 64; capability++) {
    int bounding = prctl(PR_CAPBSET_READ, capability, 0UL, 0UL, 0UL);
    if (bounding < 0) break;
    if (bounding != 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0UL, 0UL) != 0) return false;
  }
  return prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL) == 1;
}

int become_account(const struct plan *plan, struct failure *failure) {
  if (drop_bounding_set() != 0) return fail(failure, STEP_IDENTITY, errno);
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (syscall(SYS_setgroups, plan->group_count, plan->groups) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (set_uids(plan->uid, plan->uid, plan->uid) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (set_capabilities(0) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return fail(failure, STEP_IDENTITY, errno);
  // Only now: a change of ids resets it to the system's default.
  if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0) return fail(failure, STEP_IDENTITY, errno);
  if (!has_exactly(plan) || !has_no_capability()) return fail(failure, STEP_VERIFY, EPERM);
  if (syscall(SYS_setuid, 0) == 0 || syscall(SYS_setgid, 0) == 0) return fail(failure, STEP_VERIFY, EPERM);
  return 0;
}

static int take_user_rights(const struct plan *plan) {
  if (prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL) != 0) return -1;
  if (syscall(SYS_setgroups, plan->group_count, plan->groups) != 0) return -1;
  if (syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid) != 0) return -1;
  // All three: FUSE compares each of them with its owner.
  if (set_uids(plan->uid, plan->uid, plan->uid) != 0) return -1;
  // What this process holds its neighbours of the same account do not: they cannot trace it.
  return set_capabilities(UINT64_C(1) << CAP_SYS_ADMIN);
}

int as_user(const struct plan *plan, int (*work)(void *argument), void *argument) {
  int channel[2];
  if (pipe2(channel, O_CLOEXEC) != 0) return -1;
  // A copy of memory but one descriptor table: the tree that the child opens is ours too.
  long child = syscall(SYS_clone, (unsigned long)CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child < 0) return -1;
  if (child == 0) {
    int result = take_user_rights(plan) == 0 ? work(argument) : -1;
    int answer = result >= 0 ? result : -errno;
    _exit(write(channel[1], &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
  }
  int status = 0;
  while (waitpid((pid_t)child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  int answer = -EIO;
  // Written before it ended, or never: our own end is still open, so a read of nothing would wait for ever.
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && read(channel[0], &answer, sizeof answer) != (ssize_t)sizeof answer) answer = -EIO;
  close(channel[0]);
  close(channel[1]);
  if (answer >= 0) return answer;
  errno = -answer;
  return -1;
}
