/* deploy/base64.h: bytes as text (RFC 4648, with padding). */
#ifndef CHARIOT_DEPLOY_BASE64_H
#define CHARIOT_DEPLOY_BASE64_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

void deploy_base64_write(FILE *out, const uint8_t *data, size_t size);
/* Reads `length` characters in place: *size bytes are at text then. False: it is none. */
bool deploy_base64_read(char *text, size_t length, size_t *size);

#endif
