// Owns: the plan's bytes and their meaning. Promises: a plan that passes is complete and within its limits; a key that is not
// known, given twice or out of place is refused, never skipped. Leaves to others: whether what it asks for is wise (the agent).
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plan.h"
#include "text.h"

// Mapped, not static: given back after the start, so that what stays behind is small.
struct arena {
  char *bytes;
  size_t size;
  size_t used;
};

static struct arena plan_arena;
static struct arena secret_arena;

struct reader {
  struct plan *plan;
  char *problem;
  struct mount_operation *open_mount; // its `from` or `to` is still to come
};

static int refuse(char *problem, const char *what, const char *detail) {
  struct text text = text_over(problem, MESSAGE_BYTES_MAX);
  text_add(&text, what);
  if (detail != NULL) {
    text_add(&text, ": ");
    text_add(&text, detail);
  }
  return -1;
}

static int read_arena(int fd, struct arena *arena, size_t bytes_max, const char *name, char *problem) {
  // One byte more than allowed shows that there is too much; another stays 0 behind the last byte.
  arena->size = bytes_max + 2;
  arena->bytes = mmap(NULL, arena->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena->bytes == MAP_FAILED) {
    arena->bytes = NULL;
    return refuse(problem, "no memory for", name);
  }
  arena->used = 0;
  for (;;) {
    ssize_t got = read(fd, arena->bytes + arena->used, bytes_max + 1 - arena->used);
    if (got < 0) {
      if (errno == EINTR) continue;
      return refuse(problem, name, strerror(errno));
    }
    if (got == 0) break;
    arena->used += (size_t)got;
    if (arena->used > bytes_max) return refuse(problem, name, "is too large");
  }
  if (arena->used == 0) return refuse(problem, name, "is empty");
  if (arena->bytes[arena->used - 1] != '\0') return refuse(problem, name, "does not end with a NUL byte");
  return 0;
}

static char *next_string(const struct arena *arena, size_t *at) {
  if (*at >= arena->used) return NULL;
  char *string = arena->bytes + *at;
  *at += strlen(string) + 1;
  return string;
}

// Absolute and without empty, `.` and `..` components: what is written is what is opened.
static bool is_normal_path(const char *path) {
  size_t length = strlen(path);
  if (path[0] != '/' || length > PATH_BYTES_MAX) return false;
  if (length == 1) return true;
  const char *part = path + 1;
  for (;;) {
    size_t count = strcspn(part, "/");
    if (count == 0 || (count == 1 && part[0] == '.') || (count == 2 && part[0] == '.' && part[1] == '.')) return false;
    if (part[count] == '\0') return true;
    part += count + 1;
  }
}

static bool is_below(const char *path, const char *directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static int set_path(struct reader *reader, const char **slot, const char *key, const char *value) {
  if (*slot != NULL) return refuse(reader->problem, "given twice", key);
  if (!is_normal_path(value)) return refuse(reader->problem, "not an absolute, normal path", key);
  *slot = value;
  return 0;
}

static int set_id(struct reader *reader, const char *key, const char *value, bool *has, uint32_t *slot) {
  uint64_t number = 0;
  if (*has) return refuse(reader->problem, "given twice", key);
  // The last value means "leave it" to setresuid and setresgid.
  if (!parse_number(value, UINT32_MAX - 1, &number)) return refuse(reader->problem, "not an id", key);
  if (number == 0) return refuse(reader->problem, "content never runs with id 0", key);
  *has = true;
  *slot = (uint32_t)number;
  return 0;
}

static int add_mount_flag(struct reader *reader, struct mount_operation *mount, char *flag, bool *has_access) {
  uint64_t number = 0;
  bool bind = mount->kind == MOUNT_BIND;
  bool tmpfs = mount->kind == MOUNT_TMPFS;
  if (bind && (strcmp(flag, "ro") == 0 || strcmp(flag, "rw") == 0)) {
    if (*has_access) return refuse(reader->problem, "ro or rw, once", flag);
    *has_access = true;
    mount->read_only = flag[1] == 'o';
    if (mount->read_only) mount->attributes |= MOUNT_ATTR_RDONLY;
  } else if ((bind || tmpfs) && strcmp(flag, "nosuid") == 0) {
    mount->attributes |= MOUNT_ATTR_NOSUID;
  } else if ((bind || tmpfs) && strcmp(flag, "nodev") == 0) {
    mount->attributes |= MOUNT_ATTR_NODEV;
  } else if ((bind || tmpfs) && strcmp(flag, "noexec") == 0) {
    mount->attributes |= MOUNT_ATTR_NOEXEC;
  } else if (bind && strcmp(flag, "as-user") == 0) {
    mount->as_user = true;
  } else if (mount->kind != MOUNT_PROC && strcmp(flag, "optional") == 0) {
    mount->optional = true;
  } else if (tmpfs && strncmp(flag, "size=", 5) == 0 && parse_number(flag + 5, UINT64_MAX >> 1, &number)) {
    mount->size = flag + 5;
  } else if (tmpfs && strncmp(flag, "mode=", 5) == 0 && parse_octal(flag + 5, 01777, &number)) {
    mount->mode = flag + 5;
  } else {
    return refuse(reader->problem, "unknown mount flag", flag);
  }
  return 0;
}

static int begin_mount(struct reader *reader, char *value) {
  static const struct {
    const char *name;
    enum mount_kind kind;
  } kinds[] = {{"bind", MOUNT_BIND}, {"mask", MOUNT_MASK}, {"tmpfs", MOUNT_TMPFS}, {"proc", MOUNT_PROC}, {"mqueue", MOUNT_MQUEUE}};
  struct plan *plan = reader->plan;
  if (plan->mount_count == MOUNTS_MAX) return refuse(reader->problem, "too many mounts", NULL);
  struct mount_operation *mount = &plan->mounts[plan->mount_count];
  char *flags = strchr(value, ' ');
  if (flags != NULL) *flags++ = '\0';
  size_t kind = 0;
  while (kind < sizeof kinds / sizeof kinds[0] && strcmp(kinds[kind].name, value) != 0) kind++;
  if (kind == sizeof kinds / sizeof kinds[0]) return refuse(reader->problem, "unknown kind of mount", value);
  mount->kind = kinds[kind].kind;
  bool has_access = false;
  while (flags != NULL) {
    char *end = strchr(flags, ',');
    if (end != NULL) *end++ = '\0';
    if (add_mount_flag(reader, mount, flags, &has_access) != 0) return -1;
    flags = end;
  }
  if (mount->kind == MOUNT_BIND && !has_access) return refuse(reader->problem, "a bind needs ro or rw", NULL);
  if (mount->kind == MOUNT_TMPFS && (mount->size == NULL || mount->mode == NULL)) {
    return refuse(reader->problem, "a tmpfs needs size= and mode=", NULL);
  }
  plan->mount_count++;
  reader->open_mount = mount;
  return 0;
}

static int continue_mount(struct reader *reader, const char *key, const char *value) {
  struct mount_operation *mount = reader->open_mount;
  if (strcmp(key, "from") == 0 && mount->kind == MOUNT_BIND) return set_path(reader, &mount->from, key, value);
  if (strcmp(key, "to") != 0) return refuse(reader->problem, "not a key of this mount", key);
  if (mount->kind == MOUNT_BIND && mount->from == NULL) return refuse(reader->problem, "a bind needs from before to", NULL);
  if (set_path(reader, &mount->to, key, value) != 0) return -1;
  if (value[1] == '\0') return refuse(reader->problem, "nothing is mounted on /", NULL);
  reader->open_mount = NULL;
  return 0;
}

static int add_environment(struct reader *reader, const char *value) {
  struct plan *plan = reader->plan;
  if (plan->environment_count == ENV_MAX) return refuse(reader->problem, "too many variables", NULL);
  if (value[0] == '=' || strchr(value, '=') == NULL) return refuse(reader->problem, "env needs NAME=VALUE", NULL);
  plan->environment[plan->environment_count++] = value;
  return 0;
}

static int add_rlimit(struct reader *reader, char *value) {
  static const struct {
    const char *name;
    int resource;
  } names[] = {{"core", RLIMIT_CORE},   {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC},
               {"fsize", RLIMIT_FSIZE}, {"stack", RLIMIT_STACK},   {"memlock", RLIMIT_MEMLOCK}};
  struct plan *plan = reader->plan;
  if (plan->limit_count == RLIMITS_MAX) return refuse(reader->problem, "too many limits", NULL);
  struct resource_limit *limit = &plan->limits[plan->limit_count];
  char *soft = strchr(value, ' ');
  char *hard = soft == NULL ? NULL : strchr(soft + 1, ' ');
  if (soft == NULL || hard == NULL) return refuse(reader->problem, "rlimit needs: name soft hard", NULL);
  *soft++ = '\0';
  *hard++ = '\0';
  size_t name = 0;
  while (name < sizeof names / sizeof names[0] && strcmp(names[name].name, value) != 0) name++;
  if (name == sizeof names / sizeof names[0]) return refuse(reader->problem, "unknown limit", value);
  if (!parse_number(soft, UINT64_MAX - 1, &limit->soft) || !parse_number(hard, UINT64_MAX - 1, &limit->hard) ||
      limit->soft > limit->hard) {
    return refuse(reader->problem, "not a soft and a hard limit", value);
  }
  limit->name = names[name].name;
  limit->resource = names[name].resource;
  plan->limit_count++;
  return 0;
}

static int add_string(struct reader *reader, const char **list, size_t *count, size_t max, const char *key, const char *value) {
  if (*count == max) return refuse(reader->problem, "too many of", key);
  list[(*count)++] = value;
  return 0;
}

static int set_number(struct reader *reader, const char *key, bool *has, bool valid) {
  if (*has) return refuse(reader->problem, "given twice", key);
  if (!valid) return refuse(reader->problem, "not a number in range", key);
  *has = true;
  return 0;
}

static int read_field(struct reader *reader, const char *key, char *value) {
  struct plan *plan = reader->plan;
  uint64_t number = 0;
  if (reader->open_mount != NULL) return continue_mount(reader, key, value);
  if (strcmp(key, "mount") == 0) return begin_mount(reader, value);
  if (strcmp(key, "env") == 0) return add_environment(reader, value);
  if (strcmp(key, "arg") == 0) return add_string(reader, plan->arguments, &plan->argument_count, ARGS_MAX, key, value);
  if (strcmp(key, "group") == 0) {
    if (plan->group_count == GROUPS_MAX) return refuse(reader->problem, "too many of", key);
    bool has = false;
    return set_id(reader, key, value, &has, &plan->groups[plan->group_count++]);
  }
  if (strcmp(key, "cgroup") == 0) {
    if (!is_normal_path(value)) return refuse(reader->problem, "not an absolute, normal path", key);
    return add_string(reader, plan->cgroups, &plan->cgroup_count, CGROUPS_MAX, key, value);
  }
  if (strcmp(key, "id") == 0) {
    if (plan->id != NULL) return refuse(reader->problem, "given twice", key);
    size_t length = strlen(value);
    if (length == 0 || length > ID_BYTES_MAX ||
        strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") != length) {
      return refuse(reader->problem, "not an id", key);
    }
    plan->id = value;
    return 0;
  }
  if (strcmp(key, "run-dir") == 0) return set_path(reader, &plan->run_dir, key, value);
  if (strcmp(key, "workdir") == 0) {
    if (set_path(reader, &plan->workdir, key, value) != 0) return -1;
    // A descriptor's link below /proc leads out of any mount namespace.
    return is_below(value, "/proc") ? refuse(reader->problem, "not below /proc", key) : 0;
  }
  if (strcmp(key, "stdin") == 0) return set_path(reader, &plan->stdin_path, key, value);
  if (strcmp(key, "uid") == 0) return set_id(reader, key, value, &plan->has_uid, &plan->uid);
  if (strcmp(key, "gid") == 0) return set_id(reader, key, value, &plan->has_gid, &plan->gid);
  if (strcmp(key, "log-bytes-max") == 0) {
    bool valid = parse_number(value, LOG_BYTES_MAX, &plan->log_bytes_max) && plan->log_bytes_max >= LOG_BYTES_MIN;
    return set_number(reader, key, &plan->has_log_bytes_max, valid);
  }
  if (strcmp(key, "umask") == 0) {
    bool valid = parse_octal(value, 0777, &number);
    plan->umask = (mode_t)number;
    return set_number(reader, key, &plan->has_umask, valid);
  }
  if (strcmp(key, "oom-score-adj") == 0) {
    bool valid = parse_number(value, 1000, &number);
    plan->oom_score_adj = (int)number;
    return set_number(reader, key, &plan->has_oom_score_adj, valid);
  }
  if (strcmp(key, "rlimit") == 0) return add_rlimit(reader, value);
  if (strcmp(key, "secret-env") == 0) {
    return set_number(reader, key, &plan->secret_environment, strcmp(value, "1") == 0);
  }
  if (strcmp(key, "pam-service") == 0 || strcmp(key, "seccomp") == 0 || strcmp(key, "landlock") == 0) {
    return refuse(reader->problem, "not supported by this launcher", key);
  }
  return refuse(reader->problem, "unknown key", key);
}

static int check_complete(const struct plan *plan, char *problem) {
  if (plan->id == NULL) return refuse(problem, "missing", "id");
  if (plan->run_dir == NULL) return refuse(problem, "missing", "run-dir");
  if (!plan->has_uid) return refuse(problem, "missing", "uid");
  if (!plan->has_gid) return refuse(problem, "missing", "gid");
  if (plan->workdir == NULL) return refuse(problem, "missing", "workdir");
  if (plan->argument_count == 0) return refuse(problem, "missing", "arg");
  // Whoever looks a name up decides what runs: that is the agent, never a PATH inside the sandbox.
  if (!is_normal_path(plan->arguments[0])) return refuse(problem, "not an absolute, normal path", "first arg");
  return 0;
}

int read_plan(int fd, struct plan *plan, char *problem) {
  struct reader reader = {.plan = plan, .problem = problem, .open_mount = NULL};
  plan->log_bytes_max = LOG_BYTES_DEFAULT;
  plan->umask = 077;
  if (read_arena(fd, &plan_arena, PLAN_BYTES_MAX, "the plan", problem) != 0) return -1;
  size_t at = 0;
  for (size_t field = 0;; field++) {
    const char *key = next_string(&plan_arena, &at);
    if (key == NULL) break;
    char *value = next_string(&plan_arena, &at);
    if (value == NULL) return refuse(problem, "a key without value", key);
    if (field == PLAN_FIELDS_MAX) return refuse(problem, "the plan", "has too many fields");
    if ((field == 0) != (strcmp(key, "version") == 0)) return refuse(problem, "version comes first, once", key);
    if (field == 0) {
      if (strcmp(value, "1") != 0) return refuse(problem, "unknown version of the plan", value);
    } else if (read_field(&reader, key, value) != 0) {
      return -1;
    }
  }
  if (reader.open_mount != NULL) return refuse(problem, "the last mount is incomplete", NULL);
  return check_complete(plan, problem);
}

static bool has_variable(const struct plan *plan, const char *name) {
  size_t length = strlen(name);
  for (size_t at = 0; at < plan->environment_count; at++) {
    if (strncmp(plan->environment[at], name, length) == 0 && plan->environment[at][length] == '=') return true;
  }
  return false;
}

int read_secret_environment(int fd, struct plan *plan, char *problem) {
  if (read_arena(fd, &secret_arena, SECRET_ENV_BYTES_MAX, "the secret environment", problem) != 0) return -1;
  size_t at = 0;
  for (;;) {
    char *name = next_string(&secret_arena, &at);
    if (name == NULL) return 0;
    const char *value = next_string(&secret_arena, &at);
    if (value == NULL) return refuse(problem, "the secret environment", "has a name without value");
    if (name[0] == '\0' || strchr(name, '=') != NULL) return refuse(problem, "the secret environment", "has a name that is none");
    if (has_variable(plan, name)) continue;
    if (plan->environment_count == ENV_MAX) return refuse(problem, "too many variables", NULL);
    // The name's NUL lies right before the value: the pair becomes NAME=VALUE in place.
    name[strlen(name)] = '=';
    plan->environment[plan->environment_count++] = name;
  }
}

void wipe_secret_environment(void) {
  if (secret_arena.bytes != NULL) explicit_bzero(secret_arena.bytes, secret_arena.used);
}

void forget_plan(struct plan *plan) {
  if (plan_arena.bytes != NULL) munmap(plan_arena.bytes, plan_arena.size);
  if (secret_arena.bytes != NULL) munmap(secret_arena.bytes, secret_arena.size);
  plan_arena.bytes = secret_arena.bytes = NULL;
  plan->environment_count = plan->argument_count = plan->mount_count = plan->cgroup_count = 0;
}
