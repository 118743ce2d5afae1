// The launcher: starts one process in its sandbox and stays as its monitor.
//
// Owns: the order of the start up to the clone. Promises: does exactly what the plan on descriptor 3 says or fails with 125; leaves
// an exit record in the run directory; outlives whoever started it. Leaves to others: every decision (the agent).
// Interface: docs/architecture/launcher.md.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "logs.h"
#include "monitor.h"
#include "namespaces.h"
#include "system_calls.h"
#include "text.h"

#ifndef BUILD_VERSION
#define BUILD_VERSION "0.0.0"
#endif

enum { PLAN = 3, EVENTS = 4, SECRETS = 5, FIRST_FREE = 6 };

static struct plan plan;
static struct watch watch = {.directory = -1, .signals = -1, .init = -1, .to_init = -1, .to_target = -1};
static bool owns_directory;

_Noreturn static void finish(const struct outcome *outcome) {
  struct outcome last = *outcome;
  // Whoever holds the directory writes its record; a second launcher of the same id must not.
  if (owns_directory && write_status_file(watch.directory, outcome, log_bytes(LOG_STDOUT), log_bytes(LOG_STDERR)) != 0) {
    complain("the exit record could not be written");
  }
  if (owns_directory) (void)unlinkat(watch.directory, "ctl", 0);
  report_exited(&last);
  tell_subscribers("exited\n");
  // The place where a PAM session is closed.
  report_closed();
  _exit(last.code);
}

_Noreturn static void fail_setup(enum step step, const char *message) {
  struct outcome outcome = {.code = EXIT_SETUP, .signal = 0, .reason = "setup", .step = step, .error = errno, .message = message};
  complain(message);
  finish(&outcome);
}

_Noreturn static void fail_with(const struct failure *failure) {
  errno = failure->error;
  fail_setup(failure->step, describe_failure(&plan, failure));
}

// The parent may have left signals ignored or blocked, and any descriptor open.
static void start_clean(void) {
  if (sys_close_range(FIRST_FREE, ~0U) != 0) fail_setup(STEP_PRIVILEGE, "close_range failed: Linux 5.14 or later is needed");
  for (int number = 1; number < NSIG; number++) (void)signal(number, SIG_DFL);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGHUP, SIG_IGN);
  umask(077);
  const struct rlimit no_core = {0, 0};
  if (chdir("/") != 0 || prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0) {
    fail_setup(STEP_PRIVILEGE, "the launcher could not secure itself");
  }
  (void)prctl(PR_SET_NAME, "berth-monitor", 0UL, 0UL, 0UL);
  // Nothing ties us to the agent: its end, and its terminal's, are not ours.
  (void)setsid();
}

static void own_directory(void) {
  struct stat facts;
  int directory = open_plain(plan.run_dir, O_RDONLY | O_DIRECTORY);
  if (directory < 0) fail_setup(STEP_RUN_DIR, "the run directory cannot be opened");
  if (fstat(directory, &facts) != 0 || facts.st_uid != 0 || (facts.st_mode & 077) != 0) {
    fail_setup(STEP_RUN_DIR, "the run directory must belong to root with mode 0700");
  }
  int lock = openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) fail_setup(STEP_LOCK, "another monitor holds the run directory");
  // An id is never started twice: what the first start left is what happened.
  if (faccessat(directory, "status", F_OK, AT_SYMLINK_NOFOLLOW) == 0 || faccessat(directory, "run.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    errno = EEXIST;
    fail_setup(STEP_LOCK, "this process id was started before");
  }
  watch.directory = directory;
  owns_directory = true;
}

static int open_stdin(void) {
  struct stat facts;
  if (plan.stdin_path == NULL) return open("/dev/null", O_RDONLY | O_CLOEXEC);
  int fd = open_plain(plan.stdin_path, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return -1;
  if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return fd;
}

// Owned by the account, or it could not open /dev/stdout again.
static int open_output(int pipe[2]) {
  if (pipe2(pipe, O_CLOEXEC) != 0) return -1;
  if (fcntl(pipe[0], F_SETFL, O_NONBLOCK) != 0) return -1;
  return fchown(pipe[1], plan.uid, plan.gid);
}

static void read_orders(void) {
  static char problem[MESSAGE_BYTES_MAX];
  if (read_plan(PLAN, &plan, problem) != 0) fail_setup(STEP_PLAN, problem);
  // Kept taken, so that nothing we open lands on a number that init's descriptors will have.
  if (!plan.secret_environment && dup2(PLAN, SECRETS) < 0) fail_setup(STEP_PLAN, "descriptor 5 could not be kept");
  if (plan.secret_environment && read_secret_environment(SECRETS, &plan, problem) != 0) fail_setup(STEP_PLAN, problem);
}

static void launch(void) {
  struct failure failure = {0};
  struct birth birth;
  int out[2];
  int error[2];
  int init_channel[2];
  int target_channel[2];
  birth.standard[0] = open_stdin();
  if (birth.standard[0] < 0) fail_setup(STEP_STDIN, "standard input cannot be opened: it must be a regular file");
  if (open_output(out) != 0 || open_output(error) != 0) fail_setup(STEP_PIPES, "the output pipes could not be made");
  if (open_channel(init_channel, false) != 0 || open_channel(target_channel, true) != 0) {
    fail_setup(STEP_PIPES, "the channels could not be made");
  }
  if (open_cgroups(&plan, &watch.cgroups, &failure) != 0) fail_with(&failure);
  watch.signals = take_signals();
  if (watch.signals < 0) fail_setup(STEP_PRIVILEGE, "signals could not be taken");
  birth.standard[1] = out[1];
  birth.standard[2] = error[1];
  birth.init_channel = init_channel[1];
  birth.target_channel = target_channel[1];
  watch.actors.monitor = getpid();
  watch.actors.init = make_sandbox(&plan, &watch.cgroups, &birth, &watch.init, &failure);
  if (watch.actors.init < 0) fail_with(&failure);
  close(birth.standard[0]);
  close(out[1]);
  close(error[1]);
  close(init_channel[1]);
  close(target_channel[1]);
  watch.to_init = init_channel[0];
  watch.to_target = target_channel[0];
  open_log(LOG_STDOUT, out[0], watch.directory, plan.log_bytes_max);
  open_log(LOG_STDERR, error[0], watch.directory, plan.log_bytes_max);
}

// While the sandbox mounts, everything else is made ready; it goes on when both are done. A failure here ends it by itself:
// its parent's death is its own.
static void release(void) {
  if (open_control(watch.directory) != 0) fail_setup(STEP_CONTROL, "the control socket could not be made");
  (void)send_message(watch.to_init, (struct message){.kind = MESSAGE_GO, .step = STEP_NONE, .number = 0, .index = -1});
}

static int check(void) {
  static char problem[MESSAGE_BYTES_MAX];
  if (read_plan(STDIN_FILENO, &plan, problem) != 0) {
    complain(problem);
    return EXIT_SETUP;
  }
  print_plan(&plan);
  return 0;
}

int main(int count, char **words) {
  begin_clock();
  if (count == 2 && strcmp(words[1], "--check") == 0) return check();
  if (count == 2 && strcmp(words[1], "--version") == 0) {
    static const char line[] = "berth-launcher " BUILD_VERSION " plan 1 control 1\n";
    return write_all(STDOUT_FILENO, line, sizeof line - 1) == 0 ? 0 : 1;
  }
  if (count > 1) {
    complain("usage: launcher [--check | --version]; a plan is read from descriptor 3");
    return EXIT_SETUP;
  }
  errno = EPERM;
  if (getuid() != 0 || geteuid() != 0) fail_setup(STEP_PRIVILEGE, "the launcher must be started by root");
  if (fcntl(PLAN, F_GETFD) < 0 || fcntl(EVENTS, F_GETFD) < 0) fail_setup(STEP_PLAN, "descriptors 3 (plan) and 4 (events) must be open");
  start_clean();
  errno = 0;
  read_orders();
  own_directory();
  launch();
  release();
  struct outcome outcome = watch_sandbox(&watch, &plan);
  finish(&outcome);
}
