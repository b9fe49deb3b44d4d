/* The owner's side of the pool: Tasks. Those of one function share a job, which stays open for more. */
#include "python/future.h"
#include "python/pool_job.h"

enum { KEPT_TASKS = 32 }; /* functions whose tasks keep a job open */

/* What pickle finds under the function's name. New reference; NULL, no exception: nothing. */
static PyObject *find_by_name(struct py_state *st, PyObject *function) {
    PyObject *module = py_getattr_or_null(function, st->names.module);
    PyObject *name = py_getattr_or_null(function, st->names.qualname);
    PyObject *dot = PyUnicode_FromString("."), *found = module == NULL ? NULL : PyImport_GetModule(module);
    PyObject *names = name == NULL || dot == NULL ? NULL : PyUnicode_Split(name, dot, -1);
    if (names == NULL) Py_CLEAR(found);
    for (Py_ssize_t i = 0; found != NULL && i < PyList_GET_SIZE(names); i++)
        Py_SETREF(found, py_getattr_or_null(found, PyList_GET_ITEM(names, i)));
    Py_XDECREF(module);
    Py_XDECREF(name);
    Py_XDECREF(dot);
    Py_XDECREF(names);
    PyErr_Clear();
    return found;
}

/* In an interactive session what stands in __main__ may be this process's alone. */
static bool is_typed(struct py_state *st, PyObject *function) {
    PyObject *module = st->codec.by_value ? py_getattr_or_null(function, st->names.module) : NULL;
    bool is = module != NULL && PyUnicode_Check(module) && PyUnicode_Compare(module, st->names.main) == 0;
    Py_XDECREF(module);
    return is;
}

/* Whether it travels by its name: then one definition serves for long. What travels by value is a copy, also of the
 * globals that it uses, as they are now. */
static bool goes_by_name(struct py_state *st, PyObject *function) {
    if (is_typed(st, function) || !(PyFunction_Check(function) || PyCFunction_Check(function))) return false;
    PyObject *found = find_by_name(st, function);
    Py_XDECREF(found);
    return found == function;
}

/* Ends the job when its last task has, and nobody makes another. */
static void retire(struct py_job *job) {
    job->retired = true;
    if (job->encoding > 0) return; /* who encodes calls again */
    py_job_close(job, false);
    if (job->futures == NULL || PyDict_GET_SIZE(job->futures) == 0) py_job_remove(job);
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
    if (((flags & PY_POOL_NOBODY) != 0 || job->futures != NULL) && py_job_define(job, function) >= 0) return job;
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
    bool kept = goes_by_name(st, function);
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
