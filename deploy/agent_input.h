/* deploy/agent_input.h: PE 0's standard input at its agent: a pipe, or a terminal as large as the launcher's, over
 * which goes what the launcher is given to read, and comes back what the terminal shows. */
#ifndef CHARIOT_DEPLOY_AGENT_INPUT_H
#define CHARIOT_DEPLOY_AGENT_INPUT_H

#include "deploy/bridge.h"
#include "deploy/reason.h"

struct deploy_agent_input {
    struct deploy_bridge bridge;
    uint32_t rows, columns; /* of the terminal; 0: it is a pipe */
    int ours;               /* end of it, until open takes it; -1: none */
};

/* Before PE 0 starts. *theirs is for it; the caller closes it. CHARIOT_EABORTED with *reason. */
int deploy_agent_input_make(struct deploy_agent_input *input, int *theirs, struct deploy_reason *reason);
/* When it has started. What is typed, or shown, goes before what comes by `out` and `err`. */
void deploy_agent_input_open(struct deploy_agent_input *input, struct deploy_relay *relay, struct deploy_bridge *out,
                             struct deploy_bridge *err);
void deploy_agent_input_resize(struct deploy_agent_input *input, const Chariot__V1__AgentWindow *window);
/* PE 0 is gone: what is there now is all. */
void deploy_agent_input_finish(struct deploy_agent_input *input);
void deploy_agent_input_close(struct deploy_agent_input *input);

#endif
