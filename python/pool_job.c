/* The owner's side of the pool (pool.h): what is put into a job's bag, and what comes back. */
#include <stdlib.h>

#include "python/errors.h"
#include "python/future.h"
#include "python/message.h"

static const char JOB[] = "chariot job";

enum {
    PUT_ITEMS = 256, /* items leave together, this many at most, */
    PUT_BYTES = 1 << 16,
    PUT_NS = 200000, /* and none is held for longer than this while more are made */
    KEPT_TASKS = 32, /* functions whose tasks keep a job open */
    SHOW_NS = 100000000,
};

/* ---------------------------------------------------------------- tables */

void *py_pool_find(PyObject *dict, uint64_t bag, const char *kind) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromUnsignedLongLong(bag);
    PyObject *capsule = key == NULL ? NULL : PyDict_GetItemWithError(dict, key); /* borrowed */
    void *found = capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, kind);
    Py_XDECREF(key);
    PyErr_Restore(type, value, traceback);
    return found;
}

/* Keeps what py_pool_find() gives alive. New reference; NULL with an exception set. */
static PyObject *hold(PyObject *dict, uint64_t bag) {
    PyObject *key = PyLong_FromUnsignedLongLong(bag);
    PyObject *capsule = key == NULL ? NULL : PyObject_GetItem(dict, key);
    Py_XDECREF(key);
    return capsule;
}

int py_pool_add(PyObject *dict, uint64_t bag, const char *kind, void *pointer, void (*destroy)(PyObject *capsule)) {
    PyObject *key = PyLong_FromUnsignedLongLong(bag);
    PyObject *capsule = key == NULL ? NULL : PyCapsule_New(pointer, kind, NULL);
    int rc = capsule == NULL ? -1 : PyDict_SetItem(dict, key, capsule);
    if (rc == 0) rc = PyCapsule_SetDestructor(capsule, destroy);
    Py_XDECREF(capsule);
    Py_XDECREF(key);
    return rc;
}

void py_pool_remove(PyObject *dict, uint64_t bag) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *key = PyLong_FromUnsignedLongLong(bag);
    if (key != NULL) PyDict_DelItem(dict, key);
    Py_XDECREF(key);
    PyErr_Restore(type, value, traceback);
}

/* ---------------------------------------------------------------- life */

static void job_free(PyObject *capsule) {
    struct py_job *job = PyCapsule_GetPointer(capsule, JOB);
    PyObject *owned[] = {job->functions, job->places, job->future,   job->results,
                         job->futures,   job->room,   job->progress, job->total};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) Py_XDECREF(owned[i]);
    free(job);
}

struct py_job *py_job_new(struct py_state *st, unsigned flags, uint32_t limit, Py_ssize_t chunk) {
    struct py_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *job = (struct py_job){.st = st,
                           .bag = chariot_bag_open(st->pe),
                           .flags = flags,
                           .limit = limit,
                           .chunk = chunk,
                           .most = -1,
                           .functions = PyList_New(0),
                           .shown_ns = chariot_now_ns(st->pe)};
    if (job->functions != NULL && py_pool_add(st->pool.jobs, job->bag, JOB, job, job_free) == 0) return job;
    Py_XDECREF(job->functions);
    free(job);
    return NULL;
}

struct py_job *py_job_of(struct py_state *st, uint64_t bag) {
    return py_pool_find(st->pool.jobs, bag, JOB);
}

static void close_bag(struct py_job *job, bool drop) {
    if (!job->closed && PyList_GET_SIZE(job->functions) > 0) chariot_bag_close(job->st->pe, job->bag, drop);
    job->closed = true;
}

static void give_take(struct py_state *st, PyObject *future, struct chariot_msg *msg) {
    chariot_future_give_take(st->pe, py_future_handle(future), msg);
}

static void make_room(struct py_job *job) {
    if (job->room == NULL) return;
    give_take(job->st, job->room, NULL);
    Py_CLEAR(job->room);
}

void py_job_drop(struct py_job *job) {
    close_bag(job, true);
    make_room(job);
    py_pool_remove(job->st->pool.jobs, job->bag);
}

/* ---------------------------------------------------------------- results */

static void show(struct py_job *job, bool last) {
    if (job->progress == NULL || (last && !job->fed)) return;
    int64_t now = chariot_now_ns(job->st->pe);
    if (!last && now - job->shown_ns < SHOW_NS) return;
    job->shown_ns = now;
    PyObject *total = job->total == NULL ? Py_None : job->total;
    PyObject *shown = PyObject_CallFunction(job->progress, "nOi", job->done, total, (int)last);
    if (shown == NULL) PyErr_WriteUnraisable(job->progress);
    Py_XDECREF(shown);
}

/* An encoded value as a message of its own. NULL with an exception set. */
static struct chariot_msg *copy_of(const void *data, size_t size, bool error) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_encoded(&writer, data, size);
    if (chariot_writer_finish(&writer, &msg) != 0) {
        PyErr_NoMemory();
        return NULL;
    }
    if (error) chariot_msg_set_error(msg);
    return msg;
}

static void fail_future(struct py_state *st, PyObject *future, struct chariot_msg *error) {
    if (!chariot_future_ready(py_future_handle(future))) give_take(st, future, chariot_msg_ref(error));
}

/* The job has failed: all futures that are not complete get the error, the rest of the work is dropped. */
static void fail_all(struct py_job *job, struct chariot_msg *error) {
    struct py_state *st = job->st;
    job->failed = true;
    if (job->future != NULL) fail_future(st, job->future, error);
    for (Py_ssize_t i = 0; job->futures != NULL && i < PyList_GET_SIZE(job->futures); i++) {
        PyObject *future = PyList_GET_ITEM(job->futures, i);
        if (future != Py_None) fail_future(st, future, error);
    }
    show(job, true);
    py_job_drop(job);
}

static void complete(struct py_job *job) {
    show(job, true);
    if (job->future != NULL) {
        struct chariot_msg *msg = py_message_put_value(job->st, job->results, true);
        if (msg == NULL) {
            py_error_end_job(job->st, "the pool");
            return;
        }
        give_take(job->st, job->future, msg);
    }
    close_bag(job, false);
    py_pool_remove(job->st->pool.jobs, job->bag);
}

/* A value to where it belongs; takes it. 0, or -1 with an exception set. */
static int store_take(struct py_job *job, Py_ssize_t place, PyObject *value) {
    if (job->results != NULL) return PyList_SetItem(job->results, place, value);
    struct chariot_msg *msg = py_message_put_value(job->st, value, true);
    Py_DECREF(value);
    if (msg == NULL) return -1;
    give_take(job->st, PyList_GET_ITEM(job->futures, place), msg);
    Py_INCREF(Py_None);
    return PyList_SetItem(job->futures, place, Py_None); /* it may go when its holder wants */
}

/* The outcome of item `number`: a value, or the list of its elements' values. -1 with an exception set. */
static int store_item(struct py_job *job, int64_t number, struct chariot_reader *reader, struct chariot_msg *msg) {
    struct chariot_value list = {.count = 1};
    Py_ssize_t first = (Py_ssize_t)number * job->chunk, left = job->given - first;
    Py_ssize_t count = left < job->chunk ? left : job->chunk;
    bool sound = number >= 0 && count > 0;
    if (sound && count > 1) {
        sound = chariot_get_typed(reader, CHARIOT_LIST, &list) == 0 && list.count == (uint64_t)count;
    }
    if (!sound) {
        py_malformed("an answer of the pool");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = py_decode(job->st, reader, msg);
        if (value == NULL || store_take(job, first + i, value) != 0) return -1;
    }
    job->done += count;
    return 0;
}

/* The exception that is set, as an error message. Never NULL but where the job ends. */
static struct chariot_msg *error_here(struct py_state *st) {
    PyObject *exc = py_error_fetch();
    struct chariot_msg *msg = py_message_put_error(st, exc, NULL);
    Py_DECREF(exc);
    if (msg == NULL) py_error_end_job(st, "the pool");
    return msg;
}

static void fail_with_exception(struct py_job *job) {
    struct chariot_msg *msg = error_here(job->st);
    if (msg == NULL) return;
    fail_all(job, msg);
    chariot_msg_unref(msg);
}

/* Of a map: false: the job is gone. */
static bool take_answer(struct py_job *job, int64_t number, struct chariot_reader *outcome, bool error,
                        struct chariot_msg *msg) {
    if (error) {
        struct chariot_msg *copy = copy_of(outcome->at, (size_t)(outcome->end - outcome->at), true);
        if (copy != NULL) fail_all(job, copy);
        if (copy == NULL) fail_with_exception(job);
        chariot_msg_unref(copy);
        return false;
    }
    uint64_t bag = job->bag;
    struct py_state *st = job->st;
    int rc = store_item(job, number, outcome, msg);
    job = py_job_of(st, bag); /* reading values may run anything */
    if (job == NULL) {
        PyErr_Clear();
        return false;
    }
    if (rc != 0) {
        fail_with_exception(job);
        return false;
    }
    if (job->given - job->done <= job->most / 2) make_room(job);
    if (!job->fed || job->done < job->given) return true;
    complete(job);
    return false;
}

/* Who waits for a task: a future, or a callable of a value and an exception. New reference; NULL: nobody. */
static PyObject *taker_of(struct py_job *job, int64_t number) {
    PyObject *key = PyLong_FromLongLong(number);
    PyObject *taker = key == NULL ? NULL : PyDict_GetItemWithError(job->futures, key);
    Py_XINCREF(taker);
    if (taker == NULL || PyDict_DelItem(job->futures, key) != 0) PyErr_Clear();
    Py_XDECREF(key);
    return taker;
}

static void give_future(struct py_state *st, PyObject *future, struct chariot_reader *outcome, bool error,
                        struct chariot_msg *msg) {
    struct chariot_msg *value = NULL;
    if (error) {
        value = copy_of(outcome->at, (size_t)(outcome->end - outcome->at), true);
    } else {
        PyObject *object = py_decode(st, outcome, msg);
        value = object == NULL ? NULL : py_message_put_value(st, object, true);
        Py_XDECREF(object);
    }
    if (value == NULL) value = error_here(st);
    if (value != NULL) give_take(st, future, value);
}

static void call_back(struct py_state *st, PyObject *callback, struct chariot_reader *outcome, bool error,
                      struct chariot_msg *msg) {
    PyObject *object = py_decode(st, outcome, msg);
    error = error || object == NULL;
    if (object == NULL) object = py_error_fetch();
    PyObject *done = PyObject_CallFunctionObjArgs(callback, error ? Py_None : object, error ? object : Py_None, NULL);
    if (done == NULL) py_error_end_job(st, "a callback of the pool");
    Py_XDECREF(done);
    Py_DECREF(object);
}

/* Of a task. False: that was the job's last. */
static bool take_task_answer(struct py_job *job, int64_t number, struct chariot_reader *outcome, bool error,
                             struct chariot_msg *msg) {
    struct py_state *st = job->st;
    PyObject *taker = taker_of(job, number);
    if (taker == NULL) return true;
    bool last = job->closed && PyDict_GET_SIZE(job->futures) == 0;
    if (last) py_pool_remove(st->pool.jobs, job->bag);
    (py_future_check(st, taker) ? give_future : call_back)(st, taker, outcome, error, msg);
    Py_DECREF(taker);
    return !last;
}

/* One answer. False: no more of this message are wanted. */
static bool read_answer(struct py_job *job, struct chariot_reader *reader, struct chariot_msg *msg) {
    struct chariot_value list, number, value;
    const void *data;
    size_t size;
    if (chariot_get_typed(reader, CHARIOT_LIST, &list) != 0 || list.count != 2 ||
        chariot_get_typed(reader, CHARIOT_INT, &number) != 0 || chariot_skip(reader, &data, &size) != 0) {
        py_malformed("an answer of the pool");
        PyErr_WriteUnraisable(NULL);
        return false;
    }
    struct chariot_reader outcome = {data, (const uint8_t *)data + size, reader->begin}, ahead = outcome;
    bool error = chariot_get_typed(&ahead, CHARIOT_ERROR, &value) == 0;
    bool task = (job->flags & PY_POOL_APPLY) != 0;
    return (task ? take_task_answer : take_answer)(job, number.integer, &outcome, error, msg);
}

void py_job_on_answer(void *ctx, uint64_t bag, struct chariot_msg *msg) {
    struct py_state *st = ctx;
    struct chariot_reader reader;
    chariot_reader_init(&reader, msg);
    for (struct py_job *job; !chariot_reader_done(&reader) && (job = py_job_of(st, bag)) != NULL;) {
        if (!read_answer(job, &reader, msg)) return;
    }
    struct py_job *job = py_job_of(st, bag);
    if (job != NULL) show(job, false);
}

/* ---------------------------------------------------------------- definitions */

/* The function's place among the job's definitions; sent where it is new. -1 with an exception set. */
static Py_ssize_t define(struct py_job *job, PyObject *function) {
    struct py_state *st = job->st;
    struct chariot_writer writer;
    struct chariot_msg *msg;
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "the pool calls functions, and %s is not callable", Py_TYPE(function)->tp_name);
        return -1;
    }
    uint64_t bag = job->bag;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 2);
    chariot_put_int(&writer, job->flags);
    int rc = py_encode(st, &writer, function);
    if (chariot_writer_finish(&writer, &msg) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (rc != 0 || PyList_Append(job->functions, function) != 0) {
        chariot_msg_unref(msg);
        return -1;
    }
    if (job->closed) /* it has failed while the function was pickled */
        chariot_msg_unref(msg);
    else
        chariot_bag_define_take(st->pe, bag, job->limit, msg);
    return PyList_GET_SIZE(job->functions) - 1;
}

/* Of a job with several functions, which are the same where they are the same object. */
static Py_ssize_t place_of(struct py_job *job, PyObject *function) {
    if (job->places == NULL) job->places = PyDict_New();
    PyObject *key = job->places == NULL ? NULL : PyLong_FromVoidPtr(function);
    PyObject *known = key == NULL ? NULL : PyDict_GetItemWithError(job->places, key); /* borrowed */
    Py_ssize_t place = known != NULL ? PyLong_AsSsize_t(known) : PyErr_Occurred() ? -1 : define(job, function);
    if (known == NULL && place >= 0) {
        PyObject *value = PyLong_FromSsize_t(place);
        if (value == NULL || PyDict_SetItem(job->places, key, value) != 0) place = -1;
        Py_XDECREF(value);
    }
    Py_XDECREF(key);
    return place;
}

/* ---------------------------------------------------------------- feeding */

/* Items on their way into the bag. */
struct put {
    struct chariot_writer writer;
    uint32_t count, most;
    int64_t begin_ns;
};

static void put_begin(struct py_job *job, struct put *put) {
    chariot_writer_init_take(&put->writer, NULL);
    put->count = 0;
    put->begin_ns = chariot_now_ns(job->st->pe);
}

static int put_send(struct py_job *job, struct put *put) {
    struct chariot_msg *msg;
    uint32_t count = put->count;
    if (chariot_writer_finish(&put->writer, &msg) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (count > 0 && !job->closed)
        chariot_bag_put_take(job->st->pe, job->bag, count, msg);
    else
        chariot_msg_unref(msg);
    put->most = put->most < PUT_ITEMS / 2 ? 2 * put->most : PUT_ITEMS;
    put_begin(job, put);
    return 0;
}

static int put_pair(struct py_job *job, struct chariot_writer *writer, PyObject *element) {
    PyObject *pair = PySequence_Check(element) && PySequence_Size(element) == 2 ? PySequence_Tuple(element) : NULL;
    if (pair == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "what is submitted must be pairs (function, argument), not %s",
                     Py_TYPE(element)->tp_name);
        return -1;
    }
    Py_ssize_t place = place_of(job, PyTuple_GET_ITEM(pair, 0));
    int rc = -1;
    if (place >= 0) {
        chariot_put_tuple(writer, 2);
        chariot_put_int(writer, place);
        rc = py_encode(job->st, writer, PyTuple_GET_ITEM(pair, 1));
    }
    Py_DECREF(pair);
    return rc;
}

/* Room for one more element's result. */
static int make_place(struct py_job *job) {
    if (job->results != NULL) return PyList_Append(job->results, Py_None);
    PyObject *future = py_future_new(job->st, 1);
    int rc = future == NULL ? -1 : PyList_Append(job->futures, future);
    Py_XDECREF(future);
    return rc;
}

/* The chunk as one item. */
static int put_item(struct py_job *job, struct put *put, PyObject *chunk) {
    Py_ssize_t count = PyList_GET_SIZE(chunk);
    chariot_put_list(&put->writer, (uint64_t)count + 2);
    chariot_put_int(&put->writer, (int64_t)job->items);
    chariot_put_int(&put->writer, 0);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *element = PyList_GET_ITEM(chunk, i);
        int rc = job->flags & PY_POOL_PAIRS ? put_pair(job, &put->writer, element)
                                            : py_encode(job->st, &put->writer, element);
        if (rc != 0 || make_place(job) != 0) return -1;
    }
    job->items++;
    job->given += count;
    put->count++;
    bool full = put->count >= put->most || (put->writer.error == 0 && chariot_msg_size(put->writer.msg) > PUT_BYTES);
    if (!full && chariot_now_ns(job->st->pe) - put->begin_ns < PUT_NS) return 0;
    return put_send(job, put);
}

/* The next elements, at most a chunk: into list. 1: there may be more; 0: that was the end; -1: exception. */
static int next_chunk(PyObject *iterator, Py_ssize_t size, PyObject *list) {
    while (PyList_GET_SIZE(list) < size) {
        PyObject *element = PyIter_Next(iterator);
        if (element == NULL) return PyErr_Occurred() ? -1 : 0;
        int rc = PyList_Append(list, element);
        Py_DECREF(element);
        if (rc != 0) return -1;
    }
    return 1;
}

/* One item of what comes next. As next_chunk(). The iterator, and pickling, may run anything, so that the job may fail
 * and be dropped meanwhile: it is held. */
static int feed_item(struct py_state *st, uint64_t bag, struct put *put, PyObject *iterator) {
    PyObject *held = hold(st->pool.jobs, bag), *chunk = held == NULL ? NULL : PyList_New(0);
    struct py_job *job = py_job_of(st, bag);
    int rc = chunk == NULL ? -1 : next_chunk(iterator, job->chunk, chunk);
    if (rc >= 0 && job->closed) rc = 0;
    if (rc >= 0 && !job->closed && PyList_GET_SIZE(chunk) > 0 && put_item(job, put, chunk) != 0) rc = -1;
    Py_XDECREF(chunk);
    Py_XDECREF(held);
    return rc;
}

static int feed(struct py_state *st, uint64_t bag, PyObject *iterator) {
    struct put put = {.most = 1};
    struct py_job *job = py_job_of(st, bag);
    int rc = 1;
    put_begin(job, &put);
    while (rc == 1 && job != NULL && (job->most < 0 || job->given - job->done < job->most)) {
        rc = feed_item(st, bag, &put, iterator);
        job = py_job_of(st, bag);
    }
    if (job != NULL && rc >= 0 && put_send(job, &put) != 0) rc = -1;
    struct chariot_msg *msg;
    if (chariot_writer_finish(&put.writer, &msg) == 0) chariot_msg_unref(msg);
    return rc;
}

int py_job_feed(struct py_state *st, uint64_t bag, PyObject *function, PyObject *iterator) {
    struct py_job *job = py_job_of(st, bag);
    if (job == NULL) return 0;
    bool first = function != NULL && PyList_GET_SIZE(job->functions) == 0;
    int rc = first && define(job, function) < 0 ? -1 : feed(st, bag, iterator);
    job = py_job_of(st, bag);
    if (job == NULL) return rc < 0 ? -1 : 0;
    if (rc < 0) {
        py_job_drop(job);
    } else if (rc == 0) {
        job->fed = true;
        if (job->done == job->given) complete(job);
    }
    return rc;
}

/* ---------------------------------------------------------------- tasks */

/* Whether it means the same on every PE by its name alone, so that one definition serves for long. */
static bool is_constant(PyObject *function) {
    if (PyCFunction_Check(function)) {
        PyObject *self = PyCFunction_GET_SELF(function);
        return self == NULL || PyModule_Check(self);
    }
    if (!PyFunction_Check(function) || PyFunction_GET_CLOSURE(function) != NULL) return false;
    PyObject *name = ((PyFunctionObject *)(void *)function)->func_qualname;
    return PyUnicode_FindChar(name, '<', 0, PyUnicode_GET_LENGTH(name), 1) == -1;
}

/* Ends the job when its last task has, and nobody makes another. */
static void retire(struct py_job *job) {
    job->retired = true;
    if (job->encoding > 0) return; /* who encodes calls again */
    close_bag(job, false);
    if (job->futures == NULL || PyDict_GET_SIZE(job->futures) == 0) py_pool_remove(job->st->pool.jobs, job->bag);
}

static void retire_oldest(struct py_state *st) {
    PyObject *key, *bag;
    Py_ssize_t at = 0;
    if (!PyDict_Next(st->pool.tasks, &at, &key, &bag)) return;
    struct py_job *job = py_job_of(st, PyLong_AsUnsignedLongLong(bag));
    Py_INCREF(key);
    if (PyDict_DelItem(st->pool.tasks, key) != 0) PyErr_Clear();
    Py_DECREF(key);
    if (job != NULL) retire(job);
}

static struct py_job *task_job_new(struct py_state *st, PyObject *function, unsigned flags) {
    struct py_job *job = py_job_new(st, flags | PY_POOL_APPLY, chariot_num_pes(st->pe), 1);
    if (job == NULL) return NULL;
    if ((flags & PY_POOL_NOBODY) == 0) job->futures = PyDict_New();
    if (((flags & PY_POOL_NOBODY) != 0 || job->futures != NULL) && define(job, function) >= 0) return job;
    py_job_drop(job);
    return NULL;
}

/* The open job of tasks of that function, made on demand. NULL with an exception set. */
static struct py_job *kept_job(struct py_state *st, PyObject *function, unsigned flags) {
    PyObject *key = Py_BuildValue("(OI)", function, flags);
    PyObject *known = key == NULL ? NULL : PyDict_GetItemWithError(st->pool.tasks, key); /* borrowed */
    struct py_job *job = NULL;
    if (known != NULL) {
        job = py_job_of(st, PyLong_AsUnsignedLongLong(known));
    } else if (key != NULL && !PyErr_Occurred() && (job = task_job_new(st, function, flags)) != NULL) {
        if (PyDict_GET_SIZE(st->pool.tasks) >= KEPT_TASKS) retire_oldest(st);
        PyObject *bag = PyLong_FromUnsignedLongLong(job->bag);
        if (bag == NULL || PyDict_SetItem(st->pool.tasks, key, bag) != 0) job = NULL;
        Py_XDECREF(bag);
    }
    Py_XDECREF(key);
    return job;
}

/* A future, or the callback, under the number of an item. What py_job_task() gives; new reference. */
static PyObject *expect(struct py_job *job, uint64_t number, PyObject *callback) {
    if (job->flags & PY_POOL_NOBODY) Py_RETURN_NONE;
    PyObject *taker = callback != NULL ? Py_NewRef(callback) : py_future_new(job->st, 1);
    PyObject *key = taker == NULL ? NULL : PyLong_FromUnsignedLongLong(number);
    if (key == NULL || PyDict_SetItem(job->futures, key, taker) != 0) Py_CLEAR(taker);
    Py_XDECREF(key);
    if (callback == NULL || taker == NULL) return taker;
    Py_DECREF(taker);
    Py_RETURN_NONE;
}

/* May run anything. */
static struct chariot_msg *encode_task(struct py_job *job, uint64_t number, PyObject *args, PyObject *keywords) {
    struct chariot_writer writer;
    struct chariot_msg *msg;
    PyObject *pair = PyTuple_Pack(2, args, keywords == NULL ? Py_None : keywords);
    if (pair == NULL) return NULL;
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 3);
    chariot_put_int(&writer, (int64_t)number);
    chariot_put_int(&writer, 0);
    job->encoding++;
    int rc = py_encode(job->st, &writer, pair);
    job->encoding--;
    Py_DECREF(pair);
    if (chariot_writer_finish(&writer, &msg) != 0) PyErr_NoMemory();
    if (rc == 0 || msg == NULL) return msg;
    chariot_msg_unref(msg);
    return NULL;
}

PyObject *py_job_task(struct py_state *st, PyObject *function, PyObject *args, PyObject *keywords, unsigned flags,
                      PyObject *callback) {
    bool kept = is_constant(function);
    struct py_job *job = kept ? kept_job(st, function, flags) : task_job_new(st, function, flags);
    if (job == NULL) return NULL;
    uint64_t number = job->items++;
    struct chariot_msg *msg = encode_task(job, number, args, keywords);
    PyObject *future = msg == NULL ? NULL : expect(job, number, callback);
    if (future != NULL)
        chariot_bag_put_take(st->pe, job->bag, 1, msg);
    else
        chariot_msg_unref(msg);
    if (!kept || job->retired) retire(job);
    return future;
}
