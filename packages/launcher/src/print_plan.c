// The listing of `launcher --check`: one fact a line, in the plan's order, values of variables left out.
#define _GNU_SOURCE
#include <linux/mount.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"
#include "text.h"

static void print_line(const char *key, const char *first, const char *second, const char *third) {
  static char line[2 * PATH_BYTES_MAX + 256];
  struct text text = text_over(line, sizeof line - 1);
  text_add(&text, key);
  const char *parts[] = {first, second, third};
  for (size_t at = 0; at < sizeof parts / sizeof parts[0]; at++) {
    if (parts[at] == NULL) continue;
    text_add(&text, " ");
    text_add(&text, parts[at]);
  }
  line[text.used++] = '\n';
  (void)write_all(STDOUT_FILENO, line, text.used);
}

static void print_number(const char *key, uint64_t number) {
  char digits[24];
  struct text text = text_over(digits, sizeof digits);
  text_add_number(&text, number);
  print_line(key, digits, NULL, NULL);
}

static void print_mount(const struct mount_operation *mount) {
  char flags[160];
  struct text text = text_over(flags, sizeof flags);
  if (mount->kind == MOUNT_BIND) text_add(&text, mount->read_only ? "ro" : "rw");
  if ((mount->attributes & MOUNT_ATTR_NOSUID) != 0) text_add(&text, ",nosuid");
  if ((mount->attributes & MOUNT_ATTR_NODEV) != 0) text_add(&text, ",nodev");
  if ((mount->attributes & MOUNT_ATTR_NOEXEC) != 0) text_add(&text, ",noexec");
  if (mount->as_user) text_add(&text, ",as-user");
  if (mount->optional) text_add(&text, ",optional");
  if (mount->size != NULL) {
    text_add(&text, ",size=");
    text_add(&text, mount->size);
  }
  if (mount->mode != NULL) {
    text_add(&text, ",mode=");
    text_add(&text, mount->mode);
  }
  const char *shown = flags[0] == ',' ? flags + 1 : flags;
  static const char *const kinds[] = {"bind", "mask", "tmpfs", "proc", "mqueue"};
  print_line(kinds[mount->kind], shown[0] == '\0' ? "-" : shown, mount->to, mount->from);
}

void print_plan(const struct plan *plan) {
  print_line("version", "1", NULL, NULL);
  print_line("id", plan->id, NULL, NULL);
  print_line("run-dir", plan->run_dir, NULL, NULL);
  print_number("uid", plan->uid);
  print_number("gid", plan->gid);
  for (size_t at = 0; at < plan->group_count; at++) print_number("group", plan->groups[at]);
  for (size_t at = 0; at < plan->cgroup_count; at++) print_line("cgroup", plan->cgroups[at], NULL, NULL);
  for (size_t at = 0; at < plan->mount_count; at++) print_mount(&plan->mounts[at]);
  print_line("workdir", plan->workdir, NULL, NULL);
  char mode[8];
  struct text text = text_over(mode, sizeof mode);
  text_add_number(&text, (uint64_t)((plan->umask >> 6) & 7) * 100 + (uint64_t)((plan->umask >> 3) & 7) * 10 + (plan->umask & 7));
  print_line("umask", mode, NULL, NULL);
  print_number("log-bytes-max", plan->log_bytes_max);
  print_number("oom-score-adj", (uint64_t)plan->oom_score_adj);
  for (size_t at = 0; at < plan->limit_count; at++) {
    char soft[24];
    char hard[24];
    struct text soft_text = text_over(soft, sizeof soft);
    struct text hard_text = text_over(hard, sizeof hard);
    text_add_number(&soft_text, plan->limits[at].soft);
    text_add_number(&hard_text, plan->limits[at].hard);
    print_line("rlimit", plan->limits[at].name, soft, hard);
  }
  print_line("stdin", plan->stdin_path == NULL ? "/dev/null" : plan->stdin_path, NULL, NULL);
  for (size_t at = 0; at < plan->environment_count; at++) {
    static char name[PATH_BYTES_MAX];
    struct text name_text = text_over(name, sizeof name);
    size_t length = strcspn(plan->environment[at], "=");
    for (size_t byte = 0; byte < length; byte++) {
      char one[2] = {plan->environment[at][byte], '\0'};
      text_add(&name_text, one);
    }
    print_line("env", name, NULL, NULL);
  }
  if (plan->secret_environment) print_line("secret-env", "1", NULL, NULL);
  for (size_t at = 0; at < plan->argument_count; at++) print_line("arg", plan->arguments[at], NULL, NULL);
}
