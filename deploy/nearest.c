/* deploy/nearest.c: see nearest.h. */
#include "deploy/nearest.h"

#include <stdint.h>
#include <string.h>

enum { MAX_WORD = 63 };

static size_t min2(size_t a, size_t b) {
    return a < b ? a : b;
}

/* One row of the table of prefixes; `before` is the row above, `before2` the one above that (for swaps). */
static void next_row(const char *a, const char *b, size_t i, size_t *row, const size_t *before, const size_t *before2) {
    row[0] = i;
    for (size_t j = 1; b[j - 1] != '\0'; j++) {
        size_t replace = before[j - 1] + (a[i - 1] != b[j - 1]);
        row[j] = min2(replace, 1 + min2(before[j], row[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = min2(row[j], before2[j - 2] + 1);
    }
}

size_t deploy_nearest_distance(const char *a, const char *b) {
    size_t rows[3][MAX_WORD + 1];
    size_t length_a = strlen(a), length_b = strlen(b);
    if (length_a > MAX_WORD || length_b > MAX_WORD) return SIZE_MAX;
    for (size_t j = 0; j <= length_b; j++) rows[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) next_row(a, b, i, rows[i % 3], rows[(i + 2) % 3], rows[(i + 1) % 3]);
    return rows[length_a % 3][length_b];
}

void deploy_nearest_consider(const char *typed, const char *candidate, const char **best) {
    size_t allowed = strlen(candidate) / 3;
    size_t distance = deploy_nearest_distance(typed, candidate);
    if (distance > (allowed == 0 ? 1 : allowed)) return;
    if (*best == NULL || distance < deploy_nearest_distance(typed, *best)) *best = candidate;
}
