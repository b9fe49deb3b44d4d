/* Requests of foreign programs that something has been done to: bits turned, cut, doubled, swapped, grown. Each is
 * answered once, with a response or a status and a text, whatever it says; nothing crashes, nothing is left (run with
 * the address sanitizer). */
#include "objects/door.h"

#include <stdlib.h>
#include <string.h>

#include "objects/public.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

/* ---------------------------------------------------------------- the objects */

static int cell_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

/* Its arguments as they came. */
static int cell_echo(struct chariot_call *call) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_tuple(&writer, 1);
    struct chariot_reader reader;
    const void *first;
    size_t size;
    chariot_reader_init(&reader, call->args);
    int rc = chariot_skip(&reader, &first, &size);
    if (rc == 0) rc = chariot_put_encoded(&writer, first, size);
    int finished = chariot_writer_finish(&writer, &call->result);
    return rc != 0 ? rc : finished;
}

static const struct chariot_method methods[] = {{.name = "echo", .invoke = cell_echo}};
static const struct chariot_signature echo = {.returns = "any"};
static const struct chariot_signature *const exposed[] = {&echo};
static const struct chariot_exposure exposure = {.methods = exposed};
static const struct chariot_type cell_type = {
    .name = "Cell", .methods = methods, .num_methods = 1, .exposure = &exposure, .create = cell_create};

/* ---------------------------------------------------------------- sound requests */

#define BYTES(...)                                                                                                     \
    { .data = {__VA_ARGS__}, .size = sizeof((const uint8_t[]){__VA_ARGS__}) }
enum { MOST_BYTES = 600 };
struct bytes {
    uint8_t data[MOST_BYTES];
    size_t size;
};

/* Every kind of Value. */
static const struct bytes values[] = {
    BYTES(0x0a, 0),
    BYTES(0x10, 1),
    BYTES(0x18, 0x54),
    BYTES(0x22, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0),
    BYTES(0x29, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f),
    BYTES(0x32, 4, 0xf0, 0x9d, 0x84, 0x9e),
    BYTES(0x3a, 3, 0x80, 0x05, 0x2e),
    BYTES(0x42, 8, 0x0a, 2, 0x18, 2, 0x0a, 2, 0x10, 0),
    BYTES(0x4a, 4, 0x0a, 2, 0x0a, 0),
    BYTES(0x52, 10, 0x0a, 8, 0x0a, 2, 0x18, 2, 0x12, 2, 0x18, 4),
    BYTES(0x5a, 21, 0x0a, 3, '<', 'i', '4', 0x12, 2, 2, 1, 0x18, 1, 0x22, 8, 1, 2, 3, 4, 5, 6, 7, 8),
    BYTES(0x5a, 4, 0x0a, 2, '|', 'O'),
    BYTES(0x62, 8, 0x0a, 6, 1, 2, 3, 4, 5, 6),
    BYTES(0x6a, 8, 0x0a, 6, 1, 2, 3, 4, 5, 6),
    BYTES(0x72, 3, 0x0a, 1, 'E'),
};
enum { NUM_VALUES = sizeof values / sizeof values[0] };

static void put(struct bytes *out, unsigned number, const void *data, size_t size) {
    out->data[out->size++] = (uint8_t)(number << 3 | 2);
    if (size > 127) out->data[out->size++] = (uint8_t)(size | 128);
    out->data[out->size++] = (uint8_t)(size > 127 ? size >> 7 : size);
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

/* Call, Broadcast, Reduce and the first request of a channel are alike; a list asks for a prefix. */
static struct bytes sound_request(enum obj_door_method method) {
    struct bytes target = {.size = 0}, arguments = {.size = 0}, request = {.size = 0}, entry = {.size = 0};
    put(&target, 1, "grid", 4);
    if (method == OBJ_DOOR_CALL || method == OBJ_DOOR_CHANNEL) put(&target, 3, "\1", 1);
    if (method == OBJ_DOOR_LIST) {
        put(&request, 1, "gr", 2);
        put(&request, 3, "a", 1);
        return request;
    }
    if (method == OBJ_DOOR_WATCH) {
        put(&request, 1, "\x0a\6abcdef", 8);
        return request;
    }
    for (int i = 0; i < NUM_VALUES; i++) {
        bool good = i != 11 && i < 12; /* the others are refused */
        if (good) put(&arguments, 1, values[i].data, values[i].size);
    }
    put(&entry, 1, "name", 4);
    put(&entry, 2, values[2].data, values[2].size);
    put(&arguments, 2, entry.data, entry.size);
    put(&request, 1, target.data, target.size);
    put(&request, 2, "echo", 4);
    put(&request, 3, arguments.data, arguments.size);
    if (method != OBJ_DOOR_CHANNEL) return request;
    struct bytes first = {.size = 0};
    put(&first, 1, request.data, request.size);
    return first;
}

/* ---------------------------------------------------------------- what is done to them */

static uint64_t rolled(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void insert(struct bytes *bytes, size_t at, const uint8_t *data, size_t size) {
    if (bytes->size + size > MOST_BYTES) return;
    memmove(bytes->data + at + size, bytes->data + at, bytes->size - at);
    memcpy(bytes->data + at, data, size);
    bytes->size += size;
}

static void spoil_once(struct bytes *bytes, uint64_t *dice) {
    uint8_t copy[MOST_BYTES];
    if (bytes->size == 0) return;
    size_t at = rolled(dice) % bytes->size, rest = bytes->size - at, some = 1 + rolled(dice) % (rest < 30 ? rest : 30);
    const struct bytes *value = &values[rolled(dice) % NUM_VALUES];
    memcpy(copy, bytes->data, bytes->size);
    switch (rolled(dice) % 7) {
    case 0:
        bytes->data[at] ^= (uint8_t)(1u << rolled(dice) % 8);
        return;
    case 1:
        bytes->data[at] = (uint8_t)rolled(dice);
        return;
    case 2:
        bytes->size = at;
        return;
    case 3: /* doubled */
        insert(bytes, rolled(dice) % bytes->size, copy + at, some);
        return;
    case 4: /* taken out */
        memmove(bytes->data + at, copy + at + some, rest - some);
        bytes->size -= some;
        return;
    case 5:
        insert(bytes, at, value->data, value->size);
        return;
    default: /* lengths that claim much */
        insert(bytes, at, (const uint8_t *)"\xff\xff\xff\xff\x7f", 1 + rolled(dice) % 5);
    }
}

static struct bytes spoiled(enum obj_door_method method, uint64_t *dice) {
    struct bytes request = sound_request(method);
    for (uint64_t times = rolled(dice) % 4; times > 0; times--) spoil_once(&request, dice);
    return request;
}

/* ---------------------------------------------------------------- asking */

enum { ROUNDS = 4, VISITS = 400 };

struct visitor {
    struct obj_visit visit;
    struct chariot_future *done;
    int answers;
};

struct program {
    struct chariot_create how;
    struct chariot_ref cells;
    struct visitor visitors[VISITS];
    uint64_t dice, answered_well;
};

static void make_seal(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]) {
    memset(seal, (int)(kind + size), OBJ_SEAL_BYTES);
}
static const struct obj_seal seal = {.make = make_seal};
static bool may(void *ctx, const char *object, const char *method) {
    return true;
}
static const struct obj_guest guest = {.may = may, .seal = &seal};

static void on_answer(struct obj_visit *visit) {
    struct visitor *visitor = (struct visitor *)visit;
    visitor->answers++;
    chariot_future_give_take(visit->pe, visitor->done, value_int(0));
}

static void put_take(struct obj_visit *visit, struct chariot_msg *response) {
    rpc_msg_unref(response);
}
static bool has_room(struct obj_visit *visit) {
    return true;
}
static void more(struct obj_visit *visit) {}

/* From memory of its own size, so that reading beyond is seen. What is open for long is left at once. */
static void ask(struct visitor *visitor, struct chariot_pe *pe, enum obj_door_method method,
                const struct bytes *request) {
    uint8_t *data = malloc(request->size > 0 ? request->size : 1);
    memcpy(data, request->data, request->size);
    visitor->visit = (struct obj_visit){.pe = pe,
                                        .guest = &guest,
                                        .method = method,
                                        .on_answer = on_answer,
                                        .put_take = put_take,
                                        .has_room = has_room,
                                        .more = more};
    OBJ_API(pe);
    bool answered = obj_door_begin(&visitor->visit, data, request->size) == OBJ_DOOR_ANSWERED;
    bool lasts = method == OBJ_DOOR_WATCH || method == OBJ_DOOR_PES || method == OBJ_DOOR_CHANNEL;
    free(data);
    if (!answered && lasts) obj_door_cancel(&visitor->visit);
    if (answered || lasts) on_answer(&visitor->visit);
}

static void look_at(struct program *program, struct visitor *visitor) {
    struct obj_visit *visit = &visitor->visit;
    CU_ASSERT_EQUAL(visitor->answers, 1);
    CU_ASSERT_TRUE(visit->status == OBJ_DOOR_OK || visit->text[0] != '\0');
    program->answered_well += visit->status == OBJ_DOOR_OK && visit->body != NULL;
    chariot_msg_unref(visit->body);
    chariot_msg_unref(visit->failure);
    rpc_msg_queue_clear(&visit->before);
    *visitor = (struct visitor){0};
}

static void prepare(struct script *script, struct world *world) {
    struct program *program = script->ctx;
    program->how.type = world_register(world, &cell_type);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    struct program *program = script->ctx;
    if (step == 0) {
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, &program->cells), 0);
        CU_ASSERT_EQUAL(chariot_publish(pe, "grid", &program->cells, next), 0);
        return;
    }
    for (int i = 0; i < VISITS && step > 1; i++) look_at(program, &program->visitors[i]);
    if (step == ROUNDS + 1) {
        chariot_exit(pe, 0);
        return;
    }
    next = script_expect(script, pe, VISITS);
    for (int i = 0; i < VISITS; i++) {
        enum obj_door_method method = (enum obj_door_method)(i % OBJ_DOOR_NUM_METHODS);
        struct bytes request = spoiled(method, &program->dice);
        program->visitors[i].done = next;
        ask(&program->visitors[i], pe, method, &request);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, ROUNDS + 2);
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void spoiled_requests_are_answered(void) {
    uint64_t answered_well = 0;
    for (uint64_t seed = 0; seed < script_seeds(60); seed++) {
        struct program *program = calloc(1, sizeof *program);
        program->how = (struct chariot_create){.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {3}};
        program->dice = seed * 77777 + 1;
        struct script script = {.prepare = prepare, .play = play, .verify = verify, .ctx = program};
        script_run(&script, 1 + (uint32_t)(seed % 3), seed);
        answered_well += program->answered_well;
        free(program);
    }
    CU_ASSERT_TRUE(answered_well > 1000); /* some were not spoiled, or not enough */
}

/* ---------------------------------------------------------------- health, reflection */

static void spoiled_questions_are_answered(void) {
    uint64_t dice = 5;
    for (int i = 0; i < 30000; i++) {
        struct chariot_writer writer;
        struct chariot_msg *answer = NULL;
        struct bytes request = {.size = 0};
        put(&request, 1, "chariot.v1.ObjectService", 24);
        put(&request, 3 + i % 5, i % 2 == 0 ? "chariot/v1/value.proto" : "chariot.v1.Value.integer", 22);
        for (uint64_t times = rolled(&dice) % 4; times > 0; times--) spoil_once(&request, &dice);
        uint8_t *data = malloc(request.size + 1);
        memcpy(data, request.data, request.size);
        chariot_writer_init_take(&writer, NULL);
        (void)obj_public_answer((enum obj_public_method)(i % 3), data, request.size, &writer);
        CU_ASSERT_EQUAL(chariot_writer_finish(&writer, &answer), 0);
        chariot_msg_unref(answer);
        free(data);
    }
}

UNIT_MAIN("scenarios/door_fuzz", UNIT(spoiled_requests_are_answered), UNIT(spoiled_questions_are_answered))
