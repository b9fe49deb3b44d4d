/* Quiescence and the hang report for Python: charm.startQD(), charm.waitQD(), and what waits on this PE. */
#include <stdio.h>

#include "python/chare.h"
#include "python/charm.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/pending.h"
#include "python/task.h"

/* ---------------------------------------------------------------- quiescence */

PyObject *py_charm_start_qd(PyObject *self, PyObject *callback) {
    struct py_state *st = py_state_of(self);
    struct chariot_target target;
    if (py_state_running(st) == NULL || py_target_read(st, callback, &target) != 0) return NULL;
    int rc = chariot_quiet_start(st->pe, &target);
    if (rc == 0) Py_RETURN_NONE;
    py_raise_code(st, rc, "startQD()");
    return NULL;
}

PyObject *py_charm_wait_qd(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    if (st->current == NULL) {
        py_task_not_threaded(st);
        return NULL;
    }
    PyObject *future = py_future_new_for(st, PY_WAIT_QUIESCENCE, NULL);
    if (future == NULL) return NULL;
    struct chariot_target target = {.kind = CHARIOT_TO_FUTURE, .future = py_future_id(future)};
    int rc = chariot_quiet_start(st->pe, &target);
    PyObject *done = NULL;
    if (rc != 0)
        py_raise_code(st, rc, "waitQD()");
    else if (py_task_awaits(st))
        return future; /* an async def awaits it */
    else
        done = py_future_get(future);
    Py_DECREF(future);
    return done;
}

/* ---------------------------------------------------------------- what is waited for */

enum { WHAT_BYTES = 300, MEMBERS_SHOWN = 3 };

/* "%.200s" of object's text in front of `before`. */
static void put_text(char *text, size_t size, const char *before, PyObject *object, PyObject *(*text_of)(PyObject *)) {
    PyObject *shown = object == NULL ? NULL : text_of(object);
    const char *utf8 = shown == NULL ? NULL : PyUnicode_AsUTF8(shown);
    snprintf(text, size, "%s%.200s", before, utf8 == NULL ? "?" : utf8);
    PyErr_Clear();
    Py_XDECREF(shown);
}

static void describe(struct py_state *st, PyObject *object, char *text, size_t size);

/* Something that can be waited for, or what it is about. */
static void describe_member(struct py_state *st, PyObject *member, char *text, size_t size) {
    if (py_awaitable_ops_of(st, member) != NULL)
        describe(st, member, text, size);
    else
        put_text(text, size, "", member, PyObject_Repr);
}

/* list: of what charm.wait(), iwait() or awaitCreation() still waits for. */
static void describe_members(struct py_state *st, PyObject *list, char *text, size_t size) {
    Py_ssize_t count = list != NULL && PyList_Check(list) ? PyList_GET_SIZE(list) : 0;
    size_t used = count == 1 ? 0 : (size_t)snprintf(text, size, "%zd things: ", count);
    for (Py_ssize_t i = 0; i < count && i < MEMBERS_SHOWN && used < size; i++) {
        char member[WHAT_BYTES];
        describe_member(st, PyList_GET_ITEM(list, i), member, sizeof member);
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "%s" : "; %s", member);
    }
    if (count > MEMBERS_SHOWN && used < size) snprintf(text + used, size - used, "; ...");
}

static void describe_future(struct py_state *st, PyObject *about, char *text, size_t size) {
    if (about != NULL && py_future_check(st, about))
        chariot_future_describe(py_future_handle(about), text, size);
    else
        snprintf(text, size, "a future");
}

static void describe(struct py_state *st, PyObject *object, char *text, size_t size) {
    PyObject *about = NULL;
    size_t used;
    const struct py_awaitable_ops *ops = py_awaitable_ops_of(st, object);
    enum py_wait_kind kind = ops == NULL ? PY_WAIT_SLEEP : ops->reason(object, &about);
    switch (kind) {
    case PY_WAIT_FUTURE:
        describe_future(st, about, text, size);
        break;
    case PY_WAIT_CHANNEL:
        put_text(text, size, "", about, PyObject_Repr);
        break;
    case PY_WAIT_CONDITION:
        put_text(text, size, "the condition ", about, PyObject_Repr);
        break;
    case PY_WAIT_ANY:
        describe_members(st, about, text, size);
        break;
    case PY_WAIT_CREATION:
        used = (size_t)snprintf(text, size, "the creation of ");
        if (about != NULL && PyList_Check(about))
            describe_members(st, about, text + used, size - used);
        else
            put_text(text + used, size - used, "", about, PyObject_Repr);
        break;
    case PY_WAIT_SECTION:
        put_text(text, size, "sections of ", about, PyObject_Repr);
        break;
    case PY_WAIT_BALANCE:
        snprintf(text, size, "a step of load balancing");
        break;
    case PY_WAIT_QUIESCENCE:
        snprintf(text, size, "quiescence");
        break;
    default:
        snprintf(text, size, "what only it knows");
    }
    Py_XDECREF(about);
}

/* ---------------------------------------------------------------- who waits, where */

void py_hang_index(const struct chariot_elem *elem, char *text, size_t size) {
    struct chariot_ref ref = {0};
    struct chariot_index at;
    text[0] = 0;
    if (elem != NULL) chariot_elem_ref(elem, &ref);
    if (ref.kind != CHARIOT_GROUP && ref.kind != CHARIOT_ARRAY_OF) return;
    chariot_ref_index(&ref, &at);
    size_t used = 0;
    for (uint32_t i = 0; i < at.ndims && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "[%lld" : ", %lld", (long long)at.at[i]);
    }
    if (used < size) snprintf(text + used, size - used, "]");
}

static PyObject *call_hang(const char *name, PyObject *arg) {
    PyObject *module = PyImport_ImportModule("chariot._hang");
    PyObject *function = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    PyObject *result = function == NULL ? NULL : PyObject_CallFunctionObjArgs(function, arg, NULL);
    Py_XDECREF(module);
    Py_XDECREF(function);
    return result;
}

void py_hang_describe_wait(const struct py_task *task, char *text, size_t size) {
    describe(task->st, task->waits_for, text, size);
}

static void report_task(struct py_task *task, struct chariot_report *report) {
    char where[400], index[100], what[WHAT_BYTES + 20], about[WHAT_BYTES], label[256];
    PyObject *line = call_hang("where", py_task_suspended(task));
    const char *utf8 = line == NULL ? NULL : PyUnicode_AsUTF8(line);
    snprintf(where, sizeof where, "%.200s, in %s", utf8 == NULL ? "?" : utf8,
             py_method_label(task->method, label, sizeof label));
    if (utf8 == NULL) PyErr_WriteUnraisable(NULL);
    Py_XDECREF(line);
    py_hang_index(task->chare == NULL ? NULL : ((struct py_chare *)(void *)task->chare)->elem, index, sizeof index);
    py_hang_describe_wait(task, about, sizeof about);
    snprintf(what, sizeof what, "waits for %s", about);
    chariot_report_add(report,
                       &(struct chariot_blocked){.waits = true, .where = where, .subject = index, .what = what});
}

struct reporting {
    struct py_state *st;
    struct chariot_report *report;
};

/* Calls of @when methods that wait at a chare. */
static void report_calls(struct chariot_elem *elem, void *ctx) {
    const struct reporting *to = ctx;
    struct py_chare *chare = py_chare_of(to->st, elem);
    struct py_pending *pending = chare == NULL ? NULL : py_chare_pending(chare);
    char index[100], where[300], what[WHAT_BYTES], label[256];
    if (pending == NULL) return;
    py_hang_index(elem, index, sizeof index);
    for (struct py_entry *entry = pending->all; entry != NULL; entry = entry->later) {
        if (entry->waits != NULL) continue; /* a coroutine, which has a line of its own */
        snprintf(where, sizeof where, "a call of %s", py_method_label(entry->method, label, sizeof label));
        put_text(what, sizeof what, "waits for its condition ", entry->queue->condition->text, PyObject_Repr);
        chariot_report_add(to->report, &(struct chariot_blocked){.where = where, .subject = index, .what = what});
    }
}

void py_hang_describe(void *ctx, struct chariot_report *report) {
    struct py_state *st = ctx;
    struct py_task *first = st->live;
    while (first != NULL && first->next != NULL) first = first->next; /* the newest stands in front */
    for (struct py_task *task = first; task != NULL; task = py_task_newer(task)) {
        if (task->waits_for != NULL) report_task(task, report);
    }
    chariot_elem_each(st->pe, report_calls, &(struct reporting){st, report});
    PyObject *alive = call_hang("alive", NULL);
    if (alive == NULL)
        PyErr_WriteUnraisable(NULL);
    else if (PyObject_IsTrue(alive) > 0)
        chariot_report_alive(report);
    Py_XDECREF(alive);
}

/* ---------------------------------------------------------------- the option */

bool py_hang_mode(PyObject *text, enum chariot_hang_mode *mode) {
    static const char *const names[] = {
        [CHARIOT_HANG_OFF] = "off", [CHARIOT_HANG_WARN] = "warn", [CHARIOT_HANG_EXIT] = "exit"};
    for (int i = CHARIOT_HANG_OFF; i <= CHARIOT_HANG_EXIT; i++) {
        if (PyUnicode_CompareWithASCIIString(text, names[i]) != 0) continue;
        *mode = (enum chariot_hang_mode)i;
        return true;
    }
    return false;
}
