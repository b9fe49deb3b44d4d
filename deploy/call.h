/* deploy/call.h: `chariot call`: a method of a published object, from the command line. */
#ifndef CHARIOT_DEPLOY_CALL_H
#define CHARIOT_DEPLOY_CALL_H

int deploy_call(const char *argv0, char **argv);
void deploy_call_help(void);

#endif
