// What the launcher is told to do. Strings point into the arena that the plan was read into.
#ifndef BERTH_PLAN_H
#define BERTH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "limits.h"

enum mount_kind { MOUNT_BIND, MOUNT_MASK, MOUNT_TMPFS, MOUNT_PROC, MOUNT_MQUEUE };

struct mount_operation {
  enum mount_kind kind;
  bool read_only;
  bool as_user;
  bool optional;
  uint64_t attributes; // MOUNT_ATTR_* to set, recursively
  const char *from;    // bind only
  const char *to;
  const char *size; // tmpfs only, decimal bytes
  const char *mode; // tmpfs only, octal
};

struct resource_limit {
  const char *name;
  int resource;
  uint64_t soft;
  uint64_t hard;
};

struct plan {
  const char *id;
  const char *run_dir;
  uid_t uid;
  gid_t gid;
  gid_t groups[GROUPS_MAX];
  size_t group_count;
  const char *cgroups[CGROUPS_MAX];
  size_t cgroup_count;
  struct mount_operation mounts[MOUNTS_MAX];
  size_t mount_count;
  const char *workdir;
  const char *environment[ENV_MAX + 1]; // NAME=VALUE, null-terminated
  size_t environment_count;
  bool secret_environment;
  const char *stdin_path;
  const char *arguments[ARGS_MAX + 1]; // null-terminated
  size_t argument_count;
  uint64_t log_bytes_max;
  mode_t umask;
  struct resource_limit limits[RLIMITS_MAX];
  size_t limit_count;
  int oom_score_adj;
  bool has_uid, has_gid, has_log_bytes_max, has_umask, has_oom_score_adj;
};

// Reads a plan to end of file and checks it. Returns 0, or -1 with one sentence in `problem` (MESSAGE_BYTES_MAX bytes).
int read_plan(int fd, struct plan *plan, char *problem);

// Appends the variables of a descriptor (NAME NUL VALUE NUL …) that the plan does not name itself. As read_plan.
int read_secret_environment(int fd, struct plan *plan, char *problem);

// Gives the pages of plan and secrets back. After it the plan's strings are gone; numbers stay.
void forget_plan(struct plan *plan);

// Overwrites secrets where they were read to, for a process that has used them.
void wipe_secret_environment(void);

// The normalised listing of --check.
void print_plan(const struct plan *plan);

#endif
