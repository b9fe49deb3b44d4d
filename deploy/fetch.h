/* deploy/fetch.h: the launcher's end of carry.h: files that PEs on other hosts have written come home: timelines into
 * our run directory, with how far that host's clock is apart, records of load to where they were asked for. */
#ifndef CHARIOT_DEPLOY_FETCH_H
#define CHARIOT_DEPLOY_FETCH_H

#include "deploy/bridge.h"
#include "deploy/clock.h"
#include "deploy/reason.h"

struct deploy_fetch_pe {
    bool wanted[DEPLOY_NUM_FILES]; /* and not whole yet */
    struct deploy_bridge bridges[DEPLOY_NUM_FILES];
};

struct deploy_fetch {
    const char *run_dir, *record; /* borrowed until deinit; record NULL: none is wanted */
    bool timeline;
    struct deploy_fetch_pe *pes; /* NULL: nothing is wanted */
    uint32_t num_pes, missing;   /* files that have not come */
    uint32_t cut, cut_of;        /* those that could not be written to their end, and the first one's PE */
};

/* CHARIOT_ENOMEM. */
int deploy_fetch_init(struct deploy_fetch *fetch, const char *run_dir, bool timeline, const char *record,
                      uint32_t num_pes);
void deploy_fetch_deinit(struct deploy_fetch *fetch);
/* The PE starts: its files will come. CHARIOT_EABORTED with *reason: one cannot be written. */
int deploy_fetch_add(struct deploy_fetch *fetch, struct deploy_relay *relay, uint32_t pe, struct deploy_reason *reason);
/* False: makes no sense. */
bool deploy_fetch_on_data(struct deploy_fetch *fetch, const Chariot__V1__AgentData *data,
                          const struct deploy_clock *clock);
/* False: all that has come is written. */
bool deploy_fetch_problem(const struct deploy_fetch *fetch, struct deploy_reason *reason);
/* Nothing more comes of that PE. */
void deploy_fetch_give_up(struct deploy_fetch *fetch, uint32_t pe);

#endif
