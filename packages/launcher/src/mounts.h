// The sandbox's view of the file system. Called in the new mount namespace, as root, before any id is dropped.
#ifndef BERTH_MOUNTS_H
#define BERTH_MOUNTS_H

#include <stdint.h>

#include "message.h"
#include "plan.h"

// What is known about one attached mount, for the check afterwards.
struct attached {
  uint64_t mount_id;         // of the mount we attached
  uint64_t covered_mount_id; // masks: of the mount that the target belonged to
};

// Cuts propagation to the host and builds the view: every source is opened before anything is covered.
// 0, or -1 with the failing step and the index of the mount.
int build_view(const struct plan *plan, struct attached attached[MOUNTS_MAX], struct failure *failure);

// Fails when a mask does not cover its path or when what it hides can be reached by another mount (an alias).
int check_view(const struct plan *plan, const struct attached attached[MOUNTS_MAX], struct failure *failure);

#endif
