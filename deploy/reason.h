/* deploy/reason.h: why a job cannot start or has to end: one line for people and the exit status.
 *
 * Functions of this room that can fail for a reason the user has to hear take a `struct deploy_reason` to fill in and
 * return deploy_reason_set(...). The one who started the operation prints it, once, as "chariot: <text>". */
#ifndef CHARIOT_DEPLOY_REASON_H
#define CHARIOT_DEPLOY_REASON_H

/* Exit statuses of the launcher itself, beside the job's own. 126 and 127 are the shells' numbers, 124 is timeout(1)'s,
 * 70 to 74 are those of sysexits.h. */
enum deploy_status {
    DEPLOY_STATUS_USAGE = 2,
    DEPLOY_STATUS_PES = 70,         /* PEs that break the rules of a job: no farewell, no end after it, garbage */
    DEPLOY_STATUS_OS = 71,          /* no process, memory, directory or descriptor to be had */
    DEPLOY_STATUS_OUTPUT = 74,      /* our own output cannot be written */
    DEPLOY_STATUS_TIMEOUT = 124,    /* --timeout is over */
    DEPLOY_STATUS_CANNOT_RUN = 126, /* the program is there, but cannot be read or executed */
    DEPLOY_STATUS_NOT_FOUND = 127,
    DEPLOY_STATUS_SIGNAL = 128, /* plus the number of the signal */
};

struct deploy_reason {
    int status;
    char text[1024]; /* without "chariot: " and newline */
};

/* Fills in *reason. Returns CHARIOT_EABORTED, for `return deploy_reason_set(...)`. */
__attribute__((format(printf, 3, 4))) int deploy_reason_set(struct deploy_reason *reason, int status,
                                                            const char *format, ...);
/* Prints "chariot: <text>" and a newline in one write to standard error, where no job is running yet. */
void deploy_reason_print(const struct deploy_reason *reason);

#endif
