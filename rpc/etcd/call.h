/* rpc/etcd/call.h: what client.c needs of calls under way. */
#ifndef CHARIOT_RPC_ETCD_CALL_H
#define CHARIOT_RPC_ETCD_CALL_H

#include "rpc/etcd/client.h"

/* Their callbacks are not called. They end in etcd_events_close(). */
void etcd_calls_cancel(struct etcd_client *client);

#endif
