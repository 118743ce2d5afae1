// Owns: everything between the birth of the sandbox and its end: order of the start, signals, output, control socket.
// Promises: the outcome is what the kernel and the target's own message say, never a guess; nothing here waits for a reader.
// Leaves to others: whether and why to stop a process (agent).
#define _GNU_SOURCE
#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "limits.h"
#include "logs.h"
#include "system_calls.h"
#include "text.h"

struct course {
  bool greeted;  // the target exists
  bool executed; // it is the content now
  bool failed;
  struct failure failure;
  bool ended; // init told how
  int wait_status;
};

enum source { SOURCE_SIGNALS, SOURCE_INIT, SOURCE_INIT_CHANNEL, SOURCE_TARGET_CHANNEL, SOURCE_STDOUT, SOURCE_STDERR, SOURCE_CONTROL };
enum { SOURCES_MAX = SOURCE_CONTROL + 1 + CONTROL_CLIENTS_MAX };

int take_signals(void) {
  static const int forwarded[] = {SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};
  sigset_t set;
  sigemptyset(&set);
  for (size_t at = 0; at < sizeof forwarded / sizeof forwarded[0]; at++) sigaddset(&set, forwarded[at]);
  if (sigprocmask(SIG_SETMASK, &set, NULL) != 0) return -1;
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

const char *describe_failure(const struct plan *plan, const struct failure *failure) {
  static char bytes[MESSAGE_BYTES_MAX];
  struct text text = text_over(bytes, sizeof bytes);
  if (failure->step == STEP_ALIAS) {
    text_add(&text, "a masked directory can be reached through another mount");
  } else {
    text_add(&text, step_name(failure->step));
    text_add(&text, ": ");
    text_add(&text, strerror(failure->error));
  }
  const char *path = NULL;
  if (failure->index >= 0 && (size_t)failure->index < plan->mount_count) {
    const struct mount_operation *mount = &plan->mounts[failure->index];
    path = failure->step == STEP_SOURCE ? mount->from : mount->to;
  } else if (failure->step == STEP_EXEC && plan->argument_count > 0) {
    path = plan->arguments[0];
  } else if (failure->step == STEP_WORKDIR) {
    path = plan->workdir;
  }
  if (path != NULL) {
    text_add(&text, ": ");
    text_add(&text, path);
  }
  return bytes;
}

static void forward(const struct watch *watch, int signal) {
  if (watch->to_init < 0) return; // it has ended already
  (void)send_message(watch->to_init, (struct message){.kind = MESSAGE_SIGNAL, .step = STEP_NONE, .number = signal, .index = -1});
}

static void end_all(const struct watch *watch) {
  kill_cgroups(&watch->cgroups);
  (void)sys_pidfd_send_signal(watch->init, SIGKILL); // the PID namespace ends with it
}

static void note_failure(struct course *course, const struct message *message) {
  if (course->failed) return;
  course->failed = true;
  course->failure = (struct failure){.step = (enum step)message->step, .error = message->number, .index = message->index};
}

static void hear_init(struct watch *watch, struct course *course) {
  struct message message;
  int got = -1;
  while (watch->to_init >= 0 && (got = receive_message(watch->to_init, &message, false, NULL)) == 1) {
    switch ((enum message_kind)message.kind) {
      case MESSAGE_MOUNTED:
        report_mounted();
        break;
      case MESSAGE_FAILED:
        note_failure(course, &message);
        break;
      case MESSAGE_EXITED:
        course->ended = true;
        course->wait_status = message.number;
        break;
      case MESSAGE_GO:
      case MESSAGE_SIGNAL:
      case MESSAGE_HELLO:
        break; // ours to send
    }
  }
  if (got != 0) return;
  // Its end closes before its namespaces are gone: waiting on it would spin until they are.
  close(watch->to_init);
  watch->to_init = -1;
}

static void meet_target(struct watch *watch, struct course *course, pid_t pid) {
  course->greeted = true;
  watch->actors.target = pid;
  watch->actors.target_start = start_time(pid);
  watch->actors.init_start = start_time(watch->actors.init);
  watch->actors.monitor_start = start_time(watch->actors.monitor);
  if (write_run_file(watch->directory, &watch->actors) == 0 || course->failed) return;
  // Without it a later agent could not tell this process from another.
  course->failed = true;
  course->failure = (struct failure){.step = STEP_RECORD, .error = errno, .index = -1};
  end_all(watch);
}

static void hear_target(struct watch *watch, struct course *course, struct plan *plan) {
  struct message message;
  pid_t pid = 0;
  int got = -1;
  while (watch->to_target >= 0 && (got = receive_message(watch->to_target, &message, false, &pid)) == 1) {
    if (message.kind == MESSAGE_HELLO) meet_target(watch, course, pid);
    if (message.kind == MESSAGE_FAILED) note_failure(course, &message);
  }
  if (got != 0) return;
  // Closed without a word of failure: exec took it away.
  close(watch->to_target);
  watch->to_target = -1;
  if (!course->greeted || course->failed) return;
  course->executed = true;
  wipe_secret_environment();
  forget_plan(plan);
  report_started(&watch->actors);
}

static void hear_signals(const struct watch *watch) {
  struct signalfd_siginfo received[4];
  ssize_t got = read(watch->signals, received, sizeof received);
  for (size_t at = 0; got > 0 && at < (size_t)got / sizeof received[0]; at++) forward(watch, (int)received[at].ssi_signo);
}

static void hear_control(const struct watch *watch, const struct pollfd *sources) {
  for (;;) {
    struct order order = serve_control(sources, CONTROL_CLIENTS_MAX + 1, watch->actors.target);
    if (order.kind == ORDER_NONE) return;
    if (order.kind == ORDER_SIGNAL) forward(watch, order.signal);
    if (order.kind == ORDER_KILL) end_all(watch);
  }
}

static void store_output(const struct pollfd *sources) {
  bool stored = false;
  if (sources[SOURCE_STDOUT].revents != 0) stored = store_log(LOG_STDOUT);
  if (sources[SOURCE_STDERR].revents != 0) stored = store_log(LOG_STDERR) || stored;
  if (stored) tell_subscribers("log\n");
}

// What dead processes wrote is still in the pipes.
static void drain_output(void) {
  uint64_t deadline_us = elapsed_us() + (uint64_t)LOG_DRAIN_MS * 1000;
  for (;;) {
    struct pollfd pipes[2] = {{.fd = log_pipe(LOG_STDOUT), .events = POLLIN}, {.fd = log_pipe(LOG_STDERR), .events = POLLIN}};
    uint64_t now_us = elapsed_us();
    if ((pipes[0].fd < 0 && pipes[1].fd < 0) || now_us >= deadline_us) return;
    int ready = poll(pipes, 2, (int)((deadline_us - now_us) / 1000) + 1);
    if (ready == 0 || (ready < 0 && errno != EINTR)) return;
    if (ready < 0) continue;
    if (pipes[0].revents != 0) (void)store_log(LOG_STDOUT);
    if (pipes[1].revents != 0) (void)store_log(LOG_STDERR);
  }
}

static struct outcome judge(const struct watch *watch, const struct plan *plan, const struct course *course, int init_status) {
  struct outcome outcome = {.code = 0, .signal = 0, .reason = "exited", .step = STEP_NONE, .error = 0, .message = ""};
  if (course->failed) {
    bool exec = course->failure.step == STEP_EXEC;
    bool missing = course->failure.error == ENOENT || course->failure.error == ENOTDIR;
    outcome.code = !exec ? EXIT_SETUP : missing ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
    outcome.reason = exec ? "exec" : "setup";
    outcome.step = course->failure.step;
    outcome.error = course->failure.error;
    outcome.message = describe_failure(plan, &course->failure);
    return outcome;
  }
  int status = course->ended ? course->wait_status : init_status;
  if (WIFSIGNALED(status)) {
    outcome.signal = WTERMSIG(status);
    outcome.code = EXIT_SIGNAL_BASE + outcome.signal;
    outcome.reason = outcome.signal == SIGKILL && had_out_of_memory(&watch->cgroups) ? "oom" : "signal";
    return outcome;
  }
  outcome.code = WEXITSTATUS(status);
  if (course->ended) return outcome;
  // Init left by itself and without a word.
  outcome.code = EXIT_SETUP;
  outcome.reason = "setup";
  outcome.step = STEP_DIED;
  outcome.message = "the sandbox's first process ended by itself";
  return outcome;
}

struct outcome watch_sandbox(struct watch *watch, struct plan *plan) {
  struct course course = {0};
  for (;;) {
    struct pollfd sources[SOURCES_MAX] = {
        [SOURCE_SIGNALS] = {.fd = watch->signals, .events = POLLIN},
        [SOURCE_INIT] = {.fd = watch->init, .events = POLLIN},
        [SOURCE_INIT_CHANNEL] = {.fd = watch->to_init, .events = POLLIN},
        [SOURCE_TARGET_CHANNEL] = {.fd = watch->to_target, .events = POLLIN},
        [SOURCE_STDOUT] = {.fd = log_pipe(LOG_STDOUT), .events = POLLIN},
        [SOURCE_STDERR] = {.fd = log_pipe(LOG_STDERR), .events = POLLIN},
    };
    (void)control_sources(&sources[SOURCE_CONTROL]);
    if (poll(sources, SOURCES_MAX, -1) < 0) continue; // interrupted
    // Init first: it said "mounted" before there was a target.
    if ((sources[SOURCE_INIT_CHANNEL].revents | sources[SOURCE_TARGET_CHANNEL].revents) != 0) hear_init(watch, &course);
    if (sources[SOURCE_TARGET_CHANNEL].revents != 0) hear_target(watch, &course, plan);
    store_output(sources);
    if (sources[SOURCE_SIGNALS].revents != 0) hear_signals(watch);
    hear_control(watch, &sources[SOURCE_CONTROL]);
    if (sources[SOURCE_INIT].revents != 0) break;
  }
  int init_status = 0;
  while (waitpid(watch->actors.init, &init_status, 0) < 0 && errno == EINTR) {
  }
  // Both channels first: a last message may have come with the end.
  hear_init(watch, &course);
  hear_target(watch, &course, plan);
  kill_cgroups(&watch->cgroups);
  drain_output();
  return judge(watch, plan, &course, init_status);
}
