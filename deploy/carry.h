/* deploy/carry.h: files that PEs leave in an agent's run directory and that go to the launcher (fetch.h): each when its
 * PE is gone, one after another, so that what is under way does not grow with the number of PEs. */
#ifndef CHARIOT_DEPLOY_CARRY_H
#define CHARIOT_DEPLOY_CARRY_H

#include "deploy/bridge.h"

struct deploy_carry {
    struct deploy_relay *relay;
    const char *run_dir; /* borrowed until deinit */
    bool wanted[DEPLOY_NUM_FILES];
    uint32_t *pes;            /* those that are gone, in that order; room for all */
    uint32_t count, at, file; /* file `file` of pes[at] is under way, or the next one */
    struct deploy_bridge bridge;
};

/* `timeline`, `record`: whether PEs write one. CHARIOT_ENOMEM. */
int deploy_carry_init(struct deploy_carry *carry, struct deploy_relay *relay, const char *run_dir, uint32_t num_pes,
                      bool timeline, bool record);
void deploy_carry_deinit(struct deploy_carry *carry);
/* The name that PEs are given for their records. */
void deploy_carry_record_name(const char *run_dir, char *name, size_t size);
/* Its files are whole now. */
void deploy_carry_add(struct deploy_carry *carry, uint32_t pe);
/* The launcher has taken some. False: of what was not sent. */
bool deploy_carry_on_taken(struct deploy_carry *carry, const Chariot__V1__AgentTaken *taken);

#endif
