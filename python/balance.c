/* Load balancing for Python: what charm.options.lb says, balancers that programs write, charm.balance(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/lb.h"
#include "python/charm.h"
#include "python/errors.h"
#include "python/future.h"

/* ---------------------------------------------------------------- a balancer of the program's */

static PyObject *balancing(void) {
    return PyImport_ImportModule("chariot._balancing");
}

/* Objects and edges, column by column. */
struct columns {
    double *loads, *edge_bytes;
    uint32_t *pes, *sizes, *edges;
    uint8_t *migratable;
};

static int columns_make(struct columns *columns, const struct lb_stats *stats) {
    size_t objects = (size_t)stats->num_objects + 1, edges = stats->num_edges + 1;
    *columns = (struct columns){.loads = malloc(objects * sizeof(double)),
                                .edge_bytes = malloc(edges * sizeof(double)),
                                .pes = malloc(objects * sizeof(uint32_t)),
                                .sizes = malloc(objects * sizeof(uint32_t)),
                                .edges = malloc(2 * edges * sizeof(uint32_t)),
                                .migratable = malloc(objects)};
    if (columns->loads == NULL || columns->edge_bytes == NULL || columns->pes == NULL || columns->sizes == NULL ||
        columns->edges == NULL || columns->migratable == NULL)
        return -1;
    for (uint32_t i = 0; i < stats->num_objects; i++) {
        const struct lb_object *object = &stats->objects[i];
        columns->loads[i] = object->load;
        columns->pes[i] = object->pe;
        columns->sizes[i] = object->bytes;
        columns->migratable[i] = object->migratable;
    }
    for (size_t i = 0; i < stats->num_edges; i++) {
        columns->edges[2 * i] = stats->edges[i].from;
        columns->edges[2 * i + 1] = stats->edges[i].to;
        columns->edge_bytes[i] = stats->edges[i].bytes;
    }
    return 0;
}

static void columns_free(struct columns *columns) {
    free(columns->loads);
    free(columns->edge_bytes);
    free(columns->pes);
    free(columns->sizes);
    free(columns->edges);
    free(columns->migratable);
}

/* `count` entries of `each` bytes; NULL data: zeros. New reference. */
static PyObject *bytes_of(const void *data, size_t count, size_t each) {
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)(count * each));
    if (bytes != NULL && data == NULL) memset(PyBytes_AS_STRING(bytes), 0, count * each);
    return bytes;
}

/* What plan() of _balancing.py gives: bytes, or None. New reference. */
static PyObject *ask_planner(PyObject *planner, const struct lb_stats *stats, const struct columns *columns) {
    size_t objects = stats->num_objects, pes = stats->num_pes;
    PyObject *module = balancing();
    PyObject *given =
        module == NULL
            ? NULL
            : PyObject_CallMethod(
                  module, "plan", "OINNNNNNNINN", planner, stats->num_pes,
                  bytes_of(columns->loads, objects, sizeof(double)), bytes_of(columns->pes, objects, sizeof(uint32_t)),
                  bytes_of(columns->sizes, objects, sizeof(uint32_t)), bytes_of(columns->migratable, objects, 1),
                  bytes_of(stats->background, pes, sizeof(double)), bytes_of(stats->hosts, pes, sizeof(uint32_t)),
                  bytes_of(stats->coords, stats->coords == NULL ? 0 : objects * stats->dims, sizeof(double)),
                  stats->dims, bytes_of(columns->edges, 2 * stats->num_edges, sizeof(uint32_t)),
                  bytes_of(columns->edge_bytes, stats->num_edges, sizeof(double)));
    Py_XDECREF(module);
    return given;
}

/* bytes of pairs of uint32, as struct lb_move lies in memory. */
static int take_moves(PyObject *given, struct lb_plan *out) {
    size_t size = (size_t)PyBytes_GET_SIZE(given);
    out->moves = malloc(size + 1);
    if (out->moves == NULL) return CHARIOT_ENOMEM;
    memcpy(out->moves, PyBytes_AS_STRING(given), size);
    out->num_moves = size / sizeof(struct lb_move);
    return 0;
}

/* chariot_balancing.plan. What went wrong in Python has been said there. */
static int plan(void *ctx, const struct lb_stats *stats, struct lb_plan *out, char *why, size_t size) {
    struct py_state *st = ctx;
    struct columns columns;
    PyObject *given = columns_make(&columns, stats) != 0 ? PyErr_NoMemory() : ask_planner(st->planner, stats, &columns);
    columns_free(&columns);
    why[0] = 0;
    if (given == NULL) {
        py_error_end_job(st, "plan() of the balancer"); /* SystemExit, an interrupt */
        return CHARIOT_ESTATE;
    }
    int rc = PyBytes_Check(given) ? take_moves(given, out) : CHARIOT_EINVAL;
    Py_DECREF(given);
    return rc;
}

/* ---------------------------------------------------------------- what charm.options.lb says */

/* A bool; an option's value is of its kind. */
static bool is_set(PyObject *options, const char *name) {
    PyObject *value = PyObject_GetAttrString(options, name);
    Py_XDECREF(value);
    return value == Py_True;
}

static double number_of(PyObject *options, const char *name) {
    PyObject *value = PyObject_GetAttrString(options, name);
    double number = value == NULL || value == Py_None ? 0 : PyFloat_AsDouble(value);
    Py_XDECREF(value);
    return number;
}

static int set(struct py_state *st, PyObject *options, const char *text, const char *name) {
    char why[500] = "";
    const struct chariot_balancing how = {.balancer = text,
                                          .plan = name == NULL ? NULL : plan,
                                          .ctx = st,
                                          .plan_name = name,
                                          .period_s = number_of(options, "period"),
                                          .log = number_of(options, "debug") > 0,
                                          .on_demand = !is_set(options, "continuous"),
                                          .objects_only = is_set(options, "obj_only"),
                                          .no_edges = !is_set(options, "comm")};
    if (PyErr_Occurred()) return -1;
    int rc = chariot_balancing_set(st->pe, &how, why, sizeof why);
    if (rc == 0) return 0;
    if (rc == CHARIOT_EINVAL)
        PyErr_SetString(st->error, why);
    else
        py_raise_code(st, rc, "load balancing");
    return -1;
}

static int set_balancer(struct py_state *st, PyObject *options, PyObject *balancer) {
    PyObject *module = balancing(), *text, *planner, *name;
    PyObject *settled = module == NULL ? NULL : PyObject_CallMethod(module, "settle", "O", balancer);
    int rc = settled != NULL && PyArg_ParseTuple(settled, "OOO:settle", &text, &planner, &name) ? 0 : -1;
    if (rc == 0 && planner != Py_None) st->planner = Py_NewRef(planner);
    if (rc == 0)
        rc = set(st, options, text == Py_None ? NULL : PyUnicode_AsUTF8(text),
                 name == Py_None ? NULL : PyUnicode_AsUTF8(name));
    Py_XDECREF(settled);
    Py_XDECREF(module);
    return rc;
}

int py_balance_start(struct py_state *st) {
    PyObject *options = PyObject_GetAttrString(st->options, "lb");
    PyObject *balancer = options == NULL ? NULL : PyObject_GetAttrString(options, "balancer");
    int rc = -1;
    if (balancer != NULL) {
        bool off = balancer == Py_None || is_set(options, "off");
        rc = off ? set(st, options, NULL, NULL) : set_balancer(st, options, balancer);
    }
    Py_XDECREF(options);
    Py_XDECREF(balancer);
    return rc;
}

/* ---------------------------------------------------------------- charm.balance() */

PyObject *py_charm_balance(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    PyObject *future = py_future_new_for(st, PY_WAIT_BALANCE, NULL);
    if (future == NULL) return NULL;
    int rc = chariot_balance(st->pe, py_future_handle(future));
    if (rc == 0) return future;
    Py_DECREF(future);
    if (rc == CHARIOT_ESTATE)
        return PyErr_Format(st->error,
                            "charm.balance(): there is no balancer: start the job with chariot run --balancer NAME, or "
                            "set charm.options.lb.balancer before charm.start()");
    py_raise_code(st, rc, "charm.balance()");
    return NULL;
}

PyObject *py_balancer_names(PyObject *module, PyObject *ignored) {
    PyObject *names = PyList_New(0);
    for (size_t i = 0; names != NULL && chariot_balancer_name(i) != NULL; i++) {
        PyObject *name = PyUnicode_FromString(chariot_balancer_name(i));
        if (name == NULL || PyList_Append(names, name) != 0) Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}
