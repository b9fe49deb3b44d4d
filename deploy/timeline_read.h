/* deploy/timeline_read.h: the files that PEs have written (rpc/timeline.h), read with care: a PE may have been killed
 * at any moment, or be broken. */
#ifndef CHARIOT_DEPLOY_TIMELINE_READ_H
#define CHARIOT_DEPLOY_TIMELINE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/timeline.h"

struct deploy_track {
    const uint8_t *data; /* the file, mapped; NULL: there is none */
    size_t size, at;
    uint64_t dropped;
    struct rpc_timeline_clock clock;
    const char **names; /* by number; point into the file */
    uint32_t num_names;
};

/* Without a file, or with one of no use, it is empty. */
void deploy_track_open(struct deploy_track *track, const char *run_dir, uint32_t pe);
void deploy_track_close(struct deploy_track *track);
/* From the first record on. */
void deploy_track_rewind(struct deploy_track *track);
/* The next record but names, which it keeps; NULL: there are no more. */
const struct rpc_timeline_record *deploy_track_next(struct deploy_track *track);
/* A time of a record's, by our clock. */
int64_t deploy_track_time(const struct deploy_track *track, int64_t at_ns);
const char *deploy_track_name(const struct deploy_track *track, uint32_t number); /* "?": none */

#endif
