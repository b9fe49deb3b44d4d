/* deploy/timeline.h: `chariot run --trace FILE`: one file of the whole job, in the Trace Event format that
 * https://ui.perfetto.dev and chrome://tracing read, made of what each PE has written down in the run directory
 * (rpc/timeline.h).
 *
 * Opened before the job starts, so that a file that cannot be written is said at once; written when all PEs are gone,
 * however the job has ended. One track per PE. Times are microseconds since the start of the job. */
#ifndef CHARIOT_DEPLOY_TIMELINE_H
#define CHARIOT_DEPLOY_TIMELINE_H

#include <stdint.h>

#include "deploy/reason.h"

struct deploy_timeline {
    const char *path; /* borrowed */
    int fd;           /* -1: no timeline is wanted */
    int64_t started_ns;
};

/* path NULL: none is wanted. CHARIOT_EABORTED with *reason. */
int deploy_timeline_open(struct deploy_timeline *line, const char *path, struct deploy_reason *reason);
/* Writes it, once, and closes it. *dropped: events that PEs had no room for. CHARIOT_EABORTED with *reason. */
int deploy_timeline_write(struct deploy_timeline *line, const char *run_dir, uint32_t num_pes, uint64_t *dropped,
                          struct deploy_reason *reason);

#endif
