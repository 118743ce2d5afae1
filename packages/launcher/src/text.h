// Bounded text building: what does not fit is cut, never written past the end.
#ifndef BERTH_TEXT_H
#define BERTH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
  char *bytes;
  size_t size; // including the final NUL
  size_t used;
};

struct text text_over(char *bytes, size_t size);
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, uint64_t number);
// Exactly 20 digits, so that names sort as their numbers do.
void text_add_offset(struct text *text, uint64_t number);
// As a JSON string with its quotes; bytes that are not printable ASCII become \u00XX or, above 0x7f, '?'.
void text_add_json(struct text *text, const char *string);
// Digits only, no sign, no leading plus, no overflow above `maximum`.
bool parse_number(const char *string, uint64_t maximum, uint64_t *number);
bool parse_octal(const char *string, uint64_t maximum, uint64_t *number);
// Writes everything, over interrupts and short writes. 0 or -1.
int write_all(int fd, const char *bytes, size_t count);

#endif
