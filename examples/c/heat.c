/* heat.c: heat on a plate, in C on chariot.h: the tutorial.
 *
 *     python examples/picture.py examples/data/evening.png /tmp/evening.pgm
 *     chariot run -n 4 build/release/examples/heat /tmp/evening.pgm 3000 /tmp/after.pgm
 *
 * The picture's brightness is the temperature at the start. The plate is cut into GRID x GRID blocks, an array of
 * chares. In every iteration a cell becomes the mean of its four neighbours, so each block sends its edges to the
 * blocks around it and waits for theirs. Every EVERY iterations all agree on the largest change, and stop when it is
 * below TOLERANCE. At the end PE 0 has all parts, computes the same in one piece, and compares the two bit by bit.
 *
 * Read it from the bottom: main(), then on_start(), then the entry methods of a block. A block's life:
 *
 *     IDLE --solve--> EDGES --all edges here: sweep, iteration + 1--> EDGES
 *                       |  every EVERY iterations                       ^
 *                       '----------------------> CHANGE --not the last--'
 *                                                   '--the last: replies with its part--> IDLE
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/c/plate.h"
#include "objects/chariot.h"

enum { EVERY = 50 };
enum side { UP, DOWN, LEFT, RIGHT, NUM_SIDES };
static const double TOLERANCE = 1e-9;

/* Writes the plate's cells, but for `rim` cells on each side, as a value. */
static void put_plate(struct chariot_writer *writer, const struct plate *plate, int64_t rim) {
    int64_t shape[2] = {plate->rows - 2 * rim, plate->cols - 2 * rim};
    size_t width = (size_t)shape[1] * sizeof(double);
    void *data;
    if (chariot_put_array(writer, "<f8", 2, shape, 'C', (size_t)shape[0] * width, &data) != 0) return;
    for (int64_t row = 0; row < shape[0]; row++)
        memcpy((char *)data + (size_t)row * width, cell(plate, row + rim, rim), width);
}

/* ---------------------------------------------------------------- a block */

struct block {
    struct chariot_pe *pe;
    struct chariot_elem *elem;
    struct chariot_ref neighbours[NUM_SIDES]; /* collection 0: none, the plate ends there */
    struct plate now, next;                   /* with one cell of the neighbours, or of the plate's rim, around */
    int64_t iteration, iterations;
    enum { IDLE, EDGES, CHANGE } state;
    struct chariot_msg *edges[2][NUM_SIDES]; /* owns: those that have come, for even and odd iterations */
    struct chariot_reply reply;              /* to whoever called solve */
    struct chariot_future *change;
    struct chariot_waiter waiter;
};

enum method { SOLVE, EDGE };

/* Cell i along a side: of ours (inside 1), or of the neighbour's that we keep around ours (inside 0). */
static double *along(struct block *block, enum side side, int64_t i, int64_t inside) {
    struct plate *now = &block->now;
    int64_t row = side == UP ? inside : side == DOWN ? now->rows - 1 - inside : i + 1;
    int64_t col = side == LEFT ? inside : side == RIGHT ? now->cols - 1 - inside : i + 1;
    return cell(now, row, col);
}

static int64_t length_of(const struct block *block, enum side side) {
    return (side == UP || side == DOWN ? block->now.cols : block->now.rows) - 2;
}

/* Arguments are one list: here of the iteration, the side as the receiver sees it, and the cells. */
static int send_edge(struct block *block, enum side side) {
    static const enum side opposite[NUM_SIDES] = {DOWN, UP, RIGHT, LEFT};
    int64_t length = length_of(block, side);
    struct chariot_writer writer;
    struct chariot_msg *args;
    void *data;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 3);
    chariot_put_int(&writer, block->iteration);
    chariot_put_int(&writer, opposite[side]);
    if (chariot_put_array(&writer, "<f8", 1, &length, 'C', (size_t)length * sizeof(double), &data) == 0)
        for (int64_t i = 0; i < length; i++) ((double *)data)[i] = *along(block, side, i, 1);
    int error = chariot_writer_finish(&writer, &args);
    if (error != 0) return error;
    return chariot_send_take(block->pe, &block->neighbours[side], EDGE, args, CHARIOT_WANT_NOTHING, NULL);
}

static int send_edges(struct block *block) {
    block->state = EDGES;
    for (enum side side = 0; side < NUM_SIDES; side++) {
        int error = block->neighbours[side].collection == 0 ? 0 : send_edge(block, side);
        if (error != 0) return error;
    }
    return 0;
}

/* Reads what send_edge() wrote. What comes from other PEs is checked. */
static int read_edge(struct chariot_msg *args, int64_t *iteration, enum side *side, struct chariot_value *cells) {
    struct chariot_reader reader;
    struct chariot_value list, first, second;
    chariot_reader_init(&reader, args);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &list);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &first);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &second);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_ARRAY, cells);
    if (error != 0) return error;
    *iteration = first.integer;
    *side = (enum side)second.integer;
    return first.integer < 0 || second.integer < 0 || second.integer >= NUM_SIDES ? CHARIOT_ERANGE : 0;
}

static bool all_edges_here(const struct block *block) {
    for (int side = 0; side < NUM_SIDES; side++)
        if (block->neighbours[side].collection != 0 && block->edges[block->iteration % 2][side] == NULL) return false;
    return true;
}

static int take_edges(struct block *block) {
    for (enum side side = 0; side < NUM_SIDES; side++) {
        struct chariot_msg **msg = &block->edges[block->iteration % 2][side];
        struct chariot_value cells;
        int64_t iteration, length = length_of(block, side);
        enum side same;
        if (*msg == NULL) continue;
        int error = read_edge(*msg, &iteration, &same, &cells);
        if (error == 0 && cells.array.size != (size_t)length * sizeof(double)) error = CHARIOT_EMALFORMED;
        for (int64_t i = 0; error == 0 && i < length; i++)
            *along(block, side, i, 0) = ((const double *)(const void *)cells.array.data)[i];
        chariot_msg_unref(*msg);
        *msg = NULL;
        if (error != 0) return error;
    }
    return 0;
}

static double largest_change(const struct block *block) {
    double largest = 0;
    for (int64_t i = 0; i < block->now.rows * block->now.cols; i++)
        largest = fmax(largest, fabs(block->now.cells[i] - block->next.cells[i]));
    return largest;
}

static void on_change(struct chariot_pe *pe, void *ctx);

/* All blocks contribute their largest change, and all get the largest of all. */
static int agree_on_change(struct block *block) {
    struct chariot_writer writer;
    struct chariot_msg *value;
    block->state = CHANGE;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, largest_change(block));
    int error = chariot_writer_finish(&writer, &value);
    if (error == 0)
        error = chariot_allreduce_take(block->pe, block->elem, NULL, value, CHARIOT_REDUCE_MAX, &block->change);
    if (error != 0) return error;
    block->waiter = (struct chariot_waiter){.fn = on_change, .ctx = block};
    return chariot_future_wait(block->change, &block->waiter);
}

/* Computes as far as the edges that are here allow. */
static int advance(struct block *block) {
    while (block->state == EDGES && all_edges_here(block)) {
        int error = take_edges(block);
        if (error != 0) return error;
        sweep(&block->now, &block->next);
        swap(&block->now, &block->next);
        block->iteration++;
        if (block->iteration % EVERY == 0 || block->iteration == block->iterations)
            error = agree_on_change(block);
        else
            error = send_edges(block);
        if (error != 0) return error;
    }
    return 0;
}

/* The result of solve: how many iterations it took, and the block's cells without those around it. */
static int reply_with_part(struct block *block) {
    struct chariot_writer writer;
    struct chariot_msg *value;
    block->state = IDLE;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_tuple(&writer, 2);
    chariot_put_int(&writer, block->iteration);
    put_plate(&writer, &block->now, 1);
    int error = chariot_writer_finish(&writer, &value);
    return error != 0 ? error : chariot_reply_take(block->pe, &block->reply, value);
}

static void on_change(struct chariot_pe *pe, void *ctx) {
    struct block *block = ctx;
    struct chariot_reader reader;
    struct chariot_value change;
    struct chariot_index index;
    struct chariot_ref self;
    chariot_reader_init(&reader, chariot_future_value(block->change, 0));
    int error = chariot_get_typed(&reader, CHARIOT_DOUBLE, &change);
    chariot_elem_ref(block->elem, &self);
    chariot_ref_index(&self, &index);
    if (error == 0 && index.at[0] == 0 && index.at[1] == 0)
        fprintf(stderr, "iteration %lld, changing by %.1e\n", (long long)block->iteration, change.real);
    chariot_future_unref(block->change);
    bool last = block->iteration == block->iterations || (error == 0 && change.real < TOLERANCE);
    if (error == 0) error = last ? reply_with_part(block) : send_edges(block);
    if (error == 0) error = advance(block);
    if (error != 0) chariot_abort(pe, 1, chariot_error_text(error));
}

/* ---------------------------------------------------------------- its entry methods */

static int block_solve(struct chariot_call *call) {
    struct block *block = call->object;
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, call->args);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &value);
    if (error == 0 && (value.integer < 1 || block->state != IDLE)) error = CHARIOT_EINVAL;
    if (error != 0) return error;
    block->iterations = value.integer;
    block->reply = call->reply;
    error = send_edges(block);
    if (error == 0) error = advance(block);
    return error != 0 ? error : CHARIOT_LATER;
}

static int block_edge(struct chariot_call *call) {
    struct block *block = call->object;
    struct chariot_value cells;
    int64_t iteration;
    enum side side;
    int error = read_edge(call->args, &iteration, &side, &cells);
    if (error != 0) return error;
    struct chariot_msg **slot = &block->edges[iteration % 2][side];
    if (*slot != NULL || iteration < block->iteration) return CHARIOT_EINVAL;
    *slot = chariot_msg_ref(call->args);
    return advance(block);
}

/* Its part of the plate, with one cell around it. */
static void copy_part(struct block *block, const struct plate *whole, const struct chariot_index *at) {
    int64_t top = cut(whole->rows, at->at[0]) - 1, bottom = cut(whole->rows, at->at[0] + 1) + 1;
    int64_t left = cut(whole->cols, at->at[1]) - 1, right = cut(whole->cols, at->at[1] + 1) + 1;
    block->now = plate_new(bottom - top, right - left);
    for (int64_t row = top; row < bottom; row++)
        memcpy(cell(&block->now, row - top, 0), cell(whole, row, left), (size_t)(right - left) * sizeof(double));
    block->next = plate_copy(&block->now);
}

static int find_neighbours(struct block *block, const struct chariot_ref *self, const struct chariot_index *at) {
    static const int64_t aside[NUM_SIDES][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    struct chariot_ref array;
    chariot_ref_collection(self, &array);
    for (int side = 0; side < NUM_SIDES; side++) {
        struct chariot_index there = {2, {at->at[0] + aside[side][0], at->at[1] + aside[side][1]}};
        if (there.at[0] < 0 || there.at[0] >= GRID || there.at[1] < 0 || there.at[1] >= GRID) continue;
        int error = chariot_ref_element(&array, &there, &block->neighbours[side]);
        if (error != 0) return error;
    }
    return 0;
}

/* The constructor. Its argument is the whole plate. */
static int block_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                        struct chariot_msg *args, void **object) {
    struct chariot_reader reader;
    struct chariot_value value;
    struct chariot_ref self;
    struct chariot_index at;
    chariot_reader_init(&reader, args);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    if (error == 0) error = chariot_get_typed(&reader, CHARIOT_ARRAY, &value);
    struct block *block = error == 0 ? calloc(1, sizeof *block) : NULL;
    if (block == NULL) return error != 0 ? error : CHARIOT_ENOMEM;
    *block = (struct block){.pe = pe, .elem = elem};
    *object = block;
    struct plate whole = {value.array.shape[0], value.array.shape[1], (double *)(uintptr_t)value.array.data};
    chariot_elem_ref(elem, &self);
    chariot_ref_index(&self, &at);
    copy_part(block, &whole, &at);
    return find_neighbours(block, &self, &at);
}

static void block_destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct block *block = object;
    for (int i = 0; i < 2 * NUM_SIDES; i++) chariot_msg_unref(block->edges[i / NUM_SIDES][i % NUM_SIDES]);
    free(block->now.cells);
    free(block->next.cells);
    free(block);
}

static const struct chariot_method block_methods[] = {[SOLVE] = {"solve", block_solve}, [EDGE] = {"edge", block_edge}};
static const struct chariot_type block_type = {
    .name = "heat.Block", .methods = block_methods, .num_methods = 2, .create = block_create, .destroy = block_destroy};

/* ---------------------------------------------------------------- the program, on PE 0 */

struct job {
    int argc;
    char **argv;
    uint32_t type;
    struct plate plate;
    int64_t begin_ns;
    struct chariot_future *parts;
    struct chariot_waiter waiter;
};

/* Puts the parts, which come in the order of their index, into the plate. */
static int put_together(struct chariot_msg *parts, struct plate *plate, int64_t *iterations) {
    struct chariot_reader reader;
    struct chariot_value value;
    chariot_reader_init(&reader, parts);
    int error = chariot_get_typed(&reader, CHARIOT_LIST, &value);
    for (int64_t i = 0; error == 0 && i < GRID * GRID; i++) {
        int64_t top = cut(plate->rows, i / GRID), bottom = cut(plate->rows, i / GRID + 1);
        int64_t left = cut(plate->cols, i % GRID), width = cut(plate->cols, i % GRID + 1) - left;
        error = chariot_get_typed(&reader, CHARIOT_TUPLE, &value);
        if (error == 0) error = chariot_get_typed(&reader, CHARIOT_INT, &value);
        *iterations = value.integer;
        if (error == 0) error = chariot_get_typed(&reader, CHARIOT_ARRAY, &value);
        if (error != 0) break;
        const double *from = (const double *)(const void *)value.array.data;
        for (int64_t row = top; row < bottom; row++, from += width)
            memcpy(cell(plate, row, left), from, (size_t)width * sizeof(double));
    }
    return error;
}

static void on_parts(struct chariot_pe *pe, void *ctx) {
    struct job *job = ctx;
    struct chariot_msg *parts = chariot_future_value(job->parts, 0);
    struct plate whole = plate_copy(&job->plate);
    int64_t iterations = 0;
    double seconds = (double)(chariot_now_ns(pe) - job->begin_ns) / 1e9;
    int error = chariot_msg_is_error(parts) ? CHARIOT_EUSER : put_together(parts, &whole, &iterations);
    chariot_future_unref(job->parts);
    if (error != 0) chariot_abort(pe, 1, chariot_error_text(error));
    if (error == 0 && job->argc > 3 && !write_pgm(job->argv[3], &whole)) chariot_abort(pe, 1, "heat: cannot write\n");
    int64_t begin_ns = chariot_now_ns(pe);
    plate_solve(&job->plate, iterations);
    double alone = (double)(chariot_now_ns(pe) - begin_ns) / 1e9;
    double updates = (double)((whole.rows - 2) * (whole.cols - 2) * iterations) / 1e6;
    bool equal = memcmp(whole.cells, job->plate.cells, plate_bytes(&whole)) == 0;
    printf("%lld iterations in %.2f s: PEs: %u, million cells a second: %.0f; in one piece: %.0f\n",
           (long long)iterations, seconds, chariot_num_pes(pe), updates / seconds, updates / alone);
    puts(equal ? "equal to the solution in one piece" : "differs from the solution in one piece");
    free(whole.cells);
    chariot_exit(pe, equal ? 0 : 1);
}

/* Makes the array, with the plate as the constructors' argument, and has all blocks solve. Messages to chares that do
 * not exist yet wait for them. */
static int start_blocks(struct chariot_pe *pe, struct job *job, int64_t iterations) {
    struct chariot_create how = {.type = job->type, .kind = CHARIOT_ARRAY_OF, .ndims = 2, .dims = {GRID, GRID}};
    struct chariot_writer writer;
    struct chariot_msg *args;
    struct chariot_ref blocks;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    put_plate(&writer, &job->plate, 0);
    int error = chariot_writer_finish(&writer, &args);
    if (error == 0) error = chariot_create_take(pe, &how, args, &blocks);
    if (error != 0) return error;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_int(&writer, iterations);
    if ((error = chariot_writer_finish(&writer, &args)) != 0) return error;
    job->begin_ns = chariot_now_ns(pe);
    job->parts = chariot_future_new(pe, 1);
    job->waiter = (struct chariot_waiter){.fn = on_parts, .ctx = job};
    error = chariot_send_take(pe, &blocks, SOLVE, args, CHARIOT_WANT_VALUE, job->parts);
    return error != 0 ? error : chariot_future_wait(job->parts, &job->waiter);
}

static void on_start(struct chariot_pe *pe, void *ctx) {
    struct job *job = ctx;
    int64_t iterations = job->argc > 2 ? atoll(job->argv[2]) : 3000;
    if (job->argc < 2 || job->argc > 4 || iterations < 1) {
        chariot_abort(pe, 2, "usage: heat PICTURE.pgm [ITERATIONS [RESULT.pgm]]\n");
        return;
    }
    if (!read_pgm(job->argv[1], &job->plate)) {
        chariot_abort(pe, 1, "heat: the picture is not to be had, or is not a binary PGM of 8 bits\n");
        return;
    }
    int error = start_blocks(pe, job, iterations);
    if (error != 0) chariot_abort(pe, 1, chariot_error_text(error));
}

int main(int argc, char **argv) {
    struct job job = {.argc = argc, .argv = argv};
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) {
        fprintf(stderr, "heat: %s\n", why);
        return 1;
    }
    int status = chariot_type_register(pe, &block_type, &job.type) == 0 ? chariot_run(pe, on_start, &job) : 1;
    chariot_close(pe);
    free(job.plate.cells);
    return status;
}
