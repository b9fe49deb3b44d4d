/* deploy/base64.c: see base64.h. */
#include "deploy/base64.h"

#include <string.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void deploy_base64_write(FILE *out, const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits =
            (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
        putc(ALPHABET[bits >> 18 & 63], out);
        putc(ALPHABET[bits >> 12 & 63], out);
        putc(left > 1 ? ALPHABET[bits >> 6 & 63] : '=', out);
        putc(left > 2 ? ALPHABET[bits & 63] : '=', out);
    }
}

static int digit_of(char c) {
    const char *at = c == '\0' ? NULL : strchr(ALPHABET, c);
    return at == NULL ? -1 : (int)(at - ALPHABET);
}

bool deploy_base64_read(char *text, size_t length, size_t *size) {
    size_t used = 0, digits = length;
    uint32_t bits = 0;
    if (length % 4 != 0) return false;
    for (int i = 0; i < 2 && digits > 0 && text[digits - 1] == '='; i++) digits--;
    for (size_t i = 0; i < digits; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) text[used++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
    *size = used;
    return true;
}
