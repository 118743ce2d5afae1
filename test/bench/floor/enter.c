// Runs a program in another process's mount namespace: enter /proc/PID/ns/mnt PROGRAM ARGUMENT…
// For a peer that refuses this host's hybrid cgroup tree and gets a view without it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int namespace = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (namespace < 0 || setns(namespace, CLONE_NEWNS) != 0) {
    perror(argv[1]);
    return 125;
  }
  execv(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
