/* deploy/program.h: what a PE executes, found from the word that the user typed.
 *
 * A Python program (its name ends in .py, or it is a file that cannot be executed) runs as
 *     <python> -m chariot.boot prog.py arguments…
 * "-m module" as
 *     <python> -m chariot.boot -m module arguments…
 * anything else (a C program, valgrind, perf) is executed as it is. A name without a slash is looked up in the working
 * directory first and then, unless it ends in .py, on PATH. */
#ifndef CHARIOT_DEPLOY_PROGRAM_H
#define CHARIOT_DEPLOY_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "deploy/reason.h"

struct deploy_program {
    char *path;  /* what is executed; owned */
    char **argv; /* owned vector, up to NULL; the words are borrowed from the command line, or static */
};

/* `words`: program and arguments, up to NULL, borrowed until deinit. `argv0`: how the launcher itself was called;
 * Python is $CHARIOT_PYTHON, or stands beside the launcher (not beside what a symbolic link leads to, so that a virtual
 * environment finds its own), or is the first python3 on PATH. CHARIOT_EABORTED with *reason: status 127 when there is
 * no such program, 126 when it cannot be read or is a directory. */
int deploy_program_init(struct deploy_program *program, const char *argv0, char **words, struct deploy_reason *reason);
/* The same for an interactive session: the module chariot.interactive, with these words (may be none) behind it. */
int deploy_program_init_interactive(struct deploy_program *program, const char *argv0, char **words,
                                    struct deploy_reason *reason);
/* A program of ours that is installed in the same directory: the one of the file that runs, whatever links led there.
 */
bool deploy_program_beside(const char *name, char *out, size_t size);
void deploy_program_deinit(struct deploy_program *program);

#endif
