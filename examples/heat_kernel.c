/* heat_kernel.c: the blocks of a plate, as chares in C for heat_kernel.py. One command builds the library:
 *
 *     cc -O2 -shared -fPIC $(python -m chariot.cflags) -o examples/libheat_kernel.so examples/heat_kernel.c
 *
 * A block holds its cells with one more on each side, which belong to its neighbours. In every iteration it sends its
 * edges to the blocks around it, waits for theirs, and makes each of its cells the mean of the four around it. Who asks
 * it to run gets the largest change of all blocks. Read it from the bottom: the table of methods, then these. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <chariot.h>

enum side { UP, DOWN, LEFT, RIGHT, NUM_SIDES };

struct block {
    struct chariot_pe *pe;
    struct chariot_elem *elem;
    struct chariot_ref neighbours[NUM_SIDES]; /* collection 0: none, the plate ends there */
    int64_t rows, cols;                       /* with what belongs to the neighbours */
    double *now, *next;
    int64_t iteration, until;
    struct chariot_msg *edges[2][NUM_SIDES]; /* owns: those that have come, for even and odd iterations */
    struct chariot_target done;              /* what is told the largest change */
};

enum method { BEGIN, RUN, EDGE, PART, NUM_METHODS };

/* ---------------------------------------------------------------- the arithmetic */

static void sweep(struct block *block) {
    int64_t cols = block->cols;
    for (int64_t row = 1; row < block->rows - 1; row++) {
        const double *here = block->now + row * cols, *above = here - cols, *below = here + cols;
        double *out = block->next + row * cols;
        for (int64_t col = 1; col < cols - 1; col++)
            out[col] = (((above[col] + below[col]) + here[col - 1]) + here[col + 1]) * 0.25;
    }
    double *next = block->now;
    block->now = block->next;
    block->next = next;
}

static double largest_change(const struct block *block) {
    double largest = 0;
    for (int64_t row = 1; row < block->rows - 1; row++)
        for (int64_t col = 1; col < block->cols - 1; col++) {
            int64_t at = row * block->cols + col;
            largest = fmax(largest, fabs(block->now[at] - block->next[at]));
        }
    return largest;
}

/* Cell i along a side: of ours (inside 1), or of the neighbour's that we keep around ours (inside 0). */
static double *along(const struct block *block, enum side side, int64_t i, int64_t inside) {
    int64_t row = side == UP ? inside : side == DOWN ? block->rows - 1 - inside : i + 1;
    int64_t col = side == LEFT ? inside : side == RIGHT ? block->cols - 1 - inside : i + 1;
    return &block->now[row * block->cols + col];
}

static int64_t length_of(const struct block *block, enum side side) {
    return (side == UP || side == DOWN ? block->cols : block->rows) - 2;
}

/* ---------------------------------------------------------------- edges */

static int send_edge(struct block *block, enum side side) {
    static const enum side seen_from_there[NUM_SIDES] = {DOWN, UP, RIGHT, LEFT};
    int64_t length = length_of(block, side);
    struct chariot_writer writer;
    struct chariot_msg *args;
    void *cells;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 3);
    chariot_put_int(&writer, block->iteration);
    chariot_put_int(&writer, seen_from_there[side]);
    if (chariot_put_array(&writer, "<f8", 1, &length, 'C', (size_t)length * sizeof(double), &cells) == 0)
        for (int64_t i = 0; i < length; i++) ((double *)cells)[i] = *along(block, side, i, 1);
    int error = chariot_writer_finish(&writer, &args);
    if (error != 0) return error;
    return chariot_send_take(block->pe, &block->neighbours[side], EDGE, args, CHARIOT_WANT_NOTHING, NULL);
}

static int send_edges(struct block *block) {
    for (enum side side = 0; side < NUM_SIDES; side++) {
        int error = block->neighbours[side].collection == 0 ? 0 : send_edge(block, side);
        if (error != 0) return error;
    }
    return 0;
}

static bool all_are_here(const struct block *block) {
    for (int side = 0; side < NUM_SIDES; side++)
        if (block->neighbours[side].collection != 0 && block->edges[block->iteration % 2][side] == NULL) return false;
    return true;
}

/* What edge() has checked when it came. */
static void take_edges(struct block *block) {
    for (enum side side = 0; side < NUM_SIDES; side++) {
        struct chariot_msg **msg = &block->edges[block->iteration % 2][side];
        struct chariot_args args;
        struct chariot_value cells;
        if (*msg == NULL) continue;
        chariot_args_init(&args, *msg);
        chariot_arg_int(&args);
        chariot_arg_int(&args);
        chariot_arg_array(&args, "<f8", 1, &cells);
        const double *from = (const void *)cells.array.data;
        for (int64_t i = 0; i < length_of(block, side); i++) *along(block, side, i, 0) = from[i];
        chariot_msg_unref(*msg);
        *msg = NULL;
    }
}

static int tell_change(struct block *block) {
    struct chariot_writer writer;
    struct chariot_msg *change;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_double(&writer, largest_change(block));
    int error = chariot_writer_finish(&writer, &change);
    if (error != 0) return error;
    return chariot_contribute_take(block->pe, block->elem, NULL, change, CHARIOT_REDUCE_MAX, &block->done);
}

static int go_on(struct block *block) {
    while (block->iteration < block->until && all_are_here(block)) {
        take_edges(block);
        sweep(block);
        block->iteration++;
        int error = block->iteration < block->until ? send_edges(block) : tell_change(block);
        if (error != 0) return error;
    }
    return 0;
}

/* ---------------------------------------------------------------- methods */

/* begin(cells): of this block, with those around it. */
static int begin(struct chariot_call *call) {
    struct block *block = call->object;
    struct chariot_args args;
    struct chariot_value cells;
    chariot_args_init(&args, call->args);
    chariot_arg_array(&args, "<f8", 2, &cells);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    int64_t rows = cells.array.shape[0], cols = cells.array.shape[1];
    if (rows < 3 || cols < 3)
        return chariot_raise(call, "ValueError", "a block of %lld x %lld cells has none inside", (long long)rows,
                             (long long)cols);
    block->rows = rows;
    block->cols = cols;
    block->now = malloc(cells.array.size);
    block->next = malloc(cells.array.size);
    if (block->now == NULL || block->next == NULL) return CHARIOT_ENOMEM;
    memcpy(block->now, cells.array.data, cells.array.size);
    memcpy(block->next, cells.array.data, cells.array.size);
    return 0;
}

/* run(iterations, done): so many, then contributes its largest change. */
static int run(struct chariot_call *call) {
    struct block *block = call->object;
    struct chariot_args args;
    chariot_args_init(&args, call->args);
    int64_t iterations = chariot_arg_int(&args);
    chariot_arg_target(&args, &block->done);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    if (block->now == NULL || iterations < 1)
        return chariot_raise(call, "ValueError", "run(): begin() comes first, and at least one iteration");
    block->until = block->iteration + iterations;
    int error = send_edges(block);
    return error != 0 ? error : go_on(block);
}

/* edge(iteration, side, cells): for this iteration or, where the neighbour is ahead of us, for the next. */
static int edge(struct chariot_call *call) {
    struct block *block = call->object;
    struct chariot_args args;
    struct chariot_value cells;
    chariot_args_init(&args, call->args);
    int64_t iteration = chariot_arg_int(&args), side = chariot_arg_int(&args);
    chariot_arg_array(&args, "<f8", 1, &cells);
    if (chariot_args_end(&args, call) != 0) return CHARIOT_EUSER;
    bool known = iteration >= 0 && side >= 0 && side < NUM_SIDES && block->edges[iteration % 2][side] == NULL;
    if (!known || cells.array.shape[0] != length_of(block, (enum side)side))
        return chariot_raise(call, "ValueError", "an edge that no neighbour has");
    block->edges[iteration % 2][side] = chariot_msg_ref(call->args);
    return go_on(block);
}

/* part(): its cells, with those around them. */
static int part(struct chariot_call *call) {
    const struct block *block = call->object;
    const int64_t shape[2] = {block->rows, block->cols};
    const size_t size = (size_t)(block->rows * block->cols) * sizeof(double);
    struct chariot_writer writer;
    void *cells;
    chariot_writer_init_take(&writer, NULL);
    if (chariot_put_array(&writer, "<f8", 2, shape, 'C', size, &cells) == 0 && size > 0)
        memcpy(cells, block->now, size);
    return chariot_writer_finish(&writer, &call->result);
}

/* ---------------------------------------------------------------- life */

static void find_neighbours(struct block *block, int64_t rows, int64_t cols) {
    static const int to[NUM_SIDES][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};
    struct chariot_ref self, all;
    struct chariot_index index;
    chariot_elem_ref(block->elem, &self);
    chariot_ref_collection(&self, &all);
    chariot_ref_index(&self, &index);
    for (enum side side = 0; side < NUM_SIDES; side++) {
        struct chariot_index at = {2, {index.at[0] + to[side][0], index.at[1] + to[side][1]}};
        bool inside = at.at[0] >= 0 && at.at[0] < rows && at.at[1] >= 0 && at.at[1] < cols;
        if (inside) chariot_ref_element(&all, &at, &block->neighbours[side]);
    }
}

/* Block(rows, cols): of the grid of blocks. */
static int create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                  struct chariot_msg *msg, void **object) {
    struct chariot_args args;
    chariot_args_init(&args, msg);
    int64_t rows = chariot_arg_int(&args), cols = chariot_arg_int(&args);
    if (chariot_args_end_create(&args, pe, type) != 0) return CHARIOT_EUSER;
    struct block *block = calloc(1, sizeof *block);
    *object = block;
    if (block == NULL) return CHARIOT_ENOMEM;
    block->pe = pe;
    block->elem = elem;
    find_neighbours(block, rows, cols);
    return 0;
}

static void destroy(struct chariot_pe *pe, const struct chariot_type *type, void *object) {
    struct block *block = object;
    for (int i = 0; i < 2 * NUM_SIDES; i++) chariot_msg_unref(block->edges[i % 2][i / 2]);
    free(block->now);
    free(block->next);
    free(block);
}

static const struct chariot_method methods[NUM_METHODS] = {
    [BEGIN] = {"begin", begin}, [RUN] = {"run", run}, [EDGE] = {"edge", edge}, [PART] = {"part", part}};
static const struct chariot_type block_type = {
    .name = "heat.Block", .methods = methods, .num_methods = NUM_METHODS, .create = create, .destroy = destroy};
static const struct chariot_type *const types[] = {&block_type};

const struct chariot_library chariot_library = {.layout = CHARIOT_LAYOUT,
                                                .types = types,
                                                .num_types = 1,
                                                .description = "Blocks of a plate that heat goes through."};
