/* readonlies: values that the entry sets, before anything else runs elsewhere. The namespace itself is
 * _readonlies.py's. */
#include "python/charm.h"
#include "python/errors.h"
#include "python/message.h"

static const char WHERE[] = "readonlies";

PyObject *py_readonlies_hold(PyObject *module, PyObject *dict) {
    struct py_state *st = py_state_of_module(module);
    Py_INCREF(dict);
    Py_XSETREF(st->readonlies, dict);
    Py_RETURN_NONE;
}

void py_readonlies_start(struct py_state *st) {
    if (st->readonlies != NULL) chariot_hold(st->pe);
}

void py_readonlies_send(struct py_state *st) {
    struct chariot_msg *values = NULL;
    bool any = st->readonlies != NULL && PyDict_GET_SIZE(st->readonlies) > 0;
    if (any) values = py_message_put_value(st, st->readonlies, false);
    int rc = any && values == NULL ? -1 : chariot_release_take(st->pe, values);
    if (rc == 0) return;
    py_raise_code(st, rc, WHERE);
    py_error_end_job(st, WHERE);
}

void py_readonlies_on_release(void *ctx, struct chariot_msg *msg) {
    struct py_state *st = ctx;
    PyObject *values = py_message_value(st, msg);
    if (values != NULL && st->readonlies == NULL) Py_XDECREF(PyImport_ImportModule("chariot._readonlies"));
    bool good = values != NULL && st->readonlies != NULL && PyDict_Update(st->readonlies, values) == 0;
    Py_XDECREF(values);
    if (!good) py_error_end_job(st, WHERE);
}
