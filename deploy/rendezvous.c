/* deploy/rendezvous.c: see rendezvous.h. The table, and its plainest row: all was given. */
#include "deploy/rendezvous.h"

#include <stdlib.h>
#include <string.h>

#include "rpc/error.h"

static const struct deploy_rendezvous_ops *const RENDEZVOUS[] = {&deploy_given_rendezvous, &deploy_munge_rendezvous,
                                                                 &deploy_pmix_rendezvous, &deploy_etcd_rendezvous};
enum { NUM_RENDEZVOUS = sizeof RENDEZVOUS / sizeof RENDEZVOUS[0] };

const struct deploy_rendezvous_ops *deploy_rendezvous_find(const char *name, size_t length) {
    for (size_t i = 0; i < NUM_RENDEZVOUS; i++) {
        const char *own = RENDEZVOUS[i]->name;
        if (strlen(own) == length && strncmp(own, name, length) == 0) return RENDEZVOUS[i];
    }
    return NULL;
}

const char *deploy_rendezvous_names(void) {
    return "given, munge, pmix, etcd://HOST:PORT[,HOST:PORT...]/JOB";
}

/* ---------------------------------------------------------------- given */

struct given {
    struct ev_loop *loop;
    const struct deploy_membership *self;
    const struct deploy_rendezvous_handler *handler;
    ev_timer soon; /* answers never come inside a call */
};

static void on_soon(struct ev_loop *loop, ev_timer *timer, int events) {
    struct given *given = timer->data;
    (void)loop, (void)events;
    if (given->handler->on_head != NULL) given->handler->on_head(given->handler->context, given->self->head);
}

static int given_open(struct ev_loop *loop, const struct deploy_membership *self,
                      const struct deploy_rendezvous_handler *handler, void **state, struct deploy_reason *reason) {
    if (self->head[0] == '\0')
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "this is member %u of %u, but where is member 0? --head HOST:PORT, or CHARIOT_HEAD",
                                 self->member, self->members);
    if (self->secret_file == NULL && self->tls_dir == NULL)
        return deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                                 "this is member %u of %u; members show each other that they belong together by a "
                                 "secret: --secret-file FILE, or --tls-dir DIR with certificates",
                                 self->member, self->members);
    struct given *given = calloc(1, sizeof *given);
    if (given == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "%s", chariot_error_text(CHARIOT_ENOMEM));
    *given = (struct given){.loop = loop, .self = self, .handler = handler};
    ev_timer_init(&given->soon, on_soon, 0., 0.);
    given->soon.data = given;
    if (self->member != 0) ev_timer_start(loop, &given->soon);
    *state = given;
    return 0;
}

static void given_close(void *state) {
    struct given *given = state;
    ev_timer_stop(given->loop, &given->soon);
    free(given);
}

const struct deploy_rendezvous_ops deploy_given_rendezvous = {
    .name = "given",
    .open = given_open,
    .close = given_close,
};
