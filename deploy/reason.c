/* deploy/reason.c: see reason.h. */
#include "deploy/reason.h"

#include <stdarg.h>
#include <stdio.h>

#include "rpc/error.h"

int deploy_reason_set(struct deploy_reason *reason, int status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(reason->text, sizeof reason->text, format, args);
    va_end(args);
    reason->status = status;
    return CHARIOT_EABORTED;
}

void deploy_reason_print(const struct deploy_reason *reason) {
    fprintf(stderr, "chariot: %s\n", reason->text);
}
