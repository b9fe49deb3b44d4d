/* The owner's side of the pool: elements of a map are put into its bag. */
#include "python/errors.h"
#include "python/future.h"
#include "python/pool_job.h"

enum {
    PUT_ITEMS = 256, /* items leave together, this many at most, */
    PUT_BYTES = 1 << 16,
    PUT_NS = 200000, /* and none is held for longer than this while more are made, or whoever makes them waits */
};

/* ---------------------------------------------------------------- sending */

/* The items that are complete. What pickles another is suspended, and goes on in a writer of its own. 0, or negative.
 */
static int split(struct py_put *put, struct chariot_msg **items) {
    struct chariot_writer complete, half;
    const char *data = chariot_msg_data(put->writer.msg);
    chariot_writer_init_take(&complete, NULL);
    chariot_writer_init_take(&half, NULL);
    chariot_put_encoded(&complete, data, put->whole);
    chariot_put_encoded(&half, data + put->whole, chariot_msg_size(put->writer.msg) - put->whole);
    chariot_msg_unref(put->writer.msg);
    put->writer = half;
    return chariot_writer_finish(&complete, items);
}

/* Sends the items that are complete. */
static int put_send(struct py_job *job) {
    struct py_put *put = &job->put;
    struct chariot_msg *msg;
    uint32_t count = put->count;
    if (count == 0) return 0;
    bool all = put->writer.error != 0 || put->whole == chariot_msg_size(put->writer.msg);
    int rc = all ? chariot_writer_finish(&put->writer, &msg) : split(put, &msg);
    put->count = 0;
    put->whole = 0;
    put->most = put->most < PUT_ITEMS / 2 ? 2 * put->most : PUT_ITEMS;
    put->since_ns = chariot_now_ns(job->st->pe);
    chariot_timer_stop(job->st->pe, &put->alarm);
    if (rc != 0) {
        PyErr_NoMemory();
        return -1;
    }
    if (job->closed)
        chariot_msg_unref(msg);
    else
        chariot_bag_put_take(job->st->pe, job->bag, count, msg);
    return 0;
}

static void on_held(struct chariot_pe *pe, void *ctx) {
    struct py_job *job = ctx;
    if (put_send(job) != 0) py_error_end_job(job->st, "the pool");
}

/* One more item is complete. It leaves now where that is due; else with others or, where whoever makes them is
 * suspended, by itself. */
static int put_add(struct py_job *job) {
    struct py_put *put = &job->put;
    put->whole = chariot_msg_size(put->writer.msg);
    put->count++;
    bool full = put->count >= put->most || put->whole > PUT_BYTES;
    if (full || chariot_now_ns(job->st->pe) - put->since_ns >= PUT_NS) return put_send(job);
    if (put->count > 1) return 0;
    int rc = chariot_timer_start(job->st->pe, &put->alarm, PUT_NS, on_held, job);
    return rc == 0 ? 0 : py_raise_code(job->st, rc, "putting into the pool");
}

/* ---------------------------------------------------------------- making */

/* Of a job with several functions, which are the same where they are the same object. */
static Py_ssize_t place_of(struct py_job *job, PyObject *function) {
    if (job->places == NULL) job->places = PyDict_New();
    PyObject *key = job->places == NULL ? NULL : PyLong_FromVoidPtr(function);
    PyObject *known = key == NULL ? NULL : PyDict_GetItemWithError(job->places, key); /* borrowed */
    Py_ssize_t place = known != NULL ? PyLong_AsSsize_t(known) : PyErr_Occurred() ? -1 : py_job_define(job, function);
    if (known == NULL && place >= 0) {
        PyObject *value = PyLong_FromSsize_t(place);
        if (value == NULL || PyDict_SetItem(job->places, key, value) != 0) place = -1;
        Py_XDECREF(value);
    }
    Py_XDECREF(key);
    return place;
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
    if (rc == 0) rc = PyList_Append(job->handed, future);
    Py_XDECREF(future);
    return rc;
}

/* The chunk as one item. Its places come first: should the job fail while it is pickled, they get the error too. */
static int put_item(struct py_job *job, PyObject *chunk) {
    struct chariot_writer *writer = &job->put.writer;
    Py_ssize_t count = PyList_GET_SIZE(chunk);
    for (Py_ssize_t i = 0; i < count; i++)
        if (make_place(job) != 0) return -1;
    if (writer->msg == NULL) chariot_writer_init_take(writer, NULL);
    chariot_put_list(writer, (uint64_t)count + 2);
    chariot_put_int(writer, (int64_t)job->items);
    chariot_put_int(writer, 0);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *element = PyList_GET_ITEM(chunk, i);
        int rc = job->flags & PY_POOL_PAIRS ? put_pair(job, writer, element) : py_encode(job->st, writer, element);
        if (rc != 0) return -1;
    }
    job->items++;
    job->given += count;
    return put_add(job);
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

/* Keeps what py_pool_find() gives alive. New reference; NULL with an exception set. */
static PyObject *hold(PyObject *dict, uint64_t bag) {
    PyObject *key = PyLong_FromUnsignedLongLong(bag);
    PyObject *capsule = key == NULL ? NULL : PyObject_GetItem(dict, key);
    Py_XDECREF(key);
    return capsule;
}

/* One item of what comes next. As next_chunk(). The iterator, and pickling, may run anything, so that the job may fail
 * and be dropped meanwhile: it is held. */
static int feed_item(struct py_state *st, uint64_t bag, PyObject *iterator) {
    PyObject *held = hold(st->pool.jobs, bag), *chunk = held == NULL ? NULL : PyList_New(0);
    struct py_job *job = py_job_of(st, bag);
    int rc = chunk == NULL ? -1 : next_chunk(iterator, job->chunk, chunk);
    if (rc >= 0 && job->closed) rc = 0;
    if (rc >= 0 && !job->closed && PyList_GET_SIZE(chunk) > 0 && put_item(job, chunk) != 0) rc = -1;
    Py_XDECREF(chunk);
    Py_XDECREF(held);
    return rc;
}

static int feed(struct py_state *st, uint64_t bag, PyObject *iterator) {
    struct py_job *job = py_job_of(st, bag);
    int rc = 1;
    job->put.most = 1;
    job->put.since_ns = chariot_now_ns(st->pe);
    while (rc == 1 && job != NULL && (job->most < 0 || job->given - job->done < job->most)) {
        rc = feed_item(st, bag, iterator);
        job = py_job_of(st, bag);
    }
    return rc >= 0 && job != NULL && put_send(job) != 0 ? -1 : rc;
}

int py_job_feed(struct py_state *st, uint64_t bag, PyObject *function, PyObject *iterator) {
    struct py_job *job = py_job_of(st, bag);
    if (job == NULL) return 0;
    bool first = function != NULL && PyList_GET_SIZE(job->functions) == 0;
    int rc = first && py_job_define(job, function) < 0 ? -1 : feed(st, bag, iterator);
    job = py_job_of(st, bag);
    if (job == NULL) return rc < 0 ? -1 : 0;
    if (rc < 0) {
        py_job_drop(job);
    } else if (rc == 0) {
        job->fed = true;
        Py_CLEAR(job->handed);
        if (job->done == job->given) py_job_complete(job);
    }
    return rc;
}
