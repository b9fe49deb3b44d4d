/* deploy/terminal.h: our standard input as a terminal that stands for PE 0's on another host: it hands keys on as they
 * are, since that one edits and echoes; Ctrl-C, Ctrl-\ and Ctrl-Z remain signals to us. Only while it is ours: a job in
 * the background leaves it alone. */
#ifndef CHARIOT_DEPLOY_TERMINAL_H
#define CHARIOT_DEPLOY_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

struct deploy_terminal {
    bool taken;
    bool passes_interrupt; /* Ctrl-C is a key like others */
    struct termios before;
};

/* No effect where it is taken already, or not ours now. */
void deploy_terminal_take(struct deploy_terminal *terminal);
void deploy_terminal_pass_interrupt(struct deploy_terminal *terminal);
/* As it was before. */
void deploy_terminal_give_back(struct deploy_terminal *terminal);
/* False: it is none. */
bool deploy_terminal_size(uint32_t *rows, uint32_t *columns);

#endif
