#include "deploy/lab.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploy/program.h"
#include "deploy/reason.h"

static const char *const PROGRAM = "chariot-lb-lab";

int deploy_lab(const char *argv0, char **argv) {
    struct deploy_reason reason = {0};
    char path[PATH_MAX];
    size_t count = 0;
    (void)argv0;
    while (argv[count] != NULL) count++;
    char **words = malloc((count + 2) * sizeof *words);
    if (words != NULL && deploy_program_beside(PROGRAM, path, sizeof path)) {
        words[0] = path;
        memcpy(words + 1, argv, (count + 1) * sizeof *words);
        execv(path, words);
    }
    deploy_reason_set(&reason, DEPLOY_STATUS_NOT_FOUND, "%s, which stands beside this command, cannot be started: %s",
                      PROGRAM, strerror(errno));
    deploy_reason_print(&reason);
    free(words);
    return reason.status;
}

void deploy_lab_help(void) {
    deploy_lab(NULL, (char *[]){"--help", NULL});
}
