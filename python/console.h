/* python/console.h: what an interactive session needs of C: work from other threads, a line editor on a terminal that
 * is not the standard output, exceptions thrown into a coroutine that waits, and errors that do not end the job. The
 * rest is Python: chariot/_console.py. */
#ifndef CHARIOT_PYTHON_CONSOLE_H
#define CHARIOT_PYTHON_CONSOLE_H

#include "python/state.h"

int py_console_init(struct py_state *st, PyObject *module);
/* In an interactive session: hands the text of an error that nobody receives to the session. False: there is none. */
bool py_console_report(struct py_state *st, PyObject *text);

#endif
