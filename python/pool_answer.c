/* The owner's side of the pool: what comes back, and who gets it. */
#include "python/errors.h"
#include "python/future.h"
#include "python/message.h"
#include "python/pool_job.h"

enum { SHOW_NS = 100000000 };

/* ---------------------------------------------------------------- giving */

static void give_take(struct py_state *st, PyObject *future, struct chariot_msg *msg) {
    chariot_future_give_take(st->pe, py_future_handle(future), msg);
}

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

void py_job_complete(struct py_job *job) {
    show(job, true);
    if (job->future != NULL) {
        struct chariot_msg *msg = py_message_put_value(job->st, job->results, true);
        if (msg == NULL) {
            py_error_end_job(job->st, "the pool");
            return;
        }
        give_take(job->st, job->future, msg);
    }
    py_job_close(job, false);
    py_job_remove(job);
}

/* A value to where it belongs; takes it. 0, or -1 with an exception set. */
static int store_take(struct py_job *job, Py_ssize_t place, PyObject *value) {
    if (job->results != NULL) return PyList_SetItem(job->results, place, value);
    struct chariot_msg *msg = py_message_put_object(job->st, value, true);
    Py_DECREF(value);
    if (msg == NULL) return -1;
    give_take(job->st, PyList_GET_ITEM(job->futures, place), msg);
    Py_INCREF(Py_None);
    return PyList_SetItem(job->futures, place, Py_None); /* it may go when whoever was handed it wants */
}

/* What an outcome holds of so many elements: their list, or the value of the one. New reference, or NULL with an
 * exception set. */
static PyObject *read_values(struct py_job *job, Py_ssize_t count, struct chariot_reader *reader,
                             struct chariot_msg *msg) {
    PyObject *values = py_decode(job->st, reader, msg);
    if (values == NULL || count == 1 || (PyList_CheckExact(values) && PyList_GET_SIZE(values) == count)) return values;
    Py_DECREF(values);
    return py_malformed("an answer of the pool");
}

/* The outcome of item `number`. -1 with an exception set. */
static int store_item(struct py_job *job, int64_t number, struct chariot_reader *reader, struct chariot_msg *msg) {
    Py_ssize_t first = (Py_ssize_t)number * job->chunk, left = job->given - first;
    Py_ssize_t count = left < job->chunk ? left : job->chunk;
    bool sound = number >= 0 && count > 0;
    PyObject *values = sound ? read_values(job, count, reader, msg) : py_malformed("an answer of the pool");
    if (values == NULL) return -1;
    int rc = 0;
    for (Py_ssize_t i = 0; rc == 0 && i < count; i++)
        rc = store_take(job, first + i, Py_NewRef(count == 1 ? values : PyList_GET_ITEM(values, i)));
    Py_DECREF(values);
    if (rc == 0) job->done += count;
    return rc;
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
    if (job->given - job->done <= job->most / 2) py_job_make_room(job);
    if (!job->fed || job->done < job->given) return true;
    py_job_complete(job);
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
        value = object == NULL ? NULL : py_message_put_object(st, object, true);
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
    if (last) py_job_remove(job);
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
