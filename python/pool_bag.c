/* The worker's side of the pool: bags of which work is done here, their definitions, and the way of the answers. */
#include "python/pool_bag.h"

#include <stdlib.h>

#include "python/errors.h"
#include "python/message.h"

static const char BAG[] = "chariot bag";

enum { ANSWERS_BYTES = 1 << 16 };

/* ---------------------------------------------------------------- bags */

static void definition_free(struct py_definition *definition) {
    Py_XDECREF(definition->function);
    Py_XDECREF(definition->error);
    py_method_clear(&definition->method);
    free(definition);
}

void py_bag_unref(struct py_bag *bag) {
    if (--bag->refs > 0) return;
    for (uint32_t i = 0; i < bag->count; i++) definition_free(bag->definitions[i]);
    free(bag->definitions);
    free(bag);
}

static void bag_drop(PyObject *capsule) {
    py_bag_unref(PyCapsule_GetPointer(capsule, BAG));
}

struct py_bag *py_bag_of(struct py_state *st, uint64_t id) {
    struct py_pool *pool = &st->pool;
    if (pool->latest == NULL || pool->latest->id != id) pool->latest = py_pool_find(pool->bags, id, BAG);
    return pool->latest;
}

static struct py_bag *bag_make(struct py_state *st, uint64_t id) {
    struct py_bag *bag = py_bag_of(st, id);
    if (bag != NULL) return bag;
    bag = calloc(1, sizeof *bag);
    if (bag == NULL) return NULL;
    *bag = (struct py_bag){.st = st, .id = id, .refs = 1};
    if (py_pool_add(st->pool.bags, id, BAG, bag, bag_drop) == 0) return bag;
    py_bag_unref(bag);
    return NULL;
}

void py_bag_on_forget(void *ctx, uint64_t id) {
    struct py_state *st = ctx;
    st->pool.latest = NULL;
    py_pool_remove(st->pool.bags, id);
}

/* ---------------------------------------------------------------- definitions */

/* The function's own name, for people. */
static PyObject *name_of(PyObject *function) {
    PyObject *name = PyObject_GetAttrString(function, "__name__");
    if (name != NULL && PyUnicode_Check(name)) return name;
    PyErr_Clear();
    Py_XDECREF(name);
    return PyUnicode_FromString(Py_TYPE(function)->tp_name);
}

static int read_function(struct py_state *st, struct py_definition *definition, struct chariot_reader *reader,
                         struct chariot_msg *msg) {
    struct chariot_value list, flags;
    if (chariot_get_typed(reader, CHARIOT_LIST, &list) != 0 || list.count != 2 ||
        chariot_get_typed(reader, CHARIOT_INT, &flags) != 0) {
        py_malformed("a definition of the pool");
        return -1;
    }
    definition->flags = (unsigned)flags.integer;
    definition->function = py_decode(st, reader, NULL);
    if (definition->function == NULL) return -1;
    if (py_method_inspect(st, &definition->method, definition->function, 0) != 0) return -1;
    definition->method.name = name_of(definition->function);
    return definition->method.name == NULL ? -1 : 0;
}

/* An exception of unpickling becomes that of every item that needs the function. */
static struct py_definition *definition_read(struct py_state *st, struct chariot_msg *msg) {
    struct py_definition *definition = calloc(1, sizeof *definition);
    if (definition == NULL) return NULL;
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    if (read_function(st, definition, &reader, msg) == 0) return definition;
    Py_CLEAR(definition->function);
    definition->error = py_error_fetch();
    return definition;
}

void py_bag_on_definition(void *ctx, uint64_t id, struct chariot_msg *msg) {
    struct py_state *st = ctx;
    struct py_bag *bag = bag_make(st, id);
    struct py_definition *definition = bag == NULL ? NULL : definition_read(st, msg);
    struct py_definition **more =
        definition == NULL ? NULL : realloc(bag->definitions, (bag->count + 1) * sizeof(struct py_definition *));
    if (more == NULL) {
        if (definition != NULL) definition_free(definition);
        PyErr_NoMemory();
        py_error_end_job(st, "the pool");
        return;
    }
    bag->definitions = more;
    bag->definitions[bag->count++] = definition;
}

/* ---------------------------------------------------------------- answers */

void py_bag_on_rest(void *ctx) {
    struct py_state *st = ctx;
    struct py_pool *pool = &st->pool;
    struct chariot_msg *msg;
    if (pool->answered == 0) return;
    uint64_t bag = pool->answered;
    pool->answered = 0;
    if (chariot_writer_finish(&pool->answers, &msg) == 0) {
        chariot_bag_answer_take(st->pe, bag, msg);
        return;
    }
    PyErr_NoMemory();
    py_error_end_job(st, "the pool");
}

struct chariot_writer *py_bag_answer(struct py_bag *bag, int64_t number) {
    struct py_state *st = bag->st;
    struct py_pool *pool = &st->pool;
    bool full = pool->answered != 0 && pool->answers.error == 0 && chariot_msg_size(pool->answers.msg) > ANSWERS_BYTES;
    if (pool->answered != bag->id || full) {
        py_bag_on_rest(st);
        chariot_writer_init_take(&pool->answers, NULL);
        pool->answered = bag->id;
    }
    chariot_put_list(&pool->answers, 2);
    chariot_put_int(&pool->answers, number);
    return &pool->answers;
}

static const char *label_of(const struct py_definition *definition, char *buffer, size_t size) {
    return definition->method.name == NULL ? "a task" : py_method_label(&definition->method, buffer, size);
}

void py_bag_answer_error(struct py_bag *bag, const struct py_definition *definition, int64_t number) {
    struct py_state *st = bag->st;
    char label[256];
    const char *where = label_of(definition, label, sizeof label);
    if (definition->flags & PY_POOL_NOBODY) {
        py_error_end_job(st, where);
        return;
    }
    PyObject *exc = py_error_fetch();
    if (!py_error_exits(st, exc) &&
        py_encode_error(st, py_bag_answer(bag, number), exc, chariot_my_pe(st->pe), where) != 0) {
        py_error_end_job(st, where);
    }
    Py_DECREF(exc);
}

void py_bag_answer_value_take(struct py_bag *bag, const struct py_definition *definition, int64_t number,
                              PyObject *value) {
    struct py_state *st = bag->st;
    if ((definition->flags & PY_POOL_NOBODY) == 0) {
        struct chariot_writer *writer = py_bag_answer(bag, number);
        if (definition->flags & PY_POOL_END) {
            chariot_put_null(writer);
        } else if (py_encode(st, writer, value) != 0) { /* which has written nothing */
            PyObject *exc = py_error_fetch();
            char label[256];
            const char *where = label_of(definition, label, sizeof label);
            if (py_encode_error(st, writer, exc, chariot_my_pe(st->pe), where) != 0) py_error_end_job(st, where);
            Py_DECREF(exc);
        }
    }
    Py_DECREF(value);
}
