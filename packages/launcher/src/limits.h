// Every size, count and wait of the launcher, with its unit. Static buffers only: nothing grows with what content does.
#ifndef BERTH_LIMITS_H
#define BERTH_LIMITS_H

#include <assert.h>

enum {
  PLAN_BYTES_MAX = 1024 * 1024,
  SECRET_ENV_BYTES_MAX = 256 * 1024,
  PLAN_FIELDS_MAX = 16384,
  PATH_BYTES_MAX = 4095,
  ID_BYTES_MAX = 64,
  GROUPS_MAX = 1024,
  CGROUPS_MAX = 16,
  MOUNTS_MAX = 128,
  ENV_MAX = 4096,
  ARGS_MAX = 4096,
  RLIMITS_MAX = 16,

  LOG_READ_BYTES = 32 * 1024,
  LOG_SEGMENT_BYTES = 512 * 1024,
  LOG_BYTES_MIN = 2 * LOG_SEGMENT_BYTES,
  LOG_BYTES_MAX = 1024 * 1024 * 1024,
  LOG_BYTES_DEFAULT = 64 * 1024 * 1024,
  // One more than fits: a gap makes a segment start off the grid.
  LOG_SEGMENTS_MAX = LOG_BYTES_MAX / LOG_SEGMENT_BYTES + 2,
  // How long output of dead processes may still arrive, e.g. through a pipe that was handed out of the sandbox.
  LOG_DRAIN_MS = 1000,

  CONTROL_CLIENTS_MAX = 8,
  CONTROL_LINE_BYTES = 64,

  MOUNTINFO_BYTES_MAX = 16 * 1024 * 1024,
  EVENT_BYTES_MAX = 8192,
  STATFILE_BYTES_MAX = 1024,
  MESSAGE_BYTES_MAX = 1024,

  EXIT_SETUP = 125,
  EXIT_NOT_EXECUTABLE = 126,
  EXIT_NOT_FOUND = 127,
  EXIT_SIGNAL_BASE = 128,
};

static_assert(LOG_READ_BYTES <= LOG_SEGMENT_BYTES, "one read must not span three segments");
static_assert(LOG_BYTES_MIN >= 2 * LOG_SEGMENT_BYTES, "the segment being written is never the one that goes");
static_assert(MESSAGE_BYTES_MAX < EVENT_BYTES_MAX, "an event holds its message, escaped or cut");

#endif
