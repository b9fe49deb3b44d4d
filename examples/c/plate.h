/* examples/c/plate.h: a plate's temperatures, one step of heat conduction, and the plate as a picture. No chares here.
 */
#ifndef CHARIOT_EXAMPLES_PLATE_H
#define CHARIOT_EXAMPLES_PLATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 4, PLATE_MAX_CELLS = 1 << 28 };

struct plate {
    int64_t rows, cols;
    double *cells;
};

static inline struct plate plate_new(int64_t rows, int64_t cols) {
    struct plate plate = {rows, cols, calloc((size_t)(rows * cols), sizeof(double))};
    if (plate.cells == NULL) {
        fputs("heat: out of memory\n", stderr);
        abort();
    }
    return plate;
}

static inline size_t plate_bytes(const struct plate *plate) {
    return (size_t)(plate->rows * plate->cols) * sizeof(double);
}

static inline struct plate plate_copy(const struct plate *plate) {
    struct plate copy = plate_new(plate->rows, plate->cols);
    memcpy(copy.cells, plate->cells, plate_bytes(plate));
    return copy;
}

static inline double *cell(const struct plate *plate, int64_t row, int64_t col) {
    return &plate->cells[row * plate->cols + col];
}

/* The inner cells of `next` become the means of the neighbours in `now`. */
static inline void sweep(const struct plate *now, struct plate *next) {
    for (int64_t row = 1; row < now->rows - 1; row++) {
        const double *above = cell(now, row - 1, 0), *here = cell(now, row, 0), *below = cell(now, row + 1, 0);
        double *out = cell(next, row, 0);
        for (int64_t col = 1; col < now->cols - 1; col++)
            out[col] = (((above[col] + below[col]) + here[col - 1]) + here[col + 1]) * 0.25;
    }
}

static inline void swap(struct plate *a, struct plate *b) {
    struct plate other = *a;
    *a = *b;
    *b = other;
}

/* The first inner cell of block i in a row of GRID blocks over so many cells, whose outermost never change. */
static inline int64_t cut(int64_t cells, int64_t i) {
    return 1 + (cells - 2) * i / GRID;
}

/* So many iterations, in one piece. */
static inline void plate_solve(struct plate *plate, int64_t iterations) {
    struct plate next = plate_copy(plate);
    for (int64_t i = 0; i < iterations; i++) {
        sweep(plate, &next);
        swap(plate, &next);
    }
    free(next.cells);
}

/* A binary PGM of 8 bits; false: it is none. */
static inline bool read_pgm(const char *path, struct plate *plate) {
    FILE *file = fopen(path, "rb");
    long cols = 0, rows = 0, top = 0;
    if (file == NULL) return false;
    bool good = fscanf(file, "P5 %ld %ld %ld", &cols, &rows, &top) == 3 && fgetc(file) != EOF && top == 255;
    good = good && cols >= GRID + 2 && rows >= GRID + 2 && rows <= PLATE_MAX_CELLS / cols;
    if (good) *plate = plate_new(rows, cols);
    for (int64_t i = 0; good && i < rows * cols; i++) {
        int grey = fgetc(file);
        good = grey != EOF;
        plate->cells[i] = grey / 255.0;
    }
    fclose(file);
    return good;
}

static inline bool write_pgm(const char *path, const struct plate *plate) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) return false;
    fprintf(file, "P5\n%lld %lld\n255\n", (long long)plate->cols, (long long)plate->rows);
    for (int64_t i = 0; i < plate->rows * plate->cols; i++) fputc((int)(plate->cells[i] * 255 + 0.5), file);
    return fclose(file) == 0;
}

#endif
