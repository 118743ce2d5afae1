// Owns: the proof that masks hide what they cover. A second mount of the same file system, or of a directory above or inside
// the masked one, shows it by another path; such a host is refused, not served with a hole.
//
// Every mount is (file system, directory of it that is its root, mount point). A masked tree is (file system, directory). A
// mount is an alias when it reaches that directory by a path on which it is the topmost mount, and is not an exposure that the
// plan itself made strictly below the masked directory.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "mounts.h"
#include "system_calls.h"
#include "text.h"

struct mount_line {
  uint64_t id;
  const char *device; // major:minor
  const char *root;
  const char *point;
};

struct hidden {
  char device[32];
  char directory[PATH_BYTES_MAX + 1];
};

static char *read_mountinfo(size_t *size) {
  int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NULL;
  char *bytes = mmap(NULL, MOUNTINFO_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) return NULL;
  size_t used = 0;
  for (;;) {
    ssize_t got = read(fd, bytes + used, MOUNTINFO_BYTES_MAX - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return NULL;
    if (got == 0) break;
    used += (size_t)got;
    if (used == MOUNTINFO_BYTES_MAX - 1) {
      errno = E2BIG;
      return NULL;
    }
  }
  close(fd);
  *size = used;
  return bytes;
}

// \040 and the like, in place.
static void unescape(char *field) {
  char *to = field;
  for (const char *from = field; *from != '\0'; from++) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
}

// Splits the next line in place. False at the end; a line of another shape has an empty device and matches nothing.
static bool next_line(char *bytes, size_t size, size_t *at, struct mount_line *line) {
  if (*at >= size) return false;
  char *start = bytes + *at;
  char *end = memchr(start, '\n', size - *at);
  if (end == NULL) return false;
  *end = '\0';
  *at = (size_t)(end - bytes) + 1;
  char *fields[5];
  for (size_t field = 0; field < 5; field++) {
    fields[field] = start;
    char *space = strchr(start, ' ');
    if (space == NULL) return false;
    *space = '\0';
    start = space + 1;
  }
  unescape(fields[3]);
  unescape(fields[4]);
  line->device = fields[2];
  line->root = fields[3];
  line->point = fields[4];
  return parse_number(fields[0], UINT64_MAX >> 1, &line->id);
}

static bool is_at_or_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  if (length == 1) return true; // "/"
  return strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

// `base` plus what of `path` lies below `above`.
static bool rebase(char *out, size_t size, const char *base, const char *path, const char *above) {
  struct text text = text_over(out, size);
  const char *rest = path + (above[1] == '\0' ? 0 : strlen(above));
  size_t base_length = strlen(base);
  if (base_length > 1) text_add(&text, base);
  if (rest[0] != '\0' && strcmp(rest, "/") != 0) text_add(&text, rest);
  if (text.used == 0) text_add(&text, "/");
  return base_length + strlen(rest) < size - 1;
}

// The mount that is topmost at a path; 0 when there is nothing there.
static uint64_t mount_at(const char *path) {
  struct statx facts;
  int fd = open_plain(path, O_PATH);
  if (fd < 0) return 0;
  int got = statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &facts);
  close(fd);
  return got == 0 ? facts.stx_mnt_id : 0;
}

static bool is_own_exposure(const struct plan *plan, const struct attached *attached, const struct mount_line *line, const char *directory) {
  if (strcmp(line->root, directory) == 0) return false;
  for (size_t at = 0; at < plan->mount_count; at++) {
    if (plan->mounts[at].kind == MOUNT_BIND && attached[at].mount_id == line->id) return true;
  }
  return false;
}

static bool is_alias(const struct plan *plan, const struct attached *attached, const struct mount_line *line, const struct hidden *hidden) {
  static char path[2 * PATH_BYTES_MAX + 2];
  if (strcmp(line->device, hidden->device) != 0) return false;
  if (is_at_or_below(line->root, hidden->directory)) {
    return mount_at(line->point) == line->id && !is_own_exposure(plan, attached, line, hidden->directory);
  }
  if (!is_at_or_below(hidden->directory, line->root)) return false;
  if (!rebase(path, sizeof path, line->point, hidden->directory, line->root)) return true; // cannot be checked: not trusted
  return mount_at(path) == line->id;
}

// Where in which file system the masked path lies: found by the mount it belonged to before it was covered.
static bool find_hidden(const struct plan *plan, const struct attached *attached, const struct mount_line *lines, size_t count,
                        size_t mask, struct hidden *hidden) {
  for (size_t at = 0; at < count; at++) {
    if (lines[at].id != attached[mask].covered_mount_id) continue;
    struct text device = text_over(hidden->device, sizeof hidden->device);
    text_add(&device, lines[at].device);
    if (!is_at_or_below(plan->mounts[mask].to, lines[at].point)) return false;
    return rebase(hidden->directory, sizeof hidden->directory, lines[at].root, plan->mounts[mask].to, lines[at].point);
  }
  return false;
}

static int check_mask(const struct plan *plan, const struct attached *attached, const struct mount_line *lines, size_t count,
                      size_t mask, struct failure *failure) {
  struct hidden hidden;
  uint64_t shown = mount_at(plan->mounts[mask].to);
  // Nothing there: a later mount (the private /tmp) covers the whole place.
  if ((shown != 0 && shown != attached[mask].mount_id) || !find_hidden(plan, attached, lines, count, mask, &hidden)) {
    *failure = (struct failure){.step = STEP_SELF_CHECK, .error = EINVAL, .index = (int)mask};
    return -1;
  }
  for (size_t at = 0; at < count; at++) {
    if (!is_alias(plan, attached, &lines[at], &hidden)) continue;
    *failure = (struct failure){.step = STEP_ALIAS, .error = EEXIST, .index = (int)mask};
    return -1;
  }
  return 0;
}

int check_view(const struct plan *plan, const struct attached attached[MOUNTS_MAX], struct failure *failure) {
  size_t size = 0;
  char *bytes = read_mountinfo(&size);
  if (bytes == NULL) {
    *failure = (struct failure){.step = STEP_SELF_CHECK, .error = errno, .index = -1};
    return -1;
  }
  // A line has more than 32 bytes: so many fit behind the text at most.
  size_t lines_max = size / 32 + 1;
  struct mount_line *lines = mmap(NULL, lines_max * sizeof *lines, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (lines == MAP_FAILED) {
    *failure = (struct failure){.step = STEP_SELF_CHECK, .error = errno, .index = -1};
    return -1;
  }
  size_t count = 0;
  size_t at = 0;
  while (count < lines_max && next_line(bytes, size, &at, &lines[count])) count++;
  int result = 0;
  if (at < size) { // a line that we do not understand
    *failure = (struct failure){.step = STEP_SELF_CHECK, .error = EPROTO, .index = -1};
    result = -1;
  }
  for (size_t mask = 0; mask < plan->mount_count && result == 0; mask++) {
    if (plan->mounts[mask].kind != MOUNT_MASK || attached[mask].mount_id == 0) continue;
    result = check_mask(plan, attached, lines, count, mask, failure);
  }
  munmap(lines, lines_max * sizeof *lines);
  munmap(bytes, MOUNTINFO_BYTES_MAX);
  return result;
}
