// Who the sandbox's processes are.
#ifndef BERTH_IDENTITY_H
#define BERTH_IDENTITY_H

#include "message.h"
#include "plan.h"

// A session keyring of this sandbox's own, so that it shares none with the agent or with other content of the account.
int join_own_keyring(const struct plan *plan, struct failure *failure);

// Gives up groups, ids, every capability set and the bounding set, sets no_new_privs, and verifies all of it.
int become_account(const struct plan *plan, struct failure *failure);

// Runs `work` in a short-lived child with the account's ids and only CAP_SYS_ADMIN; descriptors are shared with it.
// Returns the descriptor that `work` returned, or -1 with errno.
int as_user(const struct plan *plan, int (*work)(void *argument), void *argument);

#endif
