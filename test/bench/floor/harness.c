// Times commands from before fork to their end, interleaved round by round, in a mount namespace of its own with a tmpfs for the
// run directories. Prints one line a sample: NAME reported_us reaped_us maxrss_kb.
//
//   harness ROUNDS TMPFS_DIR case NAME exec LEAF,…|- word … case NAME launcher LEAF,…|- BINARY PLAN RUN_DIR …
//
// exec: reported = reaped. launcher: PLAN is a file for descriptor 3; reported = the `exited` event has been read. RUN_DIR is made
// before and removed after the timing; leaves are made within it for the launcher (as by the agent), removed after it for both.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What a sample leaves to the kernel's workers (namespaces, cgroups) must not be paid by the next one.
enum { CASES_MAX = 16, LEAVES_MAX = 16, SETTLE_US = 3000 };

struct timed {
  const char *name;
  const char *kind;
  char *leaves[LEAVES_MAX];
  size_t leaf_count;
  char *words[128];
};

static void stop(const char *what) {
  perror(what);
  exit(1);
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void empty_directory(const char *path) {
  DIR *directory = opendir(path);
  if (directory == NULL) return;
  for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  rmdir(path);
}

static void remove_leaves(const struct timed *timed) {
  for (size_t at = 0; at < timed->leaf_count; at++) {
    // The last member may still be on its way out.
    for (int tries = 0; rmdir(timed->leaves[at]) != 0 && errno == EBUSY && tries < 100000; tries++) usleep(50);
  }
}

static void run(struct timed *timed) {
  struct rusage usage;
  int status = 0;
  int launcher = strcmp(timed->kind, "launcher") == 0;
  int events[2] = {-1, -1};
  if (launcher) {
    if (mkdir(timed->words[2], 0700) != 0 && errno != EEXIST) stop(timed->words[2]);
    if (pipe2(events, O_CLOEXEC) != 0) stop("pipe2");
  }
  double begin = now_us();
  if (launcher) {
    for (size_t at = 0; at < timed->leaf_count; at++) {
      if (mkdir(timed->leaves[at], 0755) != 0) stop(timed->leaves[at]);
    }
  }
  pid_t child = fork();
  if (child < 0) stop("fork");
  if (child == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    if (!launcher) {
      execv(timed->words[0], timed->words);
      _exit(127);
    }
    int plan = open(timed->words[1], O_RDONLY);
    dup2(events[1], 64);
    dup2(plan, 3);
    dup2(64, 4);
    char *const words[] = {"launcher", NULL};
    char *const nothing[] = {NULL};
    execve(timed->words[0], words, nothing);
    _exit(127);
  }
  double reported = 0;
  if (launcher) {
    char bytes[8192];
    size_t used = 0;
    close(events[1]);
    while (used < sizeof bytes - 1) {
      ssize_t got = read(events[0], bytes + used, sizeof bytes - 1 - used);
      if (got <= 0) break;
      used += (size_t)got;
      bytes[used] = '\0';
      if (reported == 0 && strstr(bytes, "\"exited\"") != NULL) reported = now_us() - begin;
    }
    close(events[0]);
  }
  if (wait4(child, &status, 0, &usage) < 0) stop("wait4");
  double reaped = now_us() - begin;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "%s ended with status %d\n", timed->name, status);
    exit(1);
  }
  printf("%s %.1f %.1f %ld\n", timed->name, launcher ? reported : reaped, reaped, usage.ru_maxrss);
  remove_leaves(timed);
  if (launcher) empty_directory(timed->words[2]);
  usleep(SETTLE_US);
}

int main(int count, char **words) {
  static struct timed cases[CASES_MAX];
  size_t case_count = 0;
  if (count < 6) return 2;
  int rounds = atoi(words[1]);
  for (int at = 3; at < count;) {
    if (case_count == CASES_MAX) return 2;
    struct timed *timed = &cases[case_count++];
    timed->name = words[at + 1];
    timed->kind = words[at + 2];
    if (strcmp(words[at + 3], "-") != 0) {
      char *list = strdup(words[at + 3]);
      for (char *leaf = strtok(list, ","); leaf != NULL && timed->leaf_count < LEAVES_MAX; leaf = strtok(NULL, ",")) {
        timed->leaves[timed->leaf_count++] = leaf;
      }
    }
    at += 4;
    for (size_t word = 0; at < count && strcmp(words[at], "case") != 0 && word < 127; at++) timed->words[word++] = words[at];
  }
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) stop("unshare");
  if (mount("bench", words[2], "tmpfs", 0, "size=16m,mode=0711") != 0) stop(words[2]);
  unsigned seed = 20261124;
  for (int round = 0; round < rounds; round++) {
    // A new order each round, so that no case always follows the same one.
    size_t order[CASES_MAX];
    for (size_t at = 0; at < case_count; at++) order[at] = at;
    for (size_t at = case_count; at > 1; at--) {
      size_t other = (size_t)rand_r(&seed) % at;
      size_t kept = order[at - 1];
      order[at - 1] = order[other];
      order[other] = kept;
    }
    for (size_t at = 0; at < case_count; at++) run(&cases[order[at]]);
  }
  return 0;
}
