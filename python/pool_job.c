/* The owner's side of the pool: the life of a job (pool_job.h), and the functions that its elements are for. */
#include "python/pool_job.h"

#include <stdlib.h>

#include "python/future.h"

static const char JOB[] = "chariot job";

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
    PyObject *owned[] = {job->functions, job->places, job->future,   job->results, job->futures,
                         job->handed,    job->room,   job->progress, job->total};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) Py_XDECREF(owned[i]);
    if (job->st->pe != NULL) chariot_timer_stop(job->st->pe, &job->put.alarm);
    chariot_msg_unref(job->put.writer.msg);
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
    struct py_pool *pool = &st->pool;
    if (pool->latest_job == NULL || pool->latest_job->bag != bag) pool->latest_job = py_pool_find(pool->jobs, bag, JOB);
    return pool->latest_job;
}

void py_job_remove(struct py_job *job) {
    struct py_pool *pool = &job->st->pool;
    pool->latest_job = NULL;
    py_pool_remove(pool->jobs, job->bag);
}

void py_job_close(struct py_job *job, bool drop) {
    if (!job->closed && PyList_GET_SIZE(job->functions) > 0) chariot_bag_close(job->st->pe, job->bag, drop);
    job->closed = true;
}

void py_job_make_room(struct py_job *job) {
    if (job->room == NULL) return;
    chariot_future_give_take(job->st->pe, py_future_handle(job->room), NULL);
    Py_CLEAR(job->room);
}

void py_job_drop(struct py_job *job) {
    py_job_close(job, true);
    py_job_make_room(job);
    py_job_remove(job);
}

/* ---------------------------------------------------------------- definitions */

Py_ssize_t py_job_define(struct py_job *job, PyObject *function) {
    struct py_state *st = job->st;
    struct chariot_writer writer;
    struct chariot_msg *msg;
    if (!PyCallable_Check(function)) {
        PyErr_Format(PyExc_TypeError, "charm.pool: a function must be callable, not %s", Py_TYPE(function)->tp_name);
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
