/* Ctrl-C in a job: the terminal tells the launcher, the launcher tells every PE and then the user. A PE ends without a
 * word, and without Python's traceback from wherever it happened to be. */
#include <signal.h>
#include <unistd.h>

#include "python/charm.h"

static void end_quietly(int number) {
    _exit(128 + number);
}

static int install(int number) {
    struct sigaction action = {.sa_handler = end_quietly};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) == 0 ? 0 : -1;
}

/* Whether Python's handler for SIGINT is its own default one. -1 with an exception set. */
static int is_default(void) {
    PyObject *module = PyImport_ImportModule("_signal");
    if (module == NULL) return -1;
    PyObject *handler = PyObject_CallMethod(module, "getsignal", "i", SIGINT);
    PyObject *usual = handler == NULL ? NULL : PyObject_GetAttrString(module, "default_int_handler");
    int same = usual == NULL ? -1 : handler == usual;
    Py_XDECREF(handler);
    Py_XDECREF(usual);
    Py_DECREF(module);
    return same;
}

int py_signals_install(struct py_state *st) {
    if (!st->launched) return 0;
    int python_s_own = is_default();
    if (python_s_own < 0) return -1;
    struct sigaction term;
    if (sigaction(SIGTERM, NULL, &term) == 0 && term.sa_handler == SIG_DFL) install(SIGTERM);
    if (python_s_own) install(SIGINT);
    return 0;
}
