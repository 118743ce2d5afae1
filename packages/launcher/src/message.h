// What monitor, init and target tell each other over socket pairs: fixed size, one message a packet.
#ifndef BERTH_MESSAGE_H
#define BERTH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Where a start can fail, in the order of the start.
enum step {
  STEP_NONE,
  STEP_PRIVILEGE,
  STEP_PLAN,
  STEP_RUN_DIR,
  STEP_LOCK,
  STEP_STDIN,
  STEP_PIPES,
  STEP_CGROUP,
  STEP_CONTROL,
  STEP_NAMESPACES,
  STEP_PROPAGATION,
  STEP_SOURCE,
  STEP_TARGET,
  STEP_MOUNT,
  STEP_SELF_CHECK,
  STEP_ALIAS,
  STEP_KEYRING,
  STEP_IDENTITY,
  STEP_VERIFY,
  STEP_FORK,
  STEP_LIMITS,
  STEP_WORKDIR,
  STEP_EXEC,
  STEP_RECORD,
  STEP_DIED,
};

enum message_kind {
  MESSAGE_MOUNTED = 1, // init → monitor: the view is built and checked
  MESSAGE_GO,          // monitor → init: all is ready to watch you, go on
  MESSAGE_SIGNAL,      // monitor → init: number = signal for the target's process group
  MESSAGE_HELLO,       // target → monitor: the kernel adds my pid as the monitor sees it
  MESSAGE_FAILED,      // init or target → monitor: step, errno, index of the mount
  MESSAGE_EXITED,      // init → monitor: number = wait status of the target
};

struct message {
  uint32_t kind;
  uint32_t step;
  int32_t number;
  int32_t index; // of a mount, or -1
};

// A failure as it travels up the call chain inside one process.
struct failure {
  enum step step;
  int error;
  int index;
};

const char *step_name(enum step step);
bool send_message(int channel, struct message message);
// 1 = got one, 0 = the other end is gone, -1 = nothing there now (or an error). pid: of the sender when the channel passes
// credentials, else may be NULL.
int receive_message(int channel, struct message *message, bool wait, pid_t *pid);
// Two ends; [0] is told the pid of who sends when with_credentials.
int open_channel(int ends[2], bool with_credentials);

#endif
