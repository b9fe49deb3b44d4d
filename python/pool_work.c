/* The worker's side of the pool (pool.h): functions are called with the elements of an item, answers written.
 *
 * Elements of one item are done one after another. A coroutine that suspends in the midst is resumed by what it waits
 * for, and this PE goes on with other items meanwhile; its chunk goes on when it has ended. */
#include <stdlib.h>

#include "python/errors.h"
#include "python/message.h"
#include "python/pool_bag.h"
#include "python/task.h"

/* One item with several elements, or with a coroutine, under way. */
struct chunk {
    struct py_task_owner owner;
    struct py_bag *bag;
    int64_t number;
    size_t count, at;
    struct element {
        struct py_definition *definition; /* borrowed */
        PyObject *value;                  /* owned */
        struct chariot_msg *result;       /* owned; NULL: None */
    } elements[];
};

/* ---------------------------------------------------------------- calling */

/* The function's value for one element; new reference, or NULL with an exception set. */
static PyObject *call(struct py_state *st, const struct py_definition *definition, PyObject *element) {
    PyObject *value;
    st->running = &definition->method;
    if (definition->flags & PY_POOL_APPLY) {
        PyObject *keywords = PyTuple_GET_ITEM(element, 1);
        value =
            py_call(definition->function, NULL, PyTuple_GET_ITEM(element, 0), keywords == Py_None ? NULL : keywords);
    } else {
        value = PyObject_CallOneArg(definition->function, element);
    }
    st->running = NULL;
    return value;
}

static bool is_pair(PyObject *element) {
    return PyTuple_CheckExact(element) && PyTuple_GET_SIZE(element) == 2 &&
           PyTuple_CheckExact(PyTuple_GET_ITEM(element, 0)) &&
           (PyTuple_GET_ITEM(element, 1) == Py_None || PyDict_CheckExact(PyTuple_GET_ITEM(element, 1)));
}

static int read_number(struct chariot_reader *reader, int64_t *number) {
    struct chariot_value value;
    if (chariot_get_typed(reader, CHARIOT_INT, &value) != 0) return -1;
    *number = value.integer;
    return 0;
}

/* The next element, and the definition that it is for. New reference; NULL with an exception set. */
static PyObject *read_element(struct py_bag *bag, struct chariot_reader *reader, struct chariot_msg *msg,
                              struct py_definition **definition) {
    if ((*definition)->flags & PY_POOL_PAIRS) {
        struct chariot_value pair;
        int64_t place;
        if (chariot_get_typed(reader, CHARIOT_TUPLE, &pair) != 0 || pair.count != 2 ||
            read_number(reader, &place) != 0 || place < 0 || place >= bag->count) {
            return py_malformed("an element of the pool has no function");
        }
        *definition = bag->definitions[place];
    }
    PyObject *value = py_decode(bag->st, reader, msg);
    if (value == NULL) return NULL;
    bool sound = ((*definition)->flags & PY_POOL_APPLY) == 0 || is_pair(value);
    if (!sound)
        py_malformed("arguments of a task are no list");
    else if ((*definition)->function == NULL)
        py_error_raise((*definition)->error);
    if (sound && (*definition)->function != NULL) return value;
    Py_DECREF(value);
    return NULL;
}

/* ---------------------------------------------------------------- items without coroutines */

/* Reads the next element and calls. New reference; NULL with an exception set. */
static PyObject *do_next(struct py_bag *bag, struct py_definition *definition, struct chariot_reader *reader,
                         struct chariot_msg *msg) {
    PyObject *element = read_element(bag, reader, msg, &definition);
    if (element == NULL) return NULL;
    PyObject *value = call(bag->st, definition, element);
    Py_DECREF(element);
    return value;
}

static void do_plain(struct py_bag *bag, struct py_definition *definition, int64_t number, size_t count,
                     struct chariot_reader *reader, struct chariot_msg *msg) {
    PyObject *value = count == 1 ? do_next(bag, definition, reader, msg) : PyList_New((Py_ssize_t)count);
    for (size_t i = 0; count > 1 && value != NULL && i < count; i++) {
        PyObject *one = do_next(bag, definition, reader, msg);
        if (one == NULL)
            Py_CLEAR(value);
        else
            PyList_SET_ITEM(value, (Py_ssize_t)i, one);
    }
    if (value != NULL)
        py_bag_answer_value_take(bag, definition, number, value);
    else
        py_bag_answer_error(bag, definition, number);
}

/* ---------------------------------------------------------------- chunks */

static void chunk_free(struct chunk *chunk) {
    for (size_t i = 0; i < chunk->count; i++) {
        Py_XDECREF(chunk->elements[i].value);
        chariot_msg_unref(chunk->elements[i].result);
    }
    py_bag_unref(chunk->bag);
    free(chunk);
}

static void put_result(struct chariot_writer *writer, const struct chariot_msg *result) {
    if (result == NULL || chariot_msg_size(result) == 0)
        chariot_put_null(writer);
    else
        chariot_put_encoded(writer, chariot_msg_data(result), chariot_msg_size(result));
}

/* All its elements are done, or one failed: `error` (borrowed), or NULL. */
static void chunk_answer(struct chunk *chunk, const struct chariot_msg *error) {
    if ((chunk->elements[0].definition->flags & PY_POOL_NOBODY) == 0) {
        struct chariot_writer *writer = py_bag_answer(chunk->bag, chunk->number);
        if (error == NULL && chunk->count > 1) chariot_put_list(writer, chunk->count);
        for (size_t i = 0; error == NULL && i < chunk->count; i++) put_result(writer, chunk->elements[i].result);
        if (error != NULL) put_result(writer, error);
    }
    chunk_free(chunk);
}

static int start_coroutine(struct chunk *chunk, struct element *element, enum py_task_wish wish,
                           struct chariot_msg **result) {
    struct py_state *st = chunk->bag->st;
    struct py_definition *definition = element->definition;
    bool apply = definition->flags & PY_POOL_APPLY;
    PyObject *args = apply ? Py_NewRef(PyTuple_GET_ITEM(element->value, 0)) : PyTuple_Pack(1, element->value);
    PyObject *keywords = apply ? PyTuple_GET_ITEM(element->value, 1) : NULL;
    if (args == NULL) return py_outcome_wished_take(st, &definition->method, wish, NULL, result);
    int code = py_task_start_owned(st, &chunk->owner, wish, &definition->method, definition->function, args,
                                   keywords == Py_None ? NULL : keywords, result);
    Py_DECREF(args);
    return code;
}

/* Starts the element; as py_task_start(). */
static int start_element(struct chunk *chunk, struct element *element, struct chariot_msg **result) {
    struct py_state *st = chunk->bag->st;
    struct py_definition *definition = element->definition;
    enum py_task_wish wish = definition->flags & PY_POOL_NOBODY ? PY_TASK_NOBODY
                             : definition->flags & PY_POOL_END  ? PY_TASK_END
                                                                : PY_TASK_VALUE;
    if (definition->method.kind != PY_PLAIN) return start_coroutine(chunk, element, wish, result);
    return py_outcome_wished_take(st, &definition->method, wish, call(st, definition, element->value), result);
}

/* The element that was under way has this outcome; takes result. False: the chunk is done, and gone. */
static bool chunk_take(struct chunk *chunk, struct chariot_msg *result, int code) {
    struct element *element = &chunk->elements[chunk->at++];
    Py_CLEAR(element->value);
    if (code < 0) {
        chunk_answer(chunk, result);
        chariot_msg_unref(result);
        return false;
    }
    element->result = result;
    if (chunk->at < chunk->count) return true;
    chunk_answer(chunk, NULL);
    return false;
}

static void chunk_go_on(struct chunk *chunk) {
    struct py_state *st = chunk->bag->st;
    for (bool more = true; more && !st->exiting;) {
        struct chariot_msg *result;
        int code = start_element(chunk, &chunk->elements[chunk->at], &result);
        if (code == CHARIOT_LATER) return;
        more = chunk_take(chunk, result, code);
    }
}

static void on_post(struct chariot_pe *pe, void *ctx) {
    struct chunk *chunk = ctx;
    struct py_state *st = chunk->bag->st;
    chunk_go_on(chunk);
    py_bag_on_rest(st);
}

/* From the greenlet of the coroutine that ends: the next is started by the scheduler. */
static void on_ended(struct py_task_owner *owner, struct chariot_msg *result, int code) {
    struct chunk *chunk = (struct chunk *)(void *)owner;
    struct py_state *st = chunk->bag->st;
    if (!chunk_take(chunk, result, code))
        py_bag_on_rest(st);
    else if (chariot_post(st->pe, on_post, chunk) != 0)
        chariot_abort(st->pe, 71, "chariot: out of memory\n");
}

/* Reads all elements; NULL with an exception set, and *failed is the definition of the one that it was about. */
static struct chunk *chunk_read(struct py_bag *bag, struct py_definition *definition, int64_t number, size_t count,
                                struct chariot_reader *reader, struct chariot_msg *msg, struct py_definition **failed) {
    struct chunk *chunk = calloc(1, sizeof *chunk + count * sizeof(struct element));
    *failed = definition;
    if (chunk == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    bag->refs++;
    chunk->owner.ended = on_ended;
    chunk->bag = bag;
    chunk->number = number;
    for (; chunk->count < count; chunk->count++) {
        struct element *element = &chunk->elements[chunk->count];
        element->definition = *failed = definition;
        element->value = read_element(bag, reader, msg, &element->definition);
        if (element->value != NULL) continue;
        *failed = element->definition;
        chunk_free(chunk);
        return NULL;
    }
    return chunk;
}

/* ---------------------------------------------------------------- items */

/* An item as it was read. */
struct item {
    struct py_bag *bag;
    struct py_definition *definition;
    int64_t number;
    size_t count; /* elements */
};

static bool read_item(struct py_state *st, uint64_t id, struct chariot_reader *reader, struct item *item) {
    struct chariot_value list;
    int64_t place;
    item->bag = py_bag_of(st, id);
    if (item->bag == NULL || chariot_get_typed(reader, CHARIOT_LIST, &list) != 0 || list.count < 3) return false;
    if (read_number(reader, &item->number) != 0 || read_number(reader, &place) != 0) return false;
    if (place < 0 || place >= item->bag->count) return false;
    item->definition = item->bag->definitions[place];
    item->count = (size_t)list.count - 2;
    return true;
}

void py_work_on_item(void *ctx, uint64_t id, struct chariot_msg *msg, struct chariot_reader *reader) {
    struct item item;
    struct py_definition *failed;
    if (!read_item(ctx, id, reader, &item)) return; /* of a PE that is broken; its own errors will tell */
    bool plain = item.definition->method.kind == PY_PLAIN && (item.definition->flags & PY_POOL_PAIRS) == 0;
    item.bag->refs++;
    if (plain) {
        do_plain(item.bag, item.definition, item.number, item.count, reader, msg);
    } else {
        struct chunk *chunk = chunk_read(item.bag, item.definition, item.number, item.count, reader, msg, &failed);
        if (chunk != NULL)
            chunk_go_on(chunk);
        else
            py_bag_answer_error(item.bag, failed, item.number);
    }
    py_bag_unref(item.bag);
}
