/* deploy/rendezvous.h: how the members of an engine's job find their head, and the secret that shows who belongs to it:
 * one ops table per kind.
 *
 *   given  both were said: --head HOST:PORT, and --secret-file or --tls-dir
 *   munge  under Slurm: the head is on the step's first host; its key comes to who dials in, sealed for this user
 *   etcd, pmix  the engine's key space
 *
 * All functions are called on the loop's thread and none waits: answers come through the handler, never inside a call.
 */
#ifndef CHARIOT_DEPLOY_RENDEZVOUS_H
#define CHARIOT_DEPLOY_RENDEZVOUS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/members.h"
#include "deploy/reason.h"

enum { DEPLOY_KEY_BYTES = 32, DEPLOY_GREETING_MAX = 4096 };

struct deploy_rendezvous_handler {
    /* The head's door is there: "HOST:PORT". May come again, with a new one. Not at the head. */
    void (*on_head)(void *context, const char *address);
    /* This process is that member (any_number), or still is the one that it was. Before on_head. */
    void (*on_member)(void *context, uint32_t member);
    /* At the head: the member is lost, whatever its connection says. */
    void (*on_gone)(void *context, uint32_t member, const char *text);
    /* This process is no member, or no longer: what it has started must end. */
    void (*on_lost)(void *context, const struct deploy_reason *reason);
    void *context;
};

struct deploy_rendezvous_ops {
    const char *name;
    /* First. Borrows self and handler until close. Gives *state. A member that is not the head begins to look for it.
     * CHARIOT_EABORTED with *reason. */
    int (*open)(struct ev_loop *loop, const struct deploy_membership *self,
                const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason);
    /* At the head: its door is open at this port of its host. CHARIOT_EABORTED with *reason. NULL: all know already. */
    int (*announce)(void *state, uint16_t port, struct deploy_reason *reason);
    /* The key that it gives all members; NULL, or false: none yet or ever, so it is in the secret file. */
    bool (*key)(void *state, uint8_t key[DEPLOY_KEY_BYTES]);
    /* At the head: bytes that go in clear to whoever dials in, before TLS: the key, sealed for those who may have it.
     * *bytes is borrowed until close. NULL: none. */
    int (*greeting)(void *state, const char **bytes, size_t *size, struct deploy_reason *reason);
    /* At others: the key in such a greeting. May take as long as a command takes. CHARIOT_EABORTED with *reason. */
    int (*unseal)(void *state, const char *bytes, size_t size, uint8_t key[DEPLOY_KEY_BYTES],
                  struct deploy_reason *reason);
    /* After everything else. */
    void (*close)(void *state);
};

extern const struct deploy_rendezvous_ops deploy_given_rendezvous;
extern const struct deploy_rendezvous_ops deploy_munge_rendezvous;

#endif
