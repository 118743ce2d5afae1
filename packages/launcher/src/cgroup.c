#define _GNU_SOURCE
#include "cgroup.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "system_calls.h"
#include "text.h"

int open_cgroups(const struct plan *plan, struct cgroups *cgroups, struct failure *failure) {
  cgroups->placed_by_clone = -1;
  for (size_t at = 0; at < plan->cgroup_count; at++) {
    struct statfs facts;
    int leaf = open_plain(plan->cgroups[at], O_RDONLY | O_DIRECTORY);
    if (leaf < 0 || fstatfs(leaf, &facts) != 0) {
      *failure = (struct failure){.step = STEP_CGROUP, .error = errno, .index = -1};
      return -1;
    }
    bool unified = facts.f_type == CGROUP2_SUPER_MAGIC;
    if (!unified && facts.f_type != CGROUP_SUPER_MAGIC) {
      *failure = (struct failure){.step = STEP_CGROUP, .error = EMEDIUMTYPE, .index = -1};
      return -1;
    }
    cgroups->leaves[at] = leaf;
    cgroups->unified[at] = unified;
    cgroups->count = at + 1;
  }
  return 0;
}

static int write_file(int directory, const char *name, const char *bytes) {
  int fd = openat(directory, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  int result = write_all(fd, bytes, strlen(bytes));
  int error = errno;
  close(fd);
  errno = error;
  return result;
}

// A thread that moves itself takes no global lock; moving another process waits for a grace period of the whole kernel, which
// takes milliseconds. Version 1 offers that by `tasks`; in version 2 a process is born in its leaf.
int enter_cgroups(const struct cgroups *cgroups, struct failure *failure) {
  for (size_t at = 0; at < cgroups->count; at++) {
    if ((int)at == cgroups->placed_by_clone) continue;
    if (write_file(cgroups->leaves[at], cgroups->unified[at] ? "cgroup.procs" : "tasks", "0") == 0) continue;
    *failure = (struct failure){.step = STEP_CGROUP, .error = errno, .index = -1};
    return -1;
  }
  return 0;
}

void kill_cgroups(const struct cgroups *cgroups) {
  for (size_t at = 0; at < cgroups->count; at++) {
    // Since 5.14; without it the PID namespace's end has to do.
    if (cgroups->unified[at]) (void)write_file(cgroups->leaves[at], "cgroup.kill", "1");
  }
}

static bool counts_kills(int directory, const char *name) {
  char bytes[512];
  int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  ssize_t got = read(fd, bytes, sizeof bytes - 1);
  close(fd);
  if (got <= 0) return false;
  bytes[got] = '\0';
  const char *counter = strstr(bytes, "oom_kill ");
  return counter != NULL && counter[9] >= '1' && counter[9] <= '9';
}

bool had_out_of_memory(const struct cgroups *cgroups) {
  for (size_t at = 0; at < cgroups->count; at++) {
    if (counts_kills(cgroups->leaves[at], cgroups->unified[at] ? "memory.events" : "memory.oom_control")) return true;
  }
  return false;
}
