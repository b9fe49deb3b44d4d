/* deploy/rendezvous.h: how the members of an engine's job find their head, and the secret that shows who belongs to it:
 * one ops table per kind.
 *
 *   given  both were said: --head HOST:PORT, and --secret-file or --tls-dir
 *   pmix   under mpirun: the engine's key space has both (pmix.c)
 *   munge  under Slurm: the head is on the step's first host; its key comes to who dials in, sealed for this user
 *   etcd   members register in an etcd, under leases; the head says there where it is; --secret-file or --tls-dir
 *
 * All functions are called on the loop's thread and, but for unseal, none waits: answers come through the handler,
 * never inside a call. */
#ifndef CHARIOT_DEPLOY_RENDEZVOUS_H
#define CHARIOT_DEPLOY_RENDEZVOUS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/members.h"
#include "deploy/reason.h"

enum { DEPLOY_GREETING_MAX = 4096 };

struct deploy_rendezvous_handler {
    /* This process is that member (any_number). Before on_head. */
    void (*on_member)(void *context, uint32_t member);
    /* The head's door is there: "HOST:PORT". May come again, with a new one. Not at the head. */
    void (*on_head)(void *context, const char *address);
    /* At the head: that member is lost, whatever its connection says; `text` is the rest of a sentence that begins with
     * its name. */
    void (*on_gone)(void *context, uint32_t member, const char *text);
    /* This process is no member, or no longer: what it has started must end. */
    void (*on_lost)(void *context, const struct deploy_reason *reason);
    void *context;
};

struct deploy_rendezvous_ops {
    const char *name;
    bool gives_numbers; /* to members that have none */
    /* First. Borrows self and handler until close; what stands in *handler may change. Gives *state. A member that is
     * not the head begins to look for it. CHARIOT_EABORTED with *reason. */
    int (*open)(struct ev_loop *loop, const struct deploy_membership *self,
                const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason);
    /* At the head: its door is open at that port of this host. CHARIOT_EABORTED with *reason. NULL: all know. */
    int (*announce)(void *state, uint16_t port, struct deploy_reason *reason);
    /* The key that all members get from it, 32 bytes, borrowed until close. NULL, or gives NULL: it is in a file. */
    const uint8_t *(*key)(void *state);
    /* At the head: text that goes in clear to whoever dials in, before TLS: the key, sealed for those who may have it.
     * Borrowed until close, at most DEPLOY_GREETING_MAX bytes. NULL: none. */
    const char *(*greeting)(void *state);
    /* At others: opens that text, after which key() has it. May take as long as a command takes. CHARIOT_EABORTED with
     * *reason. */
    int (*unseal)(void *state, const char *greeting, struct deploy_reason *reason);
    /* What a member says when it dials in, and the head of its job. NULL: nothing. */
    void (*stamp)(void *state, struct deploy_stamp *stamp);
    /* At the head: whether that member, who has shown that it knows the secret, is the one of this job.
     * CHARIOT_EABORTED with *reason. NULL: it is. */
    int (*admit)(void *state, uint32_t member, const struct deploy_stamp *stamp, struct deploy_reason *reason);
    /* After everything else. */
    void (*close)(void *state);
};

/* By the first `length` bytes of `name`; NULL: none of that name. */
const struct deploy_rendezvous_ops *deploy_rendezvous_find(const char *name, size_t length);
/* For messages. */
const char *deploy_rendezvous_names(void);

extern const struct deploy_rendezvous_ops deploy_given_rendezvous;
extern const struct deploy_rendezvous_ops deploy_munge_rendezvous;
extern const struct deploy_rendezvous_ops deploy_pmix_rendezvous;
extern const struct deploy_rendezvous_ops deploy_etcd_rendezvous;

#endif
