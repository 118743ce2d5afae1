// Raw system calls that older C libraries do not wrap (the floor is Linux 5.14 with the C library of RHEL 9).
// <sys/mount.h> and <sched.h> are left out on purpose: they collide with the kernel's headers on newer systems.
#ifndef BERTH_SYSTEM_CALLS_H
#define BERTH_SYSTEM_CALLS_H

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int sys_close_range(unsigned int first, unsigned int last) {
  return (int)syscall(SYS_close_range, first, last, 0U);
}

static inline int sys_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = 0, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

// No symbolic link anywhere in the path: whoever owns a directory on the way cannot lead us elsewhere.
static inline int open_plain(const char *path, uint64_t flags) {
  return sys_openat2(AT_FDCWD, path, flags | O_CLOEXEC, RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

static inline int sys_open_tree(int directory, const char *path, unsigned int flags) {
  return (int)syscall(SYS_open_tree, directory, path, flags);
}

static inline int sys_move_mount(int tree, int target) {
  return (int)syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_mount_setattr(int directory, const char *path, unsigned int flags, uint64_t set, uint64_t propagation) {
  struct mount_attr attr = {.attr_set = set, .attr_clr = 0, .propagation = propagation, .userns_fd = 0};
  return (int)syscall(SYS_mount_setattr, directory, path, flags, &attr, sizeof attr);
}

static inline int sys_fsopen(const char *type) {
  return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static inline int sys_fsconfig(int fs, unsigned int command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

static inline int sys_fsmount(int fs, unsigned int attributes) {
  return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0U);
}

#endif
