/* Requests of foreign programs on simulated PEs: each PE serves, objects live anywhere; requests and answers as
 * protobuf-c writes and reads them. */
#include "objects/door.h"

#include <stdlib.h>

#include "rpc/proto/chariot/v1/object_service.pb-c.h"
#include "test/scenarios/script.h"
#include "test/scenarios/values.h"
#include "test/unit/unit.h"

/* ---------------------------------------------------------------- the objects */

static int cell_create(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                       struct chariot_msg *args, void **object) {
    *object = elem;
    return 0;
}

/* Its index plus its argument. */
static int cell_add(struct chariot_call *call) {
    call->result = value_int(index_of(call->elem).at[0] + arg_int(call->args, 0));
    return 0;
}

static int cell_fail(struct chariot_call *call) {
    call->result = chariot_error_new("ValueError", "no good");
    return CHARIOT_EUSER;
}

static int cell_self(struct chariot_call *call) {
    struct chariot_ref self;
    chariot_elem_ref(call->elem, &self);
    call->result = value_ref(&self);
    return 0;
}

static int cell_pickle(struct chariot_call *call) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_pickle(&writer, "xyz", 3, 0);
    return chariot_writer_finish(&writer, &call->result);
}

/* Its arguments as they came: the list, and the map of those with names. */
static int cell_echo(struct chariot_call *call) {
    struct chariot_writer writer;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_tuple(&writer, 2);
    chariot_put_encoded(&writer, chariot_msg_data(call->args), chariot_msg_size(call->args));
    return chariot_writer_finish(&writer, &call->result);
}

enum { ADD, FAIL, SELF, PICKLE, ECHO, HIDDEN, NUM_METHODS };
static const struct chariot_method methods[] = {{"add", cell_add},       {"fail", cell_fail}, {"self", cell_self},
                                                {"pickle", cell_pickle}, {"echo", cell_echo}, {"hidden", cell_add}};
static const struct chariot_parameter by[] = {{.name = "by", .type = "int", .kind = CHARIOT_ORDINARY}};
static const struct chariot_signature plain = {0};
static const struct chariot_signature adds = {
    .description = "Adds.", .returns = "int", .parameters = by, .num_parameters = 1};
static const struct chariot_signature *const exposed[NUM_METHODS] = {&adds, &plain, &plain, &plain, &plain, NULL};
static const struct chariot_exposure exposure = {.description = "A cell.", .methods = exposed};
static const struct chariot_type cell_type = {
    .name = "Cell", .methods = methods, .num_methods = NUM_METHODS, .exposure = &exposure, .create = cell_create};

/* ---------------------------------------------------------------- visitors */

static void make_seal(void *ctx, uint8_t kind, const void *data, size_t size, uint8_t seal[OBJ_SEAL_BYTES]) {
    uint64_t sum = kind;
    for (size_t i = 0; i < size; i++) sum = (sum ^ ((const uint8_t *)data)[i]) * 0x100000001b3u;
    for (int i = 0; i < OBJ_SEAL_BYTES; i++) seal[i] = (uint8_t)(sum >> i % 8 * 8);
}
static const struct obj_seal seal = {.make = make_seal};

static bool may(void *ctx, const char *object, const char *method) {
    return strcmp(object, "secret") != 0;
}
static const struct obj_guest guest = {.may = may, .seal = &seal};

struct visitor {
    struct obj_visit visit;
    struct chariot_future *done;
    int answers;
};

static void on_answer(struct obj_visit *visit) {
    struct visitor *visitor = (struct visitor *)visit;
    visitor->answers++;
    chariot_future_give_take(visit->pe, visitor->done, value_int(0));
}

/* `request` as its protobuf-c type packs it. The future completes when it is answered. */
static void visit(struct visitor *visitor, struct chariot_pe *pe, enum obj_door_method method,
                  const ProtobufCMessage *request, struct chariot_future *done) {
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *data = malloc(size > 0 ? size : 1);
    protobuf_c_message_pack(request, data);
    *visitor = (struct visitor){.done = done};
    visitor->visit = (struct obj_visit){.pe = pe, .guest = &guest, .method = method, .on_answer = on_answer};
    OBJ_API(pe);
    if (obj_door_begin(&visitor->visit, data, size) == OBJ_DOOR_ANSWERED) on_answer(&visitor->visit);
    free(data);
}

static void leave(struct visitor *visitor) {
    CU_ASSERT_EQUAL(visitor->answers, 1);
    chariot_msg_unref(visitor->visit.body);
    chariot_msg_unref(visitor->visit.failure);
    *visitor = (struct visitor){0};
}

/* What the answer's ObjectError says. */
static Chariot__V1__ObjectError *error_told(const struct visitor *visitor) {
    struct chariot_msg *told = visitor->visit.failure;
    CU_ASSERT_PTR_NOT_NULL_FATAL(told);
    Chariot__V1__ObjectError *error =
        chariot__v1__object_error__unpack(NULL, chariot_msg_size(told), chariot_msg_data(told));
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    return error;
}

static void check_told(const struct visitor *visitor) {
    Chariot__V1__ObjectError *error = error_told(visitor);
    CU_ASSERT_STRING_EQUAL(error->object, visitor->visit.object);
    CU_ASSERT_STRING_EQUAL(error->method, visitor->visit.called);
    CU_ASSERT(error->type[0] != '\0' && error->pe < visitor->visit.pe->node.num_pes);
    CU_ASSERT_EQUAL(error->failure != NULL, strcmp(error->type, "ValueError") == 0);
    chariot__v1__object_error__free_unpacked(error, NULL);
}

static void expect_status(struct visitor *visitor, enum obj_door_status status, const char *text) {
    check_told(visitor);
    CU_ASSERT_EQUAL(visitor->visit.status, status);
    CU_ASSERT_PTR_NOT_NULL(strstr(visitor->visit.text, text));
    if (strstr(visitor->visit.text, text) == NULL) fprintf(stderr, "'%s', not '%s'\n", visitor->visit.text, text);
    CU_ASSERT_PTR_NULL(visitor->visit.body);
    leave(visitor);
}

static void *response(struct visitor *visitor, const ProtobufCMessageDescriptor *type) {
    CU_ASSERT_EQUAL(visitor->visit.status, OBJ_DOOR_OK);
    if (visitor->visit.status != OBJ_DOOR_OK) fprintf(stderr, "%s\n", visitor->visit.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(visitor->visit.body);
    void *read = protobuf_c_message_unpack(type, NULL, chariot_msg_size(visitor->visit.body),
                                           chariot_msg_data(visitor->visit.body));
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    leave(visitor);
    return read;
}

/* ---------------------------------------------------------------- requests */

/* Room for one request with all that hangs on it. */
struct asked {
    Chariot__V1__Target target;
    Chariot__V1__Arguments arguments;
    Chariot__V1__Value value, named_value;
    Chariot__V1__Value *values[1];
    Chariot__V1__Arguments__NamedEntry entry;
    Chariot__V1__Arguments__NamedEntry *entries[1];
    Chariot__V1__CallRequest call;
    Chariot__V1__BroadcastRequest broadcast;
    Chariot__V1__ReduceRequest reduce;
    int64_t index;
};

static void set_target(struct asked *asked, const char *name, int64_t index) {
    chariot__v1__target__init(&asked->target);
    asked->target.object_case = CHARIOT__V1__TARGET__OBJECT_NAME;
    asked->target.name = (char *)(uintptr_t)name;
    asked->index = index;
    asked->target.index = &asked->index;
    asked->target.n_index = index >= 0;
}

/* One argument, an int. */
static const ProtobufCMessage *call_of(struct asked *asked, const char *name, int64_t index, const char *method,
                                       int64_t argument) {
    set_target(asked, name, index);
    chariot__v1__value__init(&asked->value);
    asked->value.kind_case = CHARIOT__V1__VALUE__KIND_INTEGER;
    asked->value.integer = argument;
    asked->values[0] = &asked->value;
    chariot__v1__arguments__init(&asked->arguments);
    asked->arguments.positional = asked->values;
    asked->arguments.n_positional = 1;
    chariot__v1__call_request__init(&asked->call);
    asked->call.target = &asked->target;
    asked->call.method = (char *)(uintptr_t)method;
    asked->call.arguments = &asked->arguments;
    return &asked->call.base;
}

static const ProtobufCMessage *broadcast_of(struct asked *asked, const char *name, const char *method) {
    (void)call_of(asked, name, -1, method, 100);
    chariot__v1__broadcast_request__init(&asked->broadcast);
    asked->broadcast.target = &asked->target;
    asked->broadcast.method = asked->call.method;
    asked->broadcast.arguments = &asked->arguments;
    return &asked->broadcast.base;
}

static const ProtobufCMessage *reduce_of(struct asked *asked, const char *name, const char *method,
                                         Chariot__V1__Reducer reducer) {
    (void)call_of(asked, name, -1, method, 100);
    chariot__v1__reduce_request__init(&asked->reduce);
    asked->reduce.target = &asked->target;
    asked->reduce.method = asked->call.method;
    asked->reduce.arguments = &asked->arguments;
    asked->reduce.reducer = reducer;
    return &asked->reduce.base;
}

/* ---------------------------------------------------------------- the program */

struct program {
    struct chariot_create how;
    struct chariot_ref cells, one;
    struct visitor visitors[20];
    struct asked asked;
    Chariot__V1__CallResponse *self;
};

static void prepare(struct script *script, struct world *world) {
    struct program *program = script->ctx;
    program->how.type = world_register(world, &cell_type);
}

static void ask_all(struct program *program, struct chariot_pe *pe, struct chariot_future *next) {
    struct visitor *v = program->visitors;
    struct asked *a = &program->asked;
    visit(&v[0], pe, OBJ_DOOR_CALL, call_of(a, "grid", 2, "add", 40), next);
    visit(&v[1], pe, OBJ_DOOR_BROADCAST, broadcast_of(a, "grid", "add"), next);
    visit(&v[2], pe, OBJ_DOOR_REDUCE, reduce_of(a, "grid", "add", CHARIOT__V1__REDUCER__REDUCER_MAX), next);
    visit(&v[3], pe, OBJ_DOOR_CALL, call_of(a, "one", -1, "fail", 1), next);
    visit(&v[4], pe, OBJ_DOOR_CALL, call_of(a, "one", -1, "hidden", 1), next);
    visit(&v[5], pe, OBJ_DOOR_CALL, call_of(a, "two", -1, "add", 1), next);
    visit(&v[6], pe, OBJ_DOOR_CALL, call_of(a, "grid", 9, "add", 1), next);
    visit(&v[7], pe, OBJ_DOOR_CALL, call_of(a, "grid", -1, "add", 1), next);
    visit(&v[8], pe, OBJ_DOOR_BROADCAST, broadcast_of(a, "one", "add"), next);
    visit(&v[9], pe, OBJ_DOOR_CALL, call_of(a, "one", -1, "pickle", 1), next);
    visit(&v[10], pe, OBJ_DOOR_CALL, call_of(a, "secret", -1, "add", 1), next);
    visit(&v[11], pe, OBJ_DOOR_REDUCE, reduce_of(a, "grid", "fail", CHARIOT__V1__REDUCER__REDUCER_SUM), next);
    visit(&v[12], pe, OBJ_DOOR_REDUCE, reduce_of(a, "grid", "add", CHARIOT__V1__REDUCER__REDUCER_UNSPECIFIED), next);
    visit(&v[13], pe, OBJ_DOOR_CALL, call_of(a, "grid", 3, "self", 0), next);
    visit(&v[14], pe, OBJ_DOOR_BROADCAST, broadcast_of(a, "grid", "fail"), next);
    visit(&v[15], pe, OBJ_DOOR_CALL, call_of(a, "one", 0, "add", 1), next);
    (void)call_of(a, "one", -1, "add", 1);
    a->call.one_way = true;
    visit(&v[16], pe, OBJ_DOOR_CALL, &a->call.base, next);
}
enum { NUM_ASKED = 17 };

static void expect_integer(const Chariot__V1__Value *value, int64_t integer) {
    CU_ASSERT_FATAL(value != NULL && value->kind_case == CHARIOT__V1__VALUE__KIND_INTEGER);
    CU_ASSERT_EQUAL(value->integer, integer);
}

static void check_results(struct program *program) {
    struct visitor *v = program->visitors;
    Chariot__V1__CallResponse *called = response(&v[0], &chariot__v1__call_response__descriptor);
    expect_integer(called->result, 42);
    chariot__v1__call_response__free_unpacked(called, NULL);
    Chariot__V1__BroadcastResponse *all = response(&v[1], &chariot__v1__broadcast_response__descriptor);
    CU_ASSERT_EQUAL_FATAL(all->n_results, 7);
    for (int64_t i = 0; i < 7; i++) expect_integer(all->results[i], 100 + i);
    chariot__v1__broadcast_response__free_unpacked(all, NULL);
    Chariot__V1__ReduceResponse *most = response(&v[2], &chariot__v1__reduce_response__descriptor);
    expect_integer(most->result, 106);
    chariot__v1__reduce_response__free_unpacked(most, NULL);
    all = response(&v[14], &chariot__v1__broadcast_response__descriptor);
    for (size_t i = 0; i < all->n_results; i++) {
        CU_ASSERT_EQUAL_FATAL(all->results[i]->kind_case, CHARIOT__V1__VALUE__KIND_FAILURE);
        CU_ASSERT_STRING_EQUAL(all->results[i]->failure->message, "no good");
    }
    chariot__v1__broadcast_response__free_unpacked(all, NULL);
    called = response(&v[16], &chariot__v1__call_response__descriptor);
    CU_ASSERT_PTR_NULL(called->result);
    chariot__v1__call_response__free_unpacked(called, NULL);
    program->self = response(&v[13], &chariot__v1__call_response__descriptor);
}

static void check_failure(struct visitor *visitor) {
    Chariot__V1__ObjectError *error = error_told(visitor);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error->failure);
    CU_ASSERT_STRING_EQUAL(error->object, "one");
    CU_ASSERT_STRING_EQUAL(error->method, "fail");
    CU_ASSERT_STRING_EQUAL(error->failure->type, "ValueError");
    chariot__v1__object_error__free_unpacked(error, NULL);
    expect_status(visitor, OBJ_DOOR_ABORTED, "ValueError: no good");
}

static void check_refusals(struct program *program) {
    struct visitor *v = program->visitors;
    check_failure(&v[3]);
    expect_status(&v[4], OBJ_DOOR_PERMISSION_DENIED, "one exposes no method 'hidden'");
    expect_status(&v[5], OBJ_DOOR_NOT_FOUND, "no object is published under the name 'two'");
    expect_status(&v[6], OBJ_DOOR_NOT_FOUND, "grid has no element of that index");
    expect_status(&v[7], OBJ_DOOR_INVALID_ARGUMENT, "grid is a collection");
    expect_status(&v[8], OBJ_DOOR_INVALID_ARGUMENT, "one is one object");
    expect_status(&v[9], OBJ_DOOR_UNIMPLEMENTED, "only Python");
    expect_status(&v[10], OBJ_DOOR_PERMISSION_DENIED, "this client may not call secret.add");
    expect_status(&v[11], OBJ_DOOR_ABORTED, "no good");
    expect_status(&v[12], OBJ_DOOR_INVALID_ARGUMENT, "no reducer of number 0");
    expect_status(&v[15], OBJ_DOOR_INVALID_ARGUMENT, "takes no index");
}

/* The reference that `self` gave, as it is and with one bit changed; arguments by name; what there is. */
static void ask_more(struct program *program, struct chariot_pe *pe, struct chariot_future *next) {
    struct visitor *v = program->visitors;
    struct asked *a = &program->asked;
    Chariot__V1__Reference *self = program->self->result->reference;
    for (int i = 0; i < 2; i++) {
        (void)call_of(a, NULL, -1, "add", 50);
        a->target.object_case = CHARIOT__V1__TARGET__OBJECT_REFERENCE;
        a->target.reference = self;
        self->handle.data[5] ^= (uint8_t)(4 * i);
        visit(&v[i], pe, OBJ_DOOR_CALL, &a->call.base, next);
    }
    (void)call_of(a, "one", -1, "echo", 5);
    chariot__v1__arguments__named_entry__init(&a->entry);
    chariot__v1__value__init(&a->named_value);
    a->named_value.kind_case = CHARIOT__V1__VALUE__KIND_TEXT;
    a->named_value.text = (char *)(uintptr_t) "Zug";
    a->entry.key = (char *)(uintptr_t) "where";
    a->entry.value = &a->named_value;
    a->entries[0] = &a->entry;
    a->arguments.named = a->entries;
    a->arguments.n_named = 1;
    visit(&v[2], pe, OBJ_DOOR_CALL, &a->call.base, next);
    Chariot__V1__ListObjectsRequest list = CHARIOT__V1__LIST_OBJECTS_REQUEST__INIT;
    list.page_size = 1;
    visit(&v[3], pe, OBJ_DOOR_LIST, &list.base, next);
    list.page_token = (char *)(uintptr_t) "grid";
    visit(&v[4], pe, OBJ_DOOR_LIST, &list.base, next);
    Chariot__V1__GetObjectRequest get = CHARIOT__V1__GET_OBJECT_REQUEST__INIT;
    set_target(a, "grid", -1);
    get.target = &a->target;
    visit(&v[5], pe, OBJ_DOOR_GET, &get.base, next);
}
enum { NUM_MORE = 6 };

static void check_list(struct visitor *visitor, const char *name, const char *next) {
    Chariot__V1__ListObjectsResponse *list = response(visitor, &chariot__v1__list_objects_response__descriptor);
    CU_ASSERT_EQUAL_FATAL(list->n_objects, 1);
    CU_ASSERT_STRING_EQUAL(list->objects[0]->name, name);
    CU_ASSERT_EQUAL(list->objects[0]->n_methods, 0);
    CU_ASSERT_STRING_EQUAL(list->next_page_token, next);
    chariot__v1__list_objects_response__free_unpacked(list, NULL);
}

static void check_grid(struct visitor *visitor) {
    Chariot__V1__GetObjectResponse *got = response(visitor, &chariot__v1__get_object_response__descriptor);
    const Chariot__V1__Object *grid = got->object;
    CU_ASSERT_FATAL(grid != NULL && grid->n_methods == 5);
    CU_ASSERT_EQUAL(grid->kind, CHARIOT__V1__OBJECT_KIND__OBJECT_KIND_ARRAY);
    CU_ASSERT_EQUAL(grid->dimensions, 1);
    CU_ASSERT_STRING_EQUAL(grid->type, "Cell");
    CU_ASSERT_STRING_EQUAL(grid->description, "A cell.");
    CU_ASSERT_STRING_EQUAL(grid->methods[0]->name, "add");
    CU_ASSERT_STRING_EQUAL(grid->methods[0]->returns, "int");
    CU_ASSERT_EQUAL_FATAL(grid->methods[0]->n_parameters, 1);
    CU_ASSERT_STRING_EQUAL(grid->methods[0]->parameters[0]->name, "by");
    chariot__v1__get_object_response__free_unpacked(got, NULL);
}

static void check_more(struct program *program) {
    struct visitor *v = program->visitors;
    Chariot__V1__CallResponse *called = response(&v[0], &chariot__v1__call_response__descriptor);
    expect_integer(called->result, 53);
    chariot__v1__call_response__free_unpacked(called, NULL);
    expect_status(&v[1], OBJ_DOOR_NOT_FOUND, "the reference is not of this job");
    called = response(&v[2], &chariot__v1__call_response__descriptor);
    CU_ASSERT_FATAL(called->result->kind_case == CHARIOT__V1__VALUE__KIND_TUPLE && called->result->tuple->n_items == 2);
    const Chariot__V1__Value *named = called->result->tuple->items[1];
    CU_ASSERT_FATAL(named->kind_case == CHARIOT__V1__VALUE__KIND_MAP && named->map->n_entries == 1);
    CU_ASSERT_STRING_EQUAL(named->map->entries[0]->key->text, "where");
    CU_ASSERT_STRING_EQUAL(named->map->entries[0]->value->text, "Zug");
    chariot__v1__call_response__free_unpacked(called, NULL);
    check_list(&v[3], "grid", "grid");
    check_list(&v[4], "one", "");
    check_grid(&v[5]);
    chariot__v1__call_response__free_unpacked(program->self, NULL);
}

static void play(struct script *script, struct chariot_pe *pe, int step, struct chariot_future *done,
                 struct chariot_future *next) {
    struct program *program = script->ctx;
    struct chariot_create single = {.kind = CHARIOT_SINGLE, .type = program->how.type, .on_pe = -1};
    struct chariot_pe *door = &script->world.pes[script->world.num_pes - 1];
    switch (step) {
    case 0:
        CU_ASSERT_EQUAL(chariot_create_take(pe, &program->how, NULL, &program->cells), 0);
        CU_ASSERT_EQUAL(chariot_create_take(pe, &single, NULL, &program->one), 0);
        CU_ASSERT_EQUAL(chariot_await_created(pe, &program->cells, next), 0);
        return;
    case 1:
        next = script_expect(script, pe, 3);
        CU_ASSERT_EQUAL(chariot_publish(pe, "grid", &program->cells, next), 0);
        CU_ASSERT_EQUAL(chariot_publish(pe, "one", &program->one, next), 0);
        CU_ASSERT_EQUAL(chariot_publish(pe, "secret", &program->one, next), 0);
        CU_ASSERT_EQUAL(chariot_publish(pe, "a b", &program->one, next), CHARIOT_EINVAL);
        return;
    case 2:
        for (int i = 0; i < 3; i++) CU_ASSERT(!chariot_msg_is_error(chariot_future_value(done, (uint64_t)i)));
        CU_ASSERT_EQUAL(chariot_publish(pe, "grid", &program->one, next), 0);
        return;
    case 3:
        CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(done, 0)), "already"));
        ask_all(program, pe, script_expect(script, pe, NUM_ASKED));
        return;
    case 4:
        check_results(program);
        check_refusals(program);
        ask_more(program, pe, script_expect(script, pe, NUM_MORE));
        return;
    case 5:
        check_more(program);
        CU_ASSERT_PTR_NOT_NULL(obj_names_find(door, "one", 3)); /* all have learned it */
        CU_ASSERT_EQUAL(chariot_unpublish(pe, "one", next), 0);
        return;
    case 6:
        CU_ASSERT_PTR_NULL(obj_names_find(door, "one", 3));
        CU_ASSERT_EQUAL(chariot_unpublish(pe, "one", next), 0);
        return;
    default:
        CU_ASSERT_PTR_NOT_NULL(strstr(error_of(chariot_future_value(done, 0)), "no object is published"));
        chariot_exit(pe, 0);
    }
}

static void verify(struct script *script, struct world *world) {
    CU_ASSERT_EQUAL(script->step, 8);
    CU_ASSERT_TRUE(world_is_clean(world));
}

static void foreign_programs_are_answered(void) {
    for (uint32_t num_pes = 1; num_pes <= 8; num_pes++) {
        for (uint64_t seed = 0; seed < script_seeds(20); seed++) {
            struct program program = {.how = {.kind = CHARIOT_ARRAY_OF, .ndims = 1, .dims = {7}}};
            struct script script = {.prepare = prepare, .play = play, .verify = verify, .ctx = &program};
            script_run(&script, num_pes, seed);
        }
    }
}

UNIT_MAIN("scenarios/door", UNIT(foreign_programs_are_answered))
