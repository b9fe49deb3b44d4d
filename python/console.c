#include "python/console.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "python/awaitable.h"
#include "python/task.h"

/* ---------------------------------------------------------------- errors */

bool py_console_report(struct py_state *st, PyObject *text) {
    if (st->console == NULL) return false;
    PyObject *done = PyObject_CallOneArg(st->console, text);
    if (done == NULL) PyErr_WriteUnraisable(st->console);
    Py_XDECREF(done);
    return true;
}

/* _console_begin(report): this process takes part in an interactive session. Errors that nobody receives go to
 * report(text); what stands in __main__ may be this process's alone, so functions travel by value. */
static PyObject *begin(PyObject *module, PyObject *report) {
    struct py_state *st = py_state_of_module(module);
    Py_INCREF(report);
    Py_XSETREF(st->console, report);
    st->codec.by_value = true;
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- coroutines */

/* A name for the coroutine that runs now, good as long as it lives; 0: none does. */
static PyObject *task_now(PyObject *module, PyObject *ignored) {
    return PyLong_FromVoidPtr(py_state_of_module(module)->current);
}

/* NULL: it does not wait (any more); no exception but for a name that is none. */
static struct py_task *waiting_task(struct py_state *st, PyObject *name) {
    void *wanted = PyLong_AsVoidPtr(name);
    for (struct py_task *task = st->live; task != NULL && wanted != NULL; task = task->next) {
        if (task == wanted) return task->waits_for == NULL ? NULL : task;
    }
    return NULL;
}

/* _task_throw(name, exception): raises it where the coroutine waits; False: it does not. From the scheduler only. */
static PyObject *task_throw(PyObject *module, PyObject *args) {
    struct py_state *st = py_state_of_module(module);
    PyObject *name, *exc;
    if (!PyArg_ParseTuple(args, "OO:_task_throw", &name, &exc)) return NULL;
    struct py_task *task = waiting_task(st, name);
    if (PyErr_Occurred()) return NULL;
    if (!PyExceptionInstance_Check(exc)) return PyErr_Format(PyExc_TypeError, "%R is no exception", exc);
    if (task == NULL) Py_RETURN_FALSE;
    py_task_throw(task, exc);
    Py_RETURN_TRUE;
}

/* _task_waits(name): whether it waits, for something that others must do. */
static PyObject *task_waits(PyObject *module, PyObject *name) {
    struct py_task *task = waiting_task(py_state_of_module(module), name);
    if (PyErr_Occurred()) return NULL;
    if (task == NULL) Py_RETURN_FALSE;
    PyObject *about = NULL;
    enum py_wait_kind kind = py_task_reason(task, &about);
    Py_XDECREF(about);
    return PyBool_FromLong(kind != PY_WAIT_SLEEP && kind != PY_WAIT_QUIESCENCE);
}

/* ---------------------------------------------------------------- showing the prompt again */

#define ERASE_LINE "\r\033[K" /* to column 0, and clear to the end of the line */

/* Of the process, as its signal handlers and its terminal are. A SIGWINCH asks for the prompt (chariot_console_settle).
 * readline shows its line again on the thread that reads it, which sleeps in select(2): the signal ends that, and on
 * its way back Python's readline calls the hook, if there is one just then. */
static struct {
    pthread_t reader;
    FILE *terminal;     /* that it is on */
    void (*show)(void); /* rl_forced_update_display; NULL: readline has no such function */
    void (*before)(int number);
} window;

/* There may be one on the line: word of what was printed may come when the next prompt is there. */
static int show_prompt(void) {
    PyOS_InputHook = NULL; /* else the select would become a poll */
    fputs(ERASE_LINE, window.terminal);
    window.show();
    return 0;
}

static void on_window_signal(int number) {
    int saved = errno;
    if (!pthread_equal(pthread_self(), window.reader))
        pthread_kill(window.reader, number);
    else if (PyOS_InputHook == NULL)
        PyOS_InputHook = show_prompt;
    if (window.before != SIG_DFL && window.before != SIG_IGN) window.before(number);
    errno = saved;
}

/* On the thread that reads, before each line. */
static void listen_for_window_signals(FILE *terminal) {
    struct sigaction action = {.sa_handler = on_window_signal}, before;
    window.reader = pthread_self();
    window.terminal = terminal;
    if (window.show == NULL || sigaction(SIGWINCH, NULL, &before) != 0) return;
    if (before.sa_handler == on_window_signal) return;
    window.before = before.sa_handler;
    sigaction(SIGWINCH, &action, NULL);
}

/* _console_use(path): the extension module `readline`, loaded already. */
static PyObject *use_readline(PyObject *module, PyObject *path) {
    const char *name = PyUnicode_AsUTF8(path);
    if (name == NULL) return NULL;
    void *library = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    void *show = library == NULL ? NULL : dlsym(library, "rl_forced_update_display");
    memcpy(&window.show, &show, sizeof show);
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- the terminal */

/* _console_open(): a descriptor for the two calls below, or -1. From now on somebody may type something, so the job
 * does not hang. */
static PyObject *open_console(PyObject *module, PyObject *ignored) {
    struct chariot_pe *pe = py_state_running(py_state_of_module(module));
    if (pe == NULL) return NULL;
    chariot_outside_add(pe);
    return PyLong_FromLong(chariot_console_open(pe));
}

static PyObject *raise_gone(PyObject *module, int code) {
    return PyErr_Format(py_state_of_module(module)->error, "the launcher cannot be reached: %s",
                        chariot_error_text(code));
}

/* _console_settle(fd, prompt): waits until what PEs have printed is where it belongs. */
static PyObject *settle(PyObject *module, PyObject *args) {
    int fd, prompt, code;
    if (!PyArg_ParseTuple(args, "ip:_console_settle", &fd, &prompt)) return NULL;
    Py_BEGIN_ALLOW_THREADS;
    code = chariot_console_settle(fd, prompt != 0);
    Py_END_ALLOW_THREADS;
    if (code != 0) return raise_gone(module, code);
    Py_RETURN_NONE;
}

/* The terminal to write prompts to: our standard input, since the standard output is the launcher's pipe. It stays open
 * for readline, which keeps it. */
static FILE *terminal_of(struct py_state *st) {
    if (st->terminal != NULL) return st->terminal;
    int fd = dup(0);
    if (fd >= 0) st->terminal = fdopen(fd, "w");
    if (fd >= 0 && st->terminal == NULL) close(fd);
    if (st->terminal == NULL) PyErr_SetFromErrno(PyExc_OSError);
    return st->terminal;
}

/* _console_readline(prompt): one line, with its newline, from the terminal by readline, where that was imported; ""
 * at its end. From any thread; the GIL is free meanwhile. */
static PyObject *read_line(PyObject *module, PyObject *shown) {
    FILE *terminal = terminal_of(py_state_of_module(module));
    const char *text = terminal == NULL ? NULL : PyUnicode_AsUTF8(shown);
    if (text != NULL) listen_for_window_signals(terminal);
    char *line = text == NULL ? NULL : PyOS_Readline(stdin, terminal, text);
    if (line == NULL) return NULL;
    PyObject *result = PyUnicode_DecodeUTF8(line, (Py_ssize_t)strlen(line), "surrogateescape");
    PyMem_Free(line);
    return result;
}

/* ---------------------------------------------------------------- table */

static PyMethodDef functions[] = {{"_console_begin", begin, METH_O, NULL},
                                  {"_console_open", open_console, METH_NOARGS, NULL},
                                  {"_console_settle", settle, METH_VARARGS, NULL},
                                  {"_console_readline", read_line, METH_O, NULL},
                                  {"_console_use", use_readline, METH_O, NULL},
                                  {"_task_now", task_now, METH_NOARGS, NULL},
                                  {"_task_throw", task_throw, METH_VARARGS, NULL},
                                  {"_task_waits", task_waits, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};

int py_console_init(struct py_state *st, PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
