// Owns: the socket by which a later agent finds a running process again. Promises: only uid 0 is answered; a client that is slow,
// silent or talks nonsense delays nobody. Protocol version 1, one word a line; only ever added to.
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "limits.h"
#include "text.h"

struct client {
  int fd;
  bool subscribed;
  size_t used;
  char line[CONTROL_LINE_BYTES];
};

static int listener = -1;
static struct client clients[CONTROL_CLIENTS_MAX];

int open_control(int directory) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "ctl"};
  for (size_t at = 0; at < CONTROL_CLIENTS_MAX; at++) clients[at].fd = -1;
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) return -1;
  // Relative to the directory: an address holds 107 bytes, a path may be longer.
  if (fchdir(directory) != 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0) return -1;
  if (chdir("/") != 0) return -1;
  return listen(listener, CONTROL_CLIENTS_MAX);
}

size_t control_sources(struct pollfd *sources) {
  sources[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (size_t at = 0; at < CONTROL_CLIENTS_MAX; at++) sources[at + 1] = (struct pollfd){.fd = clients[at].fd, .events = POLLIN};
  return CONTROL_CLIENTS_MAX + 1;
}

static void drop(struct client *client) {
  close(client->fd);
  client->fd = -1;
}

static void welcome(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0) {
    for (size_t at = 0; at < CONTROL_CLIENTS_MAX; at++) {
      if (clients[at].fd >= 0) continue;
      clients[at] = (struct client){.fd = fd};
      return;
    }
  }
  close(fd);
}

static void answer(struct client *client, const char *line) {
  if (send(client->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN) drop(client);
}

static struct order obey(struct client *client, const char *line, pid_t target) {
  uint64_t number = 0;
  if (strcmp(line, "ping") == 0) {
    char bytes[64];
    struct text text = text_over(bytes, sizeof bytes);
    text_add(&text, "pong 1 ");
    text_add_number(&text, (uint64_t)target);
    text_add(&text, "\n");
    answer(client, bytes);
  } else if (strcmp(line, "subscribe") == 0) {
    client->subscribed = true;
    answer(client, "log\n"); // whatever was written before is to be looked at as well
  } else if (strcmp(line, "kill") == 0) {
    answer(client, "ok\n");
    return (struct order){.kind = ORDER_KILL, .signal = SIGKILL};
  } else if (strncmp(line, "signal ", 7) == 0 && parse_number(line + 7, 64, &number) && number > 0) {
    answer(client, "ok\n");
    return (struct order){.kind = ORDER_SIGNAL, .signal = (int)number};
  } else {
    answer(client, "error unknown request\n");
  }
  return (struct order){.kind = ORDER_NONE, .signal = 0};
}

// One line at a time, so that each order is returned; what is left stays in the buffer for the next call.
static struct order listen_to(struct client *client, bool readable, pid_t target) {
  struct order none = {.kind = ORDER_NONE, .signal = 0};
  if (readable) {
    ssize_t got = read(client->fd, client->line + client->used, sizeof client->line - client->used);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return none;
    if (got <= 0) {
      drop(client);
      return none;
    }
    client->used += (size_t)got;
  }
  while (client->fd >= 0) {
    char *end = memchr(client->line, '\n', client->used);
    if (end == NULL) {
      if (client->used == sizeof client->line) drop(client);
      return none;
    }
    *end = '\0';
    struct order order = obey(client, client->line, target);
    size_t length = (size_t)(end - client->line) + 1;
    client->used -= length;
    memmove(client->line, client->line + length, client->used);
    if (order.kind != ORDER_NONE) return order;
  }
  return none;
}

struct order serve_control(const struct pollfd *sources, size_t count, pid_t target) {
  for (size_t at = 0; at < CONTROL_CLIENTS_MAX && at + 1 < count; at++) {
    if (clients[at].fd < 0) continue;
    bool readable = clients[at].fd == sources[at + 1].fd && sources[at + 1].revents != 0;
    if (!readable && clients[at].used == 0) continue;
    struct order order = listen_to(&clients[at], readable, target);
    if (order.kind != ORDER_NONE) return order;
  }
  if (sources[0].revents != 0) welcome();
  return (struct order){.kind = ORDER_NONE, .signal = 0};
}

void tell_subscribers(const char *line) {
  for (size_t at = 0; at < CONTROL_CLIENTS_MAX; at++) {
    if (clients[at].fd >= 0 && clients[at].subscribed) answer(&clients[at], line);
  }
}
