/* deploy/digits.c: see digits.h. Magnitudes are limbs of 32 bits, the lowest first. */
#include "deploy/digits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 9, CHUNK_VALUE = 1000000000 };

/* limbs = limbs * by + more */
static void grow(uint32_t *limbs, size_t *count, uint32_t by, uint32_t more) {
    uint64_t carry = more;
    for (size_t i = 0; i < *count; i++) {
        carry += (uint64_t)limbs[i] * by;
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry > 0) limbs[(*count)++] = (uint32_t)carry;
}

static size_t read_limbs(uint32_t *limbs, const char *digits, size_t count) {
    size_t num_limbs = 0;
    while (count > 0) {
        size_t chunk = count % CHUNK == 0 ? CHUNK : count % CHUNK;
        uint32_t value = 0, by = 1;
        for (size_t i = 0; i < chunk; i++, by *= 10) value = value * 10 + (uint32_t)(digits[i] - '0');
        grow(limbs, &num_limbs, by, value);
        digits += chunk;
        count -= chunk;
    }
    return num_limbs;
}

/* In place, of `size` bytes. */
static void negate(uint8_t *bytes, size_t size) {
    unsigned carry = 1;
    for (size_t i = 0; i < size; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* Bytes at the end that only repeat the sign are not needed. */
static size_t trim(const uint8_t *bytes, size_t size) {
    while (size > 1 &&
           ((bytes[size - 1] == 0 && bytes[size - 2] < 0x80) || (bytes[size - 1] == 0xff && bytes[size - 2] >= 0x80)))
        size--;
    return size;
}

bool deploy_digits_read(const char *digits, size_t count, bool negative, uint8_t **bytes, size_t *size) {
    uint32_t *limbs = calloc(count / CHUNK + 2, sizeof *limbs);
    if (limbs == NULL) return false;
    size_t num_limbs = read_limbs(limbs, digits, count), all = num_limbs * 4 + 1;
    *bytes = calloc(1, all);
    if (*bytes != NULL) {
        for (size_t i = 0; i < num_limbs * 4; i++) (*bytes)[i] = (uint8_t)(limbs[i / 4] >> i % 4 * 8);
        if (negative) negate(*bytes, all);
        *size = trim(*bytes, all);
    }
    free(limbs);
    return *bytes != NULL;
}

/* limbs / CHUNK_VALUE; gives the rest. */
static uint32_t shrink(uint32_t *limbs, size_t *count) {
    uint64_t rest = 0;
    for (size_t i = *count; i-- > 0;) {
        rest = rest << 32 | limbs[i];
        limbs[i] = (uint32_t)(rest / CHUNK_VALUE);
        rest %= CHUNK_VALUE;
    }
    while (*count > 0 && limbs[*count - 1] == 0) (*count)--;
    return (uint32_t)rest;
}

static char *text_of(uint32_t *limbs, size_t count, bool negative) {
    size_t room = count * 10 + 4, at = room - 1;
    char *text = malloc(room);
    if (text == NULL) return NULL;
    text[at] = '\0';
    do {
        uint32_t rest = shrink(limbs, &count);
        for (int i = 0; i < CHUNK && (count > 0 || rest > 0 || text[at] == '\0'); i++, rest /= 10)
            text[--at] = (char)('0' + rest % 10);
    } while (count > 0);
    if (negative) text[--at] = '-';
    memmove(text, text + at, room - at);
    return text;
}

char *deploy_digits_text(const uint8_t *bytes, size_t size) {
    bool negative = size > 0 && bytes[size - 1] >= 0x80;
    size_t count = size / 4 + 1;
    if (size > DEPLOY_DIGITS_MAX * 5 / 12) return NULL;
    uint8_t *magnitude = malloc(count * 4);
    uint32_t *limbs = calloc(count, sizeof *limbs);
    char *text = NULL;
    if (magnitude != NULL && limbs != NULL) {
        memset(magnitude, negative ? 0xff : 0, count * 4);
        if (size > 0) memcpy(magnitude, bytes, size);
        if (negative) negate(magnitude, count * 4);
        for (size_t i = 0; i < count * 4; i++) limbs[i / 4] |= (uint32_t)magnitude[i] << i % 4 * 8;
        while (count > 0 && limbs[count - 1] == 0) count--;
        text = text_of(limbs, count, negative);
    }
    free(magnitude);
    free(limbs);
    return text;
}
