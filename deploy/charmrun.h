/* deploy/charmrun.h: the launch line that users of Charm++ and Charm4py know.
 *
 *     charmrun +p4 prog.py argument ++local
 *
 * One table holds the launcher options of old. They may stand anywhere in the line; those that mean something here are
 * obeyed, the others get one line of notice. Options of the run time (+balancer …) and everything else go on to the
 * program. */
#ifndef CHARIOT_DEPLOY_CHARMRUN_H
#define CHARIOT_DEPLOY_CHARMRUN_H

#include <stdio.h>

#include "deploy/options.h"

/* True if this is the command's name. */
bool deploy_charmrun_is_name(const char *argv0);
/* Like deploy_options_parse; shortens argv in place to what is left for the program; notices go to `notices`. */
int deploy_charmrun_parse(struct deploy_options *options, char **argv, FILE *notices, struct deploy_reason *reason);
void deploy_charmrun_help(FILE *out);

#endif
