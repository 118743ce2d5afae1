// The birth of the sandbox: a child in its own mount, PID and IPC namespaces.
#ifndef BERTH_NAMESPACES_H
#define BERTH_NAMESPACES_H

#include "cgroup.h"
#include "message.h"
#include "plan.h"

struct birth {
  int standard[3];    // what becomes the content's descriptors 0, 1, 2
  int init_channel;   // init's end
  int target_channel; // the target's end
};

// Clones; the child never returns from it. Returns the child's pid and a descriptor of it, or -1.
pid_t make_sandbox(struct plan *plan, struct cgroups *cgroups, const struct birth *birth, int *pidfd, struct failure *failure);

#endif
