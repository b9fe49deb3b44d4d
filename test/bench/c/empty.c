/* empty.c: a job that ends as soon as it has begun; run.py takes the time of the whole command. */
#include <stdio.h>

#include "objects/chariot.h"

static void on_start(struct chariot_pe *pe, void *ctx) {
    chariot_exit(pe, 0);
}

int main(void) {
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) {
        fputs(why, stderr);
        return 1;
    }
    int status = chariot_run(pe, on_start, NULL);
    chariot_close(pe);
    return status;
}
