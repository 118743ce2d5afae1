#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct text text_over(char *bytes, size_t size) {
  bytes[0] = '\0';
  return (struct text){.bytes = bytes, .size = size, .used = 0};
}

static void add_byte(struct text *text, char byte) {
  if (text->used + 1 >= text->size) return;
  text->bytes[text->used++] = byte;
  text->bytes[text->used] = '\0';
}

void text_add(struct text *text, const char *string) {
  for (; *string != '\0'; string++) add_byte(text, *string);
}

static void add_digits(struct text *text, uint64_t number, int width) {
  char digits[21];
  int count = 0;
  do {
    digits[count++] = (char)('0' + (int)(number % 10));
    number /= 10;
  } while (number != 0 && count < 20);
  while (count < width) digits[count++] = '0';
  while (count > 0) add_byte(text, digits[--count]);
}

void text_add_number(struct text *text, uint64_t number) {
  add_digits(text, number, 1);
}

void text_add_offset(struct text *text, uint64_t number) {
  add_digits(text, number, 20);
}

void text_add_json(struct text *text, const char *string) {
  static const char hex[] = "0123456789abcdef";
  add_byte(text, '"');
  for (; *string != '\0'; string++) {
    unsigned char byte = (unsigned char)*string;
    // Room for an escape, the closing quote and the rest of the object is kept by the caller's cutting of messages.
    if (byte == '"' || byte == '\\') {
      add_byte(text, '\\');
      add_byte(text, (char)byte);
    } else if (byte < 0x20 || byte == 0x7f) {
      text_add(text, "\\u00");
      add_byte(text, hex[byte >> 4]);
      add_byte(text, hex[byte & 15]);
    } else {
      add_byte(text, byte < 0x80 ? (char)byte : '?');
    }
  }
  add_byte(text, '"');
}

static bool parse_base(const char *string, uint64_t base, uint64_t maximum, uint64_t *number) {
  uint64_t value = 0;
  if (*string == '\0') return false;
  for (; *string != '\0'; string++) {
    if (*string < '0' || *string > '9') return false;
    uint64_t digit = (uint64_t)(*string - '0');
    if (digit >= base || value > (maximum - digit) / base) return false;
    value = value * base + digit;
    if (value > maximum) return false;
  }
  *number = value;
  return true;
}

bool parse_number(const char *string, uint64_t maximum, uint64_t *number) {
  return parse_base(string, 10, maximum, number);
}

bool parse_octal(const char *string, uint64_t maximum, uint64_t *number) {
  return parse_base(string, 8, maximum, number);
}

int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t wrote = write(fd, bytes, count);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    bytes += wrote;
    count -= (size_t)wrote;
  }
  return 0;
}
