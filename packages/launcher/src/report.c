#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "limits.h"
#include "text.h"

#ifndef BUILD_VERSION
#define BUILD_VERSION "0.0.0"
#endif

enum { EVENTS = 4 };

static uint64_t begin_us;

static uint64_t clock_us(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void begin_clock(void) {
  begin_us = clock_us(CLOCK_MONOTONIC);
}

uint64_t elapsed_us(void) {
  return clock_us(CLOCK_MONOTONIC) - begin_us;
}

// The reader may be gone and come back as another: events are news, the run directory is the record.
static void send_event(struct text *text) {
  text_add(text, "\n");
  (void)write_all(EVENTS, text->bytes, text->used);
}

static void add_field(struct text *text, const char *name, uint64_t number) {
  text_add(text, ",\"");
  text_add(text, name);
  text_add(text, "\":");
  text_add_number(text, number);
}

void report_mounted(void) {
  char bytes[128];
  struct text text = text_over(bytes, sizeof bytes);
  text_add(&text, "{\"event\":\"mounted\"");
  add_field(&text, "us", elapsed_us());
  text_add(&text, "}");
  send_event(&text);
}

void report_started(const struct actors *actors) {
  char bytes[256];
  struct text text = text_over(bytes, sizeof bytes);
  text_add(&text, "{\"event\":\"started\"");
  add_field(&text, "pid", (uint64_t)actors->target);
  add_field(&text, "init", (uint64_t)actors->init);
  add_field(&text, "monitor", (uint64_t)actors->monitor);
  add_field(&text, "start_time", actors->target_start);
  add_field(&text, "us", elapsed_us());
  text_add(&text, "}");
  send_event(&text);
}

static void add_outcome(struct text *text, const struct outcome *outcome) {
  text_add(text, "{\"event\":\"exited\"");
  add_field(text, "code", (uint64_t)outcome->code);
  add_field(text, "signal", (uint64_t)outcome->signal);
  text_add(text, ",\"reason\":");
  text_add_json(text, outcome->reason);
  if (outcome->step == STEP_NONE) return;
  text_add(text, ",\"step\":");
  text_add_json(text, step_name(outcome->step));
  add_field(text, "errno", (uint64_t)outcome->error);
  text_add(text, ",\"message\":");
  text_add_json(text, outcome->message);
}

void report_exited(const struct outcome *outcome) {
  static char bytes[EVENT_BYTES_MAX];
  struct text text = text_over(bytes, sizeof bytes);
  add_outcome(&text, outcome);
  text_add(&text, "}");
  send_event(&text);
}

void report_closed(void) {
  static const char line[] = "{\"event\":\"closed\"}\n";
  (void)write_all(EVENTS, line, sizeof line - 1);
}

void complain(const char *message) {
  char bytes[MESSAGE_BYTES_MAX + 32];
  struct text text = text_over(bytes, sizeof bytes);
  text_add(&text, "berth-launcher: ");
  text_add(&text, message);
  text_add(&text, "\n");
  (void)write_all(STDERR_FILENO, text.bytes, text.used);
}

static ssize_t read_small(const char *path, char *bytes, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t got = read(fd, bytes, size - 1);
  close(fd);
  if (got < 0) return -1;
  bytes[got] = '\0';
  return got;
}

uint64_t start_time(pid_t pid) {
  char path[64];
  char bytes[STATFILE_BYTES_MAX];
  struct text text = text_over(path, sizeof path);
  text_add(&text, "/proc/");
  text_add_number(&text, (uint64_t)pid);
  text_add(&text, "/stat");
  if (read_small(path, bytes, sizeof bytes) <= 0) return 0;
  // The second field may hold spaces and brackets; the last bracket ends it.
  char *at = strrchr(bytes, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  if (at == NULL) return 0;
  uint64_t ticks = 0;
  at[1 + strcspn(at + 1, " ")] = '\0';
  return parse_number(at + 1, UINT64_MAX >> 1, &ticks) ? ticks : 0;
}

// Beside and renamed, so that no reader meets half of it.
static int write_record(int directory, const char *name, const char *beside, const struct text *text, bool durable) {
  int fd = openat(directory, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  int result = write_all(fd, text->bytes, text->used);
  if (result == 0 && durable) result = fsync(fd);
  close(fd);
  if (result == 0) result = renameat(directory, beside, directory, name);
  if (result == 0 && durable) result = fsync(directory);
  return result;
}

int write_run_file(int directory, const struct actors *actors) {
  char bytes[1024];
  char boot[64];
  struct text text = text_over(bytes, sizeof bytes);
  if (read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot) < 36) return -1;
  boot[36] = '\0';
  text_add(&text, "{\"version\":1");
  add_field(&text, "monitor", (uint64_t)actors->monitor);
  add_field(&text, "monitor_start_time", actors->monitor_start);
  add_field(&text, "init", (uint64_t)actors->init);
  add_field(&text, "init_start_time", actors->init_start);
  add_field(&text, "pid", (uint64_t)actors->target);
  add_field(&text, "start_time", actors->target_start);
  text_add(&text, ",\"boot_id\":");
  text_add_json(&text, boot);
  text_add(&text, ",\"build\":");
  text_add_json(&text, BUILD_VERSION);
  text_add(&text, "}\n");
  return write_record(directory, "run.json", "run.json.new", &text, false);
}

int write_status_file(int directory, const struct outcome *outcome, uint64_t stdout_bytes, uint64_t stderr_bytes) {
  static char bytes[EVENT_BYTES_MAX];
  struct text text = text_over(bytes, sizeof bytes);
  add_outcome(&text, outcome);
  add_field(&text, "stdout_bytes", stdout_bytes);
  add_field(&text, "stderr_bytes", stderr_bytes);
  add_field(&text, "ended_ms", clock_us(CLOCK_REALTIME) / 1000);
  text_add(&text, "}\n");
  return write_record(directory, "status", "status.new", &text, true);
}
