/* charm.publish(), charm.unpublish(), charm.serve(): the job as foreign programs see it. */
#include <stdlib.h>

#include "python/charm.h"
#include "python/errors.h"
#include "python/future.h"
#include "python/proxy.h"

/* The future is given, or what went wrong raised. Takes it. */
static PyObject *asked(struct py_state *st, PyObject *future, int rc, const char *call, PyObject *name) {
    if (rc == 0) return future;
    Py_DECREF(future);
    if (rc == CHARIOT_EINVAL)
        return PyErr_Format(PyExc_ValueError, "%s: a name has 1 to 255 letters, digits and any of _-./: , not %R", call,
                            name);
    py_raise_code(st, rc, call);
    return NULL;
}

PyObject *py_charm_publish(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"name", "proxy", NULL};
    struct py_state *st = py_state_of(self);
    PyObject *name, *proxy;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UO:publish", names, &name, &proxy)) return NULL;
    if (!py_proxy_check(st, proxy))
        return PyErr_Format(PyExc_TypeError, "charm.publish(): a proxy of a chare or a collection is published, not %s",
                            Py_TYPE(proxy)->tp_name);
    if (py_state_running(st) == NULL) return NULL;
    const char *text = PyUnicode_AsUTF8(name);
    PyObject *future = text == NULL ? NULL : py_future_new(st, 1);
    if (future == NULL) return NULL;
    return asked(st, future,
                 chariot_publish(st->pe, text, &((struct py_proxy *)(void *)proxy)->ref, py_future_handle(future)),
                 "charm.publish()", name);
}

PyObject *py_charm_unpublish(PyObject *self, PyObject *name) {
    struct py_state *st = py_state_of(self);
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    if (text == NULL)
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "charm.unpublish(): a name is a str");
    if (py_state_running(st) == NULL) return NULL;
    PyObject *future = py_future_new(st, 1);
    if (future == NULL) return NULL;
    return asked(st, future, chariot_unpublish(st->pe, text, py_future_handle(future)), "charm.unpublish()", name);
}

const char py_charm_serve_doc[] = PyDoc_STR(
    "serve($self, /, address, *, clients=None, certificate=None, key=None, authority=None, anyone=False, traces=False, "
    "max_message_bytes=0, max_calls=0, max_rate=0)\n--\n\n"
    "Lets foreign programs call published objects over gRPC (chariot/v1/object_service.proto) at this PE, and returns "
    "the address\nthat it listens on. address: 'HOST:PORT', '[ADDRESS]:PORT' or 'unix:/path'; port 0: one that is "
    "free. "
    "clients: file of\nclients, their tokens and what they may call. certificate, key: files (PEM) of the service; "
    "authority: clients must show a\ncertificate of it. anyone=True: whoever is on this host may call. traces: clients "
    "see tracebacks. The rest bounds one client:\nbytes of a request (0: 16 MiB), calls at a time and per second (0: "
    "no "
    "bound).");

PyObject *py_charm_serve(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"address", "clients",           "certificate", "key",      "authority", "anyone",
                            "traces",  "max_message_bytes", "max_calls",   "max_rate", NULL};
    struct py_state *st = py_state_of(self);
    struct chariot_serve how = {0};
    int anyone = 0, traces = 0;
    char why[500] = "", *address;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$zzzzppIII:serve", names, &how.address, &how.clients,
                                     &how.certificate, &how.key, &how.authority, &anyone, &traces, &how.message_bytes,
                                     &how.calls, &how.rate))
        return NULL;
    if (py_state_running(st) == NULL) return NULL;
    how.anyone = anyone != 0;
    how.shows_traces = traces != 0;
    int rc = chariot_serve_start(st->pe, &how, &address, why, sizeof why);
    if (rc == CHARIOT_EEXIST) return PyErr_Format(st->error, "charm.serve(): this PE serves already");
    if (rc != 0) return PyErr_Format(rc == CHARIOT_EINVAL ? PyExc_ValueError : PyExc_OSError, "charm.serve(): %s", why);
    PyObject *text = PyUnicode_FromString(address);
    free(address);
    return text;
}

PyObject *py_charm_stop_serving(PyObject *self, PyObject *ignored) {
    struct py_state *st = py_state_of(self);
    if (py_state_running(st) == NULL) return NULL;
    chariot_serve_stop(st->pe);
    Py_RETURN_NONE;
}
