// Owns: attaching what the plan lists. Promises: works on descriptors only, so that nobody who owns a directory on the way can
// swap a path between check and use; follows no symbolic link; creates nothing inside directories of others.
// Leaves to others: whether the result hides what it must (aliases.c).
#define _GNU_SOURCE
#include "mounts.h"

#include <errno.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "identity.h"
#include "system_calls.h"

static int fail(struct failure *failure, enum step step, int index) {
  *failure = (struct failure){.step = step, .error = errno, .index = index};
  return -1;
}

static int mount_id_of(int fd, uint64_t *id) {
  struct statx facts;
  if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &facts) != 0) return -1;
  if ((facts.stx_mask & STATX_MNT_ID) == 0) {
    errno = ENOSYS;
    return -1;
  }
  *id = facts.stx_mnt_id;
  return 0;
}

// A detached copy of what lies at the path. Only directories and regular files: never a link, pipe or device.
static int open_source(const struct mount_operation *mount) {
  int fd = open_plain(mount->from, O_PATH);
  if (fd < 0) return -1;
  struct stat facts;
  if (fstat(fd, &facts) != 0) return -1;
  if (!S_ISDIR(facts.st_mode) && !S_ISREG(facts.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  int tree = sys_open_tree(fd, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree < 0) return -1;
  close(fd);
  if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, mount->attributes, MS_SLAVE) != 0) return -1;
  return tree;
}

struct user_source {
  const struct mount_operation *mount;
};

static int open_source_callback(void *argument) {
  return open_source(((struct user_source *)argument)->mount);
}

static int new_file_system(const char *type, const char *const options[][2], size_t count, uint64_t attributes) {
  int fs = sys_fsopen(type);
  if (fs < 0) return -1;
  for (size_t at = 0; at < count; at++) {
    if (sys_fsconfig(fs, FSCONFIG_SET_STRING, options[at][0], options[at][1]) != 0) return -1;
  }
  if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) != 0) return -1;
  int tree = sys_fsmount(fs, (unsigned int)attributes);
  close(fs);
  return tree;
}

// One tmpfs per sandbox is every mask: its empty root covers directories, an empty unlinked file in it covers files. It is
// attached at the first masked directory, because kernels before 6.15 copy no tree that is attached nowhere.
struct masks {
  int root; // descriptor of the tmpfs, -1 = not made yet
  int first_index;
  bool has_file; // the file for one mask is there
};

static int make_mask_root(struct masks *masks) {
  static const char *const options[][2] = {{"mode", "0555"}, {"size", "4096"}, {"nr_inodes", "4"}};
  masks->root = new_file_system("tmpfs", options, 3, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return masks->root < 0 ? -1 : 0;
}

static int copy_mask_directory(const struct masks *masks) {
  return sys_open_tree(masks->root, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int copy_mask_file(struct masks *masks) {
  int file = openat(masks->root, "masked", O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0444);
  if (file < 0 || fchmod(file, 0444) != 0) return -1;
  int tree = sys_open_tree(masks->root, "masked", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  close(file);
  masks->has_file = true;
  return tree;
}

// The kernel attaches no file that has lost its name, so it loses it afterwards: the masked directories stay empty.
static int unlink_mask_file(struct masks *masks) {
  if (!masks->has_file) return 0;
  masks->has_file = false;
  return unlinkat(masks->root, "masked", 0);
}

static int make_mask(struct masks *masks, int target, int index) {
  struct stat facts;
  if (fstat(target, &facts) != 0) return -1;
  if (!S_ISDIR(facts.st_mode)) {
    if (masks->root < 0) {
      errno = EINVAL; // a file mask comes after the first directory mask
      return -1;
    }
    int tree = copy_mask_file(masks);
    if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0) != 0) return -1;
    return tree;
  }
  if (masks->root < 0) {
    masks->first_index = index;
    // Stays writable to us until every mask is made; nothing of the content runs yet.
    return make_mask_root(masks) == 0 ? masks->root : -1;
  }
  int tree = copy_mask_directory(masks);
  if (tree < 0 || sys_mount_setattr(tree, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0) != 0) return -1;
  return tree;
}

static int make_tree(const struct mount_operation *mount, struct masks *masks, int target, int index) {
  switch (mount->kind) {
    case MOUNT_MASK:
      return make_mask(masks, target, index);
    case MOUNT_TMPFS: {
      const char *const options[][2] = {{"size", mount->size}, {"mode", mount->mode}};
      return new_file_system("tmpfs", options, 2, mount->attributes);
    }
    case MOUNT_PROC:
      return new_file_system("proc", NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    case MOUNT_MQUEUE:
      return new_file_system("mqueue", NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    case MOUNT_BIND:
      break; // opened before
  }
  errno = EINVAL;
  return -1;
}

// Targets exist already and are root's own, so that content could not have put something else there. Masks may cover anything.
static int open_target(const struct mount_operation *mount) {
  int target = open_plain(mount->to, O_PATH);
  if (target < 0 || mount->kind == MOUNT_MASK) return target;
  struct stat facts;
  if (fstat(target, &facts) != 0) return -1;
  if (facts.st_uid != 0) {
    errno = EPERM;
    return -1;
  }
  return target;
}

static int attach(const struct plan *plan, int index, int tree, struct masks *masks, struct attached *attached, struct failure *failure) {
  const struct mount_operation *mount = &plan->mounts[index];
  int target = open_target(mount);
  if (target < 0) {
    if (mount->optional && (errno == ENOENT || errno == ENOTDIR)) return 0;
    return fail(failure, STEP_TARGET, index);
  }
  if (mount->kind == MOUNT_MASK && mount_id_of(target, &attached->covered_mount_id) != 0) return fail(failure, STEP_TARGET, index);
  if (tree < 0) tree = make_tree(mount, masks, target, index);
  if (tree < 0) {
    // Message queues may be missing from the kernel; everything else must be there.
    if (mount->kind == MOUNT_MQUEUE && mount->optional) {
      close(target);
      return 0;
    }
    return fail(failure, STEP_MOUNT, index);
  }
  if (sys_move_mount(tree, target) != 0) return fail(failure, STEP_MOUNT, index);
  if (unlink_mask_file(masks) != 0 || mount_id_of(tree, &attached->mount_id) != 0) return fail(failure, STEP_MOUNT, index);
  if (tree != masks->root) close(tree);
  close(target);
  return 0;
}

int build_view(const struct plan *plan, struct attached attached[MOUNTS_MAX], struct failure *failure) {
  int trees[MOUNTS_MAX];
  struct masks masks = {.root = -1, .first_index = -1, .has_file = false};
  // Slave: later mounts of the host still arrive, ours never leave. No file of the host's view gains its setuid bit.
  if (sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, MOUNT_ATTR_NOSUID, MS_SLAVE) != 0) return fail(failure, STEP_PROPAGATION, -1);
  for (size_t at = 0; at < plan->mount_count; at++) {
    const struct mount_operation *mount = &plan->mounts[at];
    trees[at] = -1;
    attached[at] = (struct attached){0};
    if (mount->kind != MOUNT_BIND) continue;
    struct user_source source = {.mount = mount};
    trees[at] = mount->as_user ? as_user(plan, open_source_callback, &source) : open_source(mount);
    if (trees[at] < 0 && !(mount->optional && errno == ENOENT)) return fail(failure, STEP_SOURCE, (int)at);
  }
  for (size_t at = 0; at < plan->mount_count; at++) {
    if (plan->mounts[at].kind == MOUNT_BIND && trees[at] < 0) continue;
    if (attach(plan, (int)at, trees[at], &masks, &attached[at], failure) != 0) return -1;
  }
  if (masks.root >= 0) {
    if (sys_mount_setattr(masks.root, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0) != 0) return fail(failure, STEP_MOUNT, masks.first_index);
    close(masks.root);
  }
  return 0;
}
