// What the content writes to stdout and stderr, kept as segments in the run directory.
#ifndef BERTH_LOGS_H
#define BERTH_LOGS_H

#include <stdbool.h>
#include <stdint.h>

struct log_stream;
enum log_name { LOG_STDOUT, LOG_STDERR };

// Keeps at most bytes_max per stream in the directory; the pipe is read without waiting.
void open_log(enum log_name name, int pipe, int directory, uint64_t bytes_max);
// -1 once the stream has ended.
int log_pipe(enum log_name name);
// Reads what is there. True when bytes were stored.
bool store_log(enum log_name name);
// Bytes that the content has written, stored or not.
uint64_t log_bytes(enum log_name name);

#endif
