// The least that any launcher of this sandbox has to do: the same namespaces, binds, ids and cgroup leaves, and nothing else.
// No checks, no masks, no verified drop, no init, no logs, no records.
//
//   floor UID GID LEAF,LEAF|- from to from to … -- command
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(const char *what) {
  perror(what);
  _exit(125);
}

static void make_leaves(char *leaves, char *placed[], size_t *count) {
  if (strcmp(leaves, "-") == 0) return;
  for (char *leaf = strtok(leaves, ","); leaf != NULL && *count < 16; leaf = strtok(NULL, ",")) {
    if (mkdir(leaf, 0755) != 0) stop(leaf);
    placed[(*count)++] = leaf;
  }
}

// The cheapest way there is: a thread that moves itself takes no global lock.
static void enter(const char *leaf) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tasks", leaf);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) stop(path);
  close(fd);
}

static void attach(const char *from, const char *to) {
  struct mount_attr safe = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) stop(from);
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &safe, sizeof safe) != 0) stop("mount_setattr");
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) != 0) stop(to);
  close(tree);
}

int main(int count, char **words) {
  if (count < 6) return 2;
  uid_t uid = (uid_t)atoi(words[1]);
  gid_t gid = (gid_t)atoi(words[2]);
  char *leaves[16];
  size_t leaf_count = 0;
  make_leaves(words[3], leaves, &leaf_count);
  struct clone_args arguments = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC, .exit_signal = SIGCHLD};
  // As the launcher does where the host allows it: born in the unified leaf, given last.
  int unified = -1;
  if (leaf_count > 0 && strstr(leaves[leaf_count - 1], "/unified/") != NULL) {
    unified = open(leaves[--leaf_count], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = (uint64_t)(unsigned)unified;
  }
  long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child < 0) stop("clone3");
  if (child == 0) {
    for (size_t leaf = 0; leaf < leaf_count; leaf++) enter(leaves[leaf]);
    struct mount_attr slave = {.propagation = MS_SLAVE};
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave) != 0) stop("slave");
    int at = 4;
    for (; at + 1 < count && strcmp(words[at], "--") != 0; at += 2) attach(words[at], words[at + 1]);
    if (setgroups(1, &gid) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) stop("ids");
    execv(words[at + 1], words + at + 1);
    stop("exec");
  }
  int status = 0;
  if (waitpid((pid_t)child, &status, 0) < 0) stop("wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
