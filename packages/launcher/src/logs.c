// Owns: the segments `stdout.<offset>` and `stderr.<offset>` and the gap records beside them. Promises: content never waits for a
// reader or a full disk; a byte that is not kept is named in `gaps.stdout` or `gaps.stderr` (lines of two 20-digit offsets, from
// inclusive to exclusive) before its segment goes. Leaves to others: removing segments that were read (the agent).
#define _GNU_SOURCE
#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "limits.h"
#include "text.h"

struct log_stream {
  const char *name;
  const char *gap_name;
  int pipe;
  int directory;
  int segment; // being written, -1 = none yet
  uint64_t offset;
  uint64_t segments_max;
  uint64_t starts[LOG_SEGMENTS_MAX]; // ring of the segments that are kept
  uint64_t first;
  uint64_t count;
  uint64_t gap_from;
  uint64_t gap_to;
  uint64_t gap_lines;
};

static struct log_stream streams[2];

// Page-aligned, so that its pages can be given back when the content falls silent.
static _Alignas(4096) char buffer[LOG_READ_BYTES];

enum { GAP_LINE_BYTES = 42, SEGMENT_NAME_BYTES = 32 };

void open_log(enum log_name name, int pipe, int directory, uint64_t bytes_max) {
  struct log_stream *stream = &streams[name];
  stream->name = name == LOG_STDOUT ? "stdout." : "stderr.";
  stream->gap_name = name == LOG_STDOUT ? "gaps.stdout" : "gaps.stderr";
  stream->pipe = pipe;
  stream->directory = directory;
  stream->segment = -1;
  stream->segments_max = bytes_max / LOG_SEGMENT_BYTES;
}

int log_pipe(enum log_name name) {
  return streams[name].pipe;
}

uint64_t log_bytes(enum log_name name) {
  return streams[name].offset;
}

static void segment_name(const struct log_stream *stream, uint64_t start, char name[SEGMENT_NAME_BYTES]) {
  struct text text = text_over(name, SEGMENT_NAME_BYTES);
  text_add(&text, stream->name);
  text_add_offset(&text, start);
}

// Neighbouring gaps grow the last line in place: a silent agent costs one line, however much is written.
static void record_gap(struct log_stream *stream, uint64_t from, uint64_t to) {
  char line[GAP_LINE_BYTES + 1];
  if (stream->gap_lines > 0 && stream->gap_to == from) {
    stream->gap_to = to;
  } else {
    stream->gap_from = from;
    stream->gap_to = to;
    stream->gap_lines++;
  }
  struct text text = text_over(line, sizeof line);
  text_add_offset(&text, stream->gap_from);
  text_add(&text, " ");
  text_add_offset(&text, stream->gap_to);
  text_add(&text, "\n");
  int fd = openat(stream->directory, stream->gap_name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return; // the missing offsets show it all the same
  (void)!pwrite(fd, line, GAP_LINE_BYTES, (off_t)(stream->gap_lines - 1) * GAP_LINE_BYTES);
  close(fd);
}

static void drop_oldest(struct log_stream *stream) {
  char name[SEGMENT_NAME_BYTES];
  uint64_t start = stream->starts[stream->first];
  uint64_t end = (start / LOG_SEGMENT_BYTES + 1) * LOG_SEGMENT_BYTES;
  segment_name(stream, start, name);
  // Gone already: it was read and removed, nothing is lost.
  if (faccessat(stream->directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    record_gap(stream, start, end);
    (void)unlinkat(stream->directory, name, 0);
  }
  stream->first = (stream->first + 1) % LOG_SEGMENTS_MAX;
  stream->count--;
}

static int open_segment(struct log_stream *stream) {
  char name[SEGMENT_NAME_BYTES];
  if (stream->segment >= 0) return 0;
  while (stream->count >= stream->segments_max) drop_oldest(stream);
  segment_name(stream, stream->offset, name);
  stream->segment = openat(stream->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (stream->segment < 0) return -1;
  stream->starts[(stream->first + stream->count) % LOG_SEGMENTS_MAX] = stream->offset;
  stream->count++;
  return 0;
}

static void close_segment(struct log_stream *stream) {
  if (stream->segment >= 0) close(stream->segment);
  stream->segment = -1;
}

static void keep(struct log_stream *stream, const char *bytes, size_t count) {
  while (count > 0) {
    uint64_t room = LOG_SEGMENT_BYTES - stream->offset % LOG_SEGMENT_BYTES;
    size_t part = count < room ? count : (size_t)room;
    ssize_t wrote = open_segment(stream) == 0 ? write(stream->segment, bytes, part) : -1;
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      // A full disk loses these bytes, and says so; what comes later starts a segment of its own.
      record_gap(stream, stream->offset, stream->offset + part);
      close_segment(stream);
      wrote = (ssize_t)part;
    }
    stream->offset += (uint64_t)wrote;
    bytes += wrote;
    count -= (size_t)wrote;
    if (stream->offset % LOG_SEGMENT_BYTES == 0) close_segment(stream);
  }
}

bool store_log(enum log_name name) {
  struct log_stream *stream = &streams[name];
  ssize_t got = read(stream->pipe, buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (got <= 0) {
    close(stream->pipe);
    close_segment(stream);
    stream->pipe = -1;
    return false;
  }
  keep(stream, buffer, (size_t)got);
  // A short read means that the content is slower than we are: give the pages back while it is.
  if (got > 4096 && got < LOG_READ_BYTES) (void)madvise(buffer + 4096, sizeof buffer - 4096, MADV_DONTNEED);
  return true;
}
