/* python/errors.h: exceptions on their way out: to the caller, to the end of the job, to the operating system.
 *
 * An exception that a remote method raises goes, encoded, to whoever waits for its result. One that nobody waits for
 * ends the job with its traceback, headed by the PE and the method. SystemExit ends the job with its code. */
#ifndef CHARIOT_PYTHON_ERRORS_H
#define CHARIOT_PYTHON_ERRORS_H

#include "python/state.h"

/* Makes Charm4PyError and NotThreadedError. */
int py_errors_init(struct py_state *st, PyObject *module);

/* The exception that is set, normalised, with its traceback in it; the error indicator is cleared. New reference. */
PyObject *py_error_fetch(void);
/* Raises exc (borrowed), which may have been raised before. Returns NULL. */
PyObject *py_error_raise(PyObject *exc);

/* Ends the job with exc's traceback, or, in an interactive session, shows it there; where: "Block.step()". */
void py_error_uncaught(struct py_state *st, const char *where, PyObject *exc);
/* What to do with the exception that is set after user code failed with nobody to receive its result: SystemExit ends
 * the job with its code, all else is uncaught. Clears the error indicator. */
void py_error_end_job(struct py_state *st, const char *where);
/* True if exc is SystemExit, or KeyboardInterrupt outside of interactive sessions: the job then ends with its code, or
 * 130. */
bool py_error_exits(struct py_state *st, PyObject *exc);

/* An exit status from what programs give to exit(): None 0, an int itself, anything else printed and 1. */
int py_exit_status(PyObject *code);

/* exc as text, with the traceback, as Python prints it; remote part first. New reference, never NULL with an exception
 * of its own: at worst the type's name. NULL: out of memory. */
PyObject *py_error_text(struct py_state *st, PyObject *exc);

/* "Class.method" of a method, or "main". Static text for NULL. */
const char *py_method_label(const struct py_method *method, char *buffer, size_t size);

#endif
