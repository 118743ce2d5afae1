// The control socket `ctl` in the run directory.
#ifndef BERTH_CONTROL_H
#define BERTH_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum order_kind { ORDER_NONE, ORDER_SIGNAL, ORDER_KILL };

struct order {
  enum order_kind kind;
  int signal;
};

// Listens in the directory. 0 or -1 with errno.
int open_control(int directory);
// Adds the sockets to wait for; returns how many.
size_t control_sources(struct pollfd *sources);
// Serves what is ready and returns at most one order; call again while it returns one. target: the pid that pings are answered with.
struct order serve_control(const struct pollfd *sources, size_t count, pid_t target);
// A line to every subscriber; one that does not read misses it and will look by itself.
void tell_subscribers(const char *line);

#endif
