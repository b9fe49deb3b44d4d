/* charm.pool: its methods, and what they refuse. */
#include <string.h>

#include "python/errors.h"
#include "python/future.h"
#include "python/number.h"
#include "python/pool_job.h"
#include "python/task.h"

enum { UNDER_WAY_LEAST = 4096, UNDER_WAY_PER_PE = 512 }; /* items of a map() that is fed as it is done */

/* What map() and its kin were given. */
struct request {
    const char *method; /* its name */
    PyObject *function; /* NULL: the elements are pairs */
    PyObject *iterable;
    int64_t chunk, cores;
    bool multi, progress;
};

/* ---------------------------------------------------------------- arguments */

static int check_function(const char *method, PyObject *function) {
    if (function == NULL || PyCallable_Check(function)) return 0;
    PyErr_Format(PyExc_TypeError, "charm.pool.%s(): func must be callable, not %s", method, Py_TYPE(function)->tp_name);
    return -1;
}

static int read_number(const struct request *request, PyObject *object, const char *name, int64_t low, int64_t *out) {
    char what[64];
    PyOS_snprintf(what, sizeof what, "charm.pool.%s(): %s", request->method, name);
    return py_integer_read(object, what, low, INT64_MAX, out);
}

static int read_sizes(struct py_state *st, struct request *request, PyObject *chunk, PyObject *cores) {
    int64_t num_pes = chariot_num_pes(st->pe);
    if (read_number(request, chunk, "chunksize", 1, &request->chunk) != 0) return -1;
    if (read_number(request, cores, "ncores", INT64_MIN, &request->cores) != 0) return -1;
    if (request->cores == 0) {
        PyErr_Format(PyExc_ValueError, "charm.pool.%s(): ncores must be at least 1, or negative for all PEs, not 0",
                     request->method);
        return -1;
    }
    if (request->cores > num_pes) {
        PySys_FormatStderr("WARNING: charm.pool: ncores=%lld is more than there are: using all %lld PEs\n",
                           (long long)request->cores, (long long)num_pes);
    }
    if (request->cores < 0 || request->cores > num_pes) request->cores = num_pes;
    return 0;
}

static int note_nested(PyObject *nested) {
    if (nested == NULL) return 0;
    return PyErr_WarnEx(PyExc_DeprecationWarning, "allow_nested has no effect: tasks may always create tasks", 1);
}

/* names: function (unless pairs), iterable, chunksize, ncores, then `last`, then allow_nested. */
static int parse(struct py_state *st, PyObject *args, PyObject *kwargs, bool pairs, const char *last,
                 const char *format, struct request *request) {
    char *names[] = {"func", "iterable", "chunksize", "ncores", (char *)(uintptr_t)last, "allow_nested", NULL};
    PyObject *nested = NULL, *chunk = NULL, *cores = NULL;
    int flag = 0;
    *request = (struct request){.method = strchr(format, ':') + 1, .chunk = 1, .cores = -1};
    int parsed = pairs ? PyArg_ParseTupleAndKeywords(args, kwargs, format, names + 1, &request->iterable, &chunk,
                                                     &cores, &flag, &nested)
                       : PyArg_ParseTupleAndKeywords(args, kwargs, format, names, &request->function,
                                                     &request->iterable, &chunk, &cores, &flag, &nested);
    if (!parsed || py_state_running(st) == NULL || check_function(request->method, request->function) != 0) return -1;
    request->multi = request->progress = flag != 0;
    return read_sizes(st, request, chunk, cores) != 0 ? -1 : note_nested(nested);
}

/* New reference. */
static PyObject *iterator_of(const struct request *request) {
    char what[64];
    PyObject *iterator = PyObject_GetIter(request->iterable);
    if (iterator != NULL) return iterator;
    PyOS_snprintf(what, sizeof what, "charm.pool.%s(): iterable", request->method);
    if (Py_TYPE(request->iterable)->tp_iter == NULL) py_type_blame(request->iterable, what, "iterable");
    return NULL;
}

/* ---------------------------------------------------------------- jobs */

static PyObject *make_progress(void) {
    PyObject *module = PyImport_ImportModule("chariot._progress");
    PyObject *progress = module == NULL ? NULL : PyObject_CallMethod(module, "Progress", NULL);
    Py_XDECREF(module);
    return progress;
}

static int prepare(struct py_job *job, const struct request *request) {
    if (request->multi) {
        job->futures = PyList_New(0);
        job->handed = PyList_New(0);
    } else {
        job->future = py_future_new(job->st, 1);
        job->results = PyList_New(0);
    }
    bool complete =
        request->multi ? job->futures != NULL && job->handed != NULL : job->future != NULL && job->results != NULL;
    if (!complete) return -1;
    if (!request->progress || request->multi) return 0;
    Py_ssize_t size = PyObject_LengthHint(request->iterable, -1);
    if (size < 0) PyErr_Clear();
    job->total = size < 0 ? NULL : PyLong_FromSsize_t(size);
    job->progress = make_progress();
    return job->progress == NULL ? -1 : 0;
}

static struct py_job *open_job(struct py_state *st, const struct request *request) {
    unsigned flags = request->function == NULL ? PY_POOL_PAIRS : 0;
    struct py_job *job = py_job_new(st, flags, (uint32_t)request->cores, (Py_ssize_t)request->chunk);
    if (job == NULL || prepare(job, request) == 0) return job;
    py_job_drop(job);
    return NULL;
}

/* All at once. The future, or the list of futures; new reference. */
static PyObject *run_async(struct py_state *st, const struct request *request) {
    PyObject *iterator = iterator_of(request);
    struct py_job *job = iterator == NULL ? NULL : open_job(st, request);
    PyObject *result = job == NULL ? NULL : Py_NewRef(request->multi ? job->handed : job->future);
    if (job != NULL && py_job_feed(st, job->bag, request->function, iterator) < 0) Py_CLEAR(result);
    Py_XDECREF(iterator);
    return result;
}

/* Waits until there is room for more. -1 with an exception set. */
static int wait_for_room(struct py_state *st, uint64_t bag) {
    struct py_job *job = py_job_of(st, bag);
    if (job == NULL) return 0;
    PyObject *room = py_future_new(st, 1);
    if (room == NULL) return -1;
    Py_XSETREF(job->room, Py_NewRef(room));
    int rc = py_future_await(room, -1);
    Py_DECREF(room);
    return rc;
}

/* Bit by bit, as it is done. -1 with an exception set. */
static int feed(struct py_state *st, uint64_t bag, PyObject *function, PyObject *iterator) {
    int rc;
    while ((rc = py_job_feed(st, bag, function, iterator)) == 1)
        if (wait_for_room(st, bag) != 0) return -1;
    return rc;
}

/* How many elements may be under way. */
static Py_ssize_t most_of(const struct py_job *job) {
    Py_ssize_t items = UNDER_WAY_PER_PE * (Py_ssize_t)chariot_num_pes(job->st->pe);
    if (items < UNDER_WAY_LEAST) items = UNDER_WAY_LEAST;
    return job->chunk > PY_SSIZE_T_MAX / items ? PY_SSIZE_T_MAX : items * job->chunk;
}

/* The job's list, in a coroutine. Where that is interrupted, nobody wants what is left of the job. */
static PyObject *wait_for_all(struct py_job *job, const struct request *request, PyObject *iterator) {
    struct py_state *st = job->st;
    uint64_t bag = job->bag;
    PyObject *future = Py_NewRef(job->future), *result = NULL;
    job->most = most_of(job);
    if (feed(st, bag, request->function, iterator) == 0) result = py_future_get(future);
    Py_DECREF(future);
    job = result == NULL ? py_job_of(st, bag) : NULL;
    if (job != NULL) py_job_drop(job);
    return result;
}

/* In a coroutine. Where that cannot be suspended by a call (py_task_awaits): a future to await. */
static PyObject *run_blocking(struct py_state *st, const struct request *request) {
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    if (py_task_awaits(st)) return run_async(st, request);
    PyObject *iterator = iterator_of(request);
    struct py_job *job = iterator == NULL ? NULL : open_job(st, request);
    PyObject *result = job == NULL ? NULL : wait_for_all(job, request, iterator);
    Py_XDECREF(iterator);
    return result;
}

/* ---------------------------------------------------------------- methods */

PyDoc_STRVAR(
    map_doc,
    "map($self, /, func, iterable, chunksize=1, ncores=-1, progress=False)\n--\n\n"
    "The list of func(x) for all x of iterable, in their order, called on whichever PE is free, chunksize at\n"
    "a time, on at most ncores PEs. Suspends the coroutine; takes from iterable as work is done. An exception\n"
    "of func drops the rest and is raised here. progress: says on stderr how far it is. In an async def, and in\n"
    "a task of asyncio: a future to await.");

static PyObject *pool_map(PyObject *self, PyObject *args, PyObject *kwargs) {
    struct py_state *st = py_state_of(self);
    struct request request;
    if (parse(st, args, kwargs, false, "progress", "OO|OOpO:map", &request) != 0) return NULL;
    request.multi = false;
    return run_blocking(st, &request);
}

PyDoc_STRVAR(map_async_doc,
             "map_async($self, /, func, iterable, chunksize=1, ncores=-1, multi_future=False)\n--\n\n"
             "As map(), but returns at once: a Future of the list, or with multi_future a list of one Future for each\n"
             "element. All of iterable is taken first.");

static PyObject *pool_map_async(PyObject *self, PyObject *args, PyObject *kwargs) {
    struct py_state *st = py_state_of(self);
    struct request request;
    if (parse(st, args, kwargs, false, "multi_future", "OO|OOpO:map_async", &request) != 0) return NULL;
    request.progress = false;
    return run_async(st, &request);
}

PyDoc_STRVAR(submit_doc, "submit($self, /, iterable, chunksize=1, ncores=-1, progress=False)\n--\n\n"
                         "As map(), for pairs (function, argument): the list of the functions' values.");

static PyObject *pool_submit(PyObject *self, PyObject *args, PyObject *kwargs) {
    struct py_state *st = py_state_of(self);
    struct request request;
    if (parse(st, args, kwargs, true, "progress", "O|OOpO:submit", &request) != 0) return NULL;
    request.multi = false;
    return run_blocking(st, &request);
}

PyDoc_STRVAR(submit_async_doc, "submit_async($self, /, iterable, chunksize=1, ncores=-1, multi_future=False)\n--\n\n"
                               "As map_async(), for pairs (function, argument).");

static PyObject *pool_submit_async(PyObject *self, PyObject *args, PyObject *kwargs) {
    struct py_state *st = py_state_of(self);
    struct request request;
    if (parse(st, args, kwargs, true, "multi_future", "O|OOpO:submit_async", &request) != 0) return NULL;
    request.progress = false;
    return run_async(st, &request);
}

PyDoc_STRVAR(task_doc,
             "Task($self, /, func, args=(), ret=False, awaitable=False)\n--\n\n"
             "Calls func(*args) on whichever PE is free. Returns at once: a Future of the value with ret, of\n"
             "its end with awaitable, else None; then an exception of func ends the job.");

static PyObject *pool_task(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"func", "args", "ret", "awaitable", NULL};
    struct py_state *st = py_state_of(self);
    PyObject *function, *with = NULL;
    int ret = 0, awaitable = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|Opp:Task", names, &function, &with, &ret, &awaitable))
        return NULL;
    if (py_state_running(st) == NULL || check_function("Task", function) != 0) return NULL;
    PyObject *tuple = with == NULL ? PyTuple_New(0) : PySequence_Tuple(with);
    if (tuple == NULL) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "charm.pool.Task(): args must be a list of the function's arguments, not %s",
                         Py_TYPE(with)->tp_name);
        return NULL;
    }
    unsigned flags = ret ? 0 : awaitable ? PY_POOL_END : PY_POOL_NOBODY;
    PyObject *future = py_job_task(st, function, tuple, NULL, flags, NULL);
    Py_DECREF(tuple);
    return future;
}

/* For the executor: _call(func, args, keywords, callback). */
static PyObject *pool_call(PyObject *self, PyObject *const *args, Py_ssize_t num) {
    struct py_state *st = py_state_of(self);
    if (num != 4 || !PyTuple_CheckExact(args[1]) || !PyDict_CheckExact(args[2]) || !PyCallable_Check(args[3])) {
        return PyErr_Format(PyExc_TypeError, "_call() takes a function, a tuple, a dict and a callback");
    }
    if (py_state_running(st) == NULL || check_function("executor", args[0]) != 0) return NULL;
    return py_job_task(st, args[0], args[1], PyDict_GET_SIZE(args[2]) == 0 ? NULL : args[2], 0, args[3]);
}

/* For the executor: whether and how func is a coroutine, enum py_method_kind. */
static PyObject *pool_kind(PyObject *self, PyObject *function) {
    struct py_method seen = {0};
    int rc = py_method_inspect(py_state_of(self), &seen, function, 0);
    py_method_clear(&seen);
    return rc != 0 ? NULL : PyLong_FromLong(seen.kind);
}

PyDoc_STRVAR(executor_doc, "executor($self, /, max_workers=None)\n--\n\n"
                           "A concurrent.futures.Executor on the pool: waiting for its futures suspends a coroutine.");

static PyObject *pool_executor(PyObject *self, PyObject *args, PyObject *kwargs) {
    PyObject *module = PyImport_ImportModule("chariot._executor");
    PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "PoolExecutor");
    PyObject *executor = type == NULL ? NULL : PyObject_Call(type, args, kwargs);
    Py_XDECREF(module);
    Py_XDECREF(type);
    return executor;
}

/* ---------------------------------------------------------------- type */

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef pool_methods[] = {{"map", WITH_KEYWORDS(pool_map), map_doc},
                                     {"map_async", WITH_KEYWORDS(pool_map_async), map_async_doc},
                                     {"submit", WITH_KEYWORDS(pool_submit), submit_doc},
                                     {"submit_async", WITH_KEYWORDS(pool_submit_async), submit_async_doc},
                                     {"Task", WITH_KEYWORDS(pool_task), task_doc},
                                     {"executor", WITH_KEYWORDS(pool_executor), executor_doc},
                                     {"_call", (PyCFunction)(void (*)(void))pool_call, METH_FASTCALL, NULL},
                                     {"_kind", pool_kind, METH_O, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyType_Slot pool_slots[] = {
    {Py_tp_doc, (void *)"Calls functions on whichever PE is free."}, {Py_tp_methods, pool_methods}, {0, NULL}};
static PyType_Spec pool_spec = {.name = "chariot._core.Pool",
                                .basicsize = sizeof(PyObject),
                                .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                .slots = pool_slots};

void py_pool_serve(struct py_state *st) {
    const struct chariot_pool_ops ops = {.ctx = st,
                                         .define = py_bag_on_definition,
                                         .work = py_work_on_item,
                                         .rest = py_bag_on_rest,
                                         .forget = py_bag_on_forget,
                                         .answer = py_job_on_answer};
    chariot_pool_serve(st->pe, &ops);
}

int py_pool_init(struct py_state *st, PyObject *module) {
    struct py_pool *pool = &st->pool;
    pool->jobs = PyDict_New();
    pool->tasks = PyDict_New();
    pool->bags = PyDict_New();
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &pool_spec, NULL);
    PyObject *self = type == NULL ? NULL : type->tp_alloc(type, 0);
    int rc = pool->jobs == NULL || pool->tasks == NULL || pool->bags == NULL || self == NULL ? -1 : 0;
    if (rc == 0) rc = PyModule_AddObjectRef(module, "Pool", (PyObject *)type);
    if (rc == 0) rc = PyObject_SetAttrString(st->charm, "pool", self);
    Py_XDECREF(type);
    Py_XDECREF(self);
    return rc;
}
