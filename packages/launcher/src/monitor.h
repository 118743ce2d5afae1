// The process that stays: it watches one sandbox from its birth to its exit record.
#ifndef BERTH_MONITOR_H
#define BERTH_MONITOR_H

#include "cgroup.h"
#include "plan.h"
#include "report.h"

struct watch {
  int directory;
  int signals;    // signalfd
  int init;       // pidfd
  int to_init;    // our end of init's channel
  int to_target;  // our end of the target's channel
  struct actors actors;
  struct cgroups cgroups;
};

// Blocks what is to be forwarded and returns a descriptor of it.
int take_signals(void);

// Serves until the sandbox is gone and says how it ended.
struct outcome watch_sandbox(struct watch *watch, struct plan *plan);

// What failed, for a person. Valid until the next call.
const char *describe_failure(const struct plan *plan, const struct failure *failure);

#endif
