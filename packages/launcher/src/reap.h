// Process 1 of the sandbox, and the target that it starts.
#ifndef BERTH_REAP_H
#define BERTH_REAP_H

#include "message.h"
#include "plan.h"

// Descriptors of init, moved to these numbers; everything else is closed.
enum { INIT_CHANNEL = 3, TARGET_CHANNEL = 4, INIT_DESCRIPTORS = 5 };

// Starts the target, then forwards signals and reaps until it ends. Never returns.
_Noreturn void start_and_reap(struct plan *plan);

// Tells the monitor what failed and ends. Never returns.
_Noreturn void give_up(int channel, struct failure failure);

#endif
