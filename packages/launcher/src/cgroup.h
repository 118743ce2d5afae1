// The leaf directories that hold one process; made and removed by the agent.
#ifndef BERTH_CGROUP_H
#define BERTH_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "limits.h"
#include "message.h"
#include "plan.h"

struct cgroups {
  int leaves[CGROUPS_MAX];
  bool unified[CGROUPS_MAX];
  size_t count;
  int placed_by_clone; // index of the leaf that the child is born in, or -1
};

// Opens every leaf and refuses what is no cgroup directory.
int open_cgroups(const struct plan *plan, struct cgroups *cgroups, struct failure *failure);

// Puts the calling process, which has one thread, into every leaf that it was not born in.
int enter_cgroups(const struct cgroups *cgroups, struct failure *failure);

// Ends whatever the unified leaf still holds. Nothing to do on version 1: the PID namespace ends with its init.
void kill_cgroups(const struct cgroups *cgroups);

// The kernel ended something in a leaf for lack of memory.
bool had_out_of_memory(const struct cgroups *cgroups);

#endif
