/* What a section_func says, asked on the PE where the element lives. */
#include "python/chare.h"
#include "python/class.h"
#include "python/errors.h"
#include "python/message.h"
#include "python/number.h"
#include "python/pending.h"
#include "python/section.h"

static const char WHAT[] = "charm.split(): what section_func returns";

/* One element that is being asked. */
struct asked {
    struct py_state *st;
    struct chariot_elem *elem;
    struct chariot_choice *choice;
    unsigned long num; /* of sections */
};

struct chariot_msg *py_section_rule(struct py_state *st, PyObject *function, uint32_t num) {
    struct chariot_msg *msg = NULL;
    PyObject *rule = Py_BuildValue("(Ok)", function, (unsigned long)num);
    if (rule == NULL || py_encode_msg(st, rule, &msg) != 0) msg = NULL;
    Py_XDECREF(rule);
    return msg;
}

/* ---------------------------------------------------------------- its answer */

static int too_large(const struct asked *asked, PyObject *number) {
    struct chariot_ref ref;
    chariot_elem_ref(asked->elem, &ref);
    PyObject *index = py_index_object(&ref);
    struct py_class *cls = py_class_by_id(asked->st, ref.type);
    if (index != NULL && cls != NULL) {
        PyErr_Format(PyExc_ValueError,
                     "charm.split(): section_func put element %R of %U into section %S, but numsections is %lu (they "
                     "are numbered from 0)",
                     index, cls->short_name, number, asked->num);
    }
    Py_XDECREF(index);
    return -1;
}

static int join(const struct asked *asked, PyObject *number) {
    int64_t section;
    if (py_integer_read(number, WHAT, INT64_MIN, INT64_MAX, &section) != 0) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            PyErr_Format(PyExc_TypeError, "%s must be the number of a section, or several, not %R", WHAT, number);
        return -1;
    }
    if (section < 0) return 0;
    int rc = chariot_choose(asked->choice, section);
    if (rc == CHARIOT_ERANGE) return too_large(asked, number);
    return rc == 0 ? 0 : py_raise_code(asked->st, rc, "charm.split()");
}

static int join_all(const struct asked *asked, PyObject *numbers) {
    int rc = 0;
    for (PyObject *number; rc == 0 && (number = PyIter_Next(numbers)) != NULL; Py_DECREF(number))
        rc = join(asked, number);
    return rc != 0 || PyErr_Occurred() ? -1 : 0;
}

/* A number, or what can be iterated. */
static int read_answer(const struct asked *asked, PyObject *answer) {
    if (answer == Py_None) return 0;
    PyObject *numbers = PyLong_Check(answer) ? NULL : PyObject_GetIter(answer);
    if (numbers == NULL) {
        if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
        PyErr_Clear();
        return join(asked, answer);
    }
    int rc = join_all(asked, numbers);
    Py_DECREF(numbers);
    return rc;
}

/* ---------------------------------------------------------------- asking */

/* -1 with an exception set. The function is read once on each PE, and stays on rule. */
static int ask(struct asked *asked, struct chariot_msg *rule) {
    PyObject *chare = chariot_elem_object(asked->elem), *function, *value = py_message_value(asked->st, rule);
    if (value == NULL) return -1;
    if (chare == NULL || !PyTuple_Check(value) || !PyArg_ParseTuple(value, "Ok", &function, &asked->num)) {
        Py_DECREF(value);
        py_malformed("the rule of a split");
        return -1;
    }
    Py_INCREF(chare); /* the function may destroy it */
    PyObject *answer = PyObject_CallOneArg(function, chare);
    int rc = answer == NULL ? -1 : read_answer(asked, answer);
    Py_XDECREF(answer);
    if (rc == 0) py_pending_settle((struct py_chare *)(void *)chare);
    Py_DECREF(chare);
    Py_DECREF(value);
    return rc;
}

int py_section_choose(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                      struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error) {
    struct py_class *cls = type->ctx;
    struct asked asked = {.st = cls->st, .elem = elem, .choice = choice};
    *error = NULL;
    if (ask(&asked, rule) == 0) return 0;
    PyObject *exc = py_error_fetch();
    if (!py_error_exits(cls->st, exc))
        *error = py_encode_error_msg(cls->st, exc, chariot_my_pe(pe), "section_func of charm.split");
    PyErr_Clear(); /* the runtime names the code where there is no error */
    Py_DECREF(exc);
    return CHARIOT_EUSER;
}
