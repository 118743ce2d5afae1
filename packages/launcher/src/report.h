// What the monitor tells: events on descriptor 4, run.json and status in the run directory.
#ifndef BERTH_REPORT_H
#define BERTH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "message.h"

// How a process ended, or why it never started.
struct outcome {
  int code; // exit status of the monitor
  int signal;
  const char *reason; // exited, signal, oom, setup, exec
  enum step step;     // setup and exec only
  int error;
  const char *message;
};

struct actors {
  pid_t monitor;
  pid_t init;
  pid_t target;
  uint64_t monitor_start, init_start, target_start; // clock ticks since boot: field 22 of /proc/PID/stat
};

void begin_clock(void);
uint64_t elapsed_us(void);
void report_mounted(void);
void report_started(const struct actors *actors);
void report_exited(const struct outcome *outcome);
void report_closed(void);
// One line for a person on descriptor 2.
void complain(const char *message);
// Field 22 of /proc/PID/stat, 0 when there is no such process.
uint64_t start_time(pid_t pid);
// Identity of the processes, for adoption. 0 or -1.
int write_run_file(int directory, const struct actors *actors);
// The exit record: written beside, made durable, renamed. 0 or -1.
int write_status_file(int directory, const struct outcome *outcome, uint64_t stdout_bytes, uint64_t stderr_bytes);

#endif
