/* deploy/digits.h: integers of any size, between digits and bytes (two's complement, little-endian, as few as hold them
 * with their sign). */
#ifndef CHARIOT_DEPLOY_DIGITS_H
#define CHARIOT_DEPLOY_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEPLOY_DIGITS_MAX = 20000 };

/* `count` decimal digits, at most DEPLOY_DIGITS_MAX. Gives *bytes (owned by the caller). False: out of memory. */
bool deploy_digits_read(const char *digits, size_t count, bool negative, uint8_t **bytes, size_t *size);
/* Gives the text, "-123". NULL: out of memory, or more than DEPLOY_DIGITS_MAX digits. */
char *deploy_digits_text(const uint8_t *bytes, size_t size);

#endif
