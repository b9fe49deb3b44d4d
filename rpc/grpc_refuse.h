/* rpc/grpc_refuse.h: calls that are not let in: by the PEs' own server, and by the public service. */
#ifndef CHARIOT_RPC_GRPC_REFUSE_H
#define CHARIOT_RPC_GRPC_REFUSE_H

#include <grpc/grpc.h>

/* Ends a call of which nothing was started with a status and a text, and frees it. *outstanding counts what is done for
 * that. Without memory for it, cancels. */
void rpc_refuse_take(grpc_call *call, unsigned *outstanding, grpc_status_code status, const char *text);

#endif
