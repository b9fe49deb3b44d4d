/* rpc/etcd/watch.h: what happens to the keys below a prefix.
 *
 *   list -> (told all that is there) -> stream -> (told each change) -> it ended, or its member does not answer -> list
 *
 * So what the handler knows is right again after each list, whatever was missed. One watch per client; it follows the
 * client from one member of etcd to the next. */
#ifndef CHARIOT_RPC_ETCD_WATCH_H
#define CHARIOT_RPC_ETCD_WATCH_H

#include "rpc/etcd/client.h"
#include "rpc/proto/etcd/v3/etcd.pb-c.h"

struct etcd_watch_handler {
    /* All keys there are. */
    void (*on_list)(void *context, const Etcd__V3__RangeResponse *list);
    void (*on_event)(void *context, const Etcd__V3__Event *event);
    /* It cannot be watched: why, for people. The watch is over. */
    void (*on_refused)(void *context, const char *text);
    void *context;
};

/* Borrows prefix and handler until close. CHARIOT_ENOMEM. */
int etcd_watch_open(struct etcd_client *client, const char *prefix, const struct etcd_watch_handler *handler);
/* Called by etcd_client_close(). Freed when its operations have ended. */
void etcd_watch_close(struct etcd_watch *watch);
/* The client has gone to another member. */
void etcd_watch_move(struct etcd_watch *watch);

/* The end of the range of all keys that begin with prefix (which ends in an ordinary character). Released by free(). */
char *etcd_prefix_end(const char *prefix);

#endif
