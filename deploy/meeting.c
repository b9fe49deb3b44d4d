/* deploy/meeting.c: see meeting.h. */
#include "deploy/meeting.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "rpc/error.h"

/* ---------------------------------------------------------------- a number */

struct numbering {
    struct deploy_meeting *meeting;
    struct deploy_reason *reason;
    int rc;
    bool known;
};

static void on_member(void *context, uint32_t member) {
    struct numbering *numbering = context;
    numbering->meeting->self.member = member;
    numbering->known = true;
    ev_break(numbering->meeting->loop, EVBREAK_ALL);
}

static void on_head(void *context, const char *address) {
    struct numbering *numbering = context;
    snprintf(numbering->meeting->head, sizeof numbering->meeting->head, "%s", address);
}

static void on_lost(void *context, const struct deploy_reason *reason) {
    struct numbering *numbering = context;
    *numbering->reason = *reason;
    numbering->rc = CHARIOT_EABORTED;
    ev_break(numbering->meeting->loop, EVBREAK_ALL);
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)timer, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int wait_for_number(struct deploy_meeting *meeting, struct numbering *numbering) {
    ev_timer late;
    if (!meeting->self.any_number) return 0;
    ev_timer_init(&late, on_late, meeting->self.patience_s, 0.);
    ev_timer_start(meeting->loop, &late);
    if (!numbering->known && numbering->rc == 0) ev_run(meeting->loop, 0);
    ev_timer_stop(meeting->loop, &late);
    if (numbering->rc != 0 || numbering->known) return numbering->rc;
    return deploy_reason_set(numbering->reason, DEPLOY_STATUS_PES, "no member's place was free within %g s",
                             meeting->self.patience_s);
}

/* ---------------------------------------------------------------- life */

/* Nothing has been started yet that would be left. The first process of a container dies of no signal that it has not
 * asked for. Once there is a job, or an agent, signals are its own (signals.h). */
static void on_signal(int number) {
    _exit(DEPLOY_STATUS_SIGNAL + number);
}

static void end_by_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    const struct sigaction end = {.sa_handler = on_signal};
    struct sigaction before;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &end, NULL);
    }
}

int deploy_meeting_open(struct deploy_meeting *meeting, const struct deploy_membership *self,
                        struct deploy_ready *ready, struct deploy_reason *reason) {
    struct numbering numbering = {.meeting = meeting, .reason = reason};
    *meeting = (struct deploy_meeting){.self = *self, .ready = ready};
    signal(SIGPIPE, SIG_IGN);
    end_by_signals();
    meeting->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    if (meeting->loop == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "no event loop to be had");
    meeting->handler = (struct deploy_rendezvous_handler){
        .on_member = on_member, .on_head = on_head, .on_lost = on_lost, .context = &numbering};
    int rc = self->rendezvous->open(meeting->loop, &meeting->self, &meeting->handler, &meeting->rendezvous, reason);
    if (rc == 0) rc = wait_for_number(meeting, &numbering);
    meeting->handler = (struct deploy_rendezvous_handler){0};
    if (rc != 0) deploy_meeting_close(meeting);
    return rc;
}

void deploy_meeting_leave(struct deploy_meeting *meeting) {
    if (meeting->rendezvous != NULL) meeting->self.rendezvous->close(meeting->rendezvous);
    meeting->rendezvous = NULL;
}

void deploy_meeting_stamp(struct deploy_meeting *meeting) {
    const struct deploy_rendezvous_ops *ops = meeting->self.rendezvous;
    if (ops->stamp != NULL) ops->stamp(meeting->rendezvous, &meeting->self.stamp);
}

void deploy_meeting_close(struct deploy_meeting *meeting) {
    deploy_meeting_leave(meeting);
    if (meeting->loop != NULL) ev_loop_destroy(meeting->loop);
    *meeting = (struct deploy_meeting){0};
}

/* ---------------------------------------------------------------- secrets */

int deploy_meeting_tls(struct deploy_meeting *meeting, const char *peer, struct deploy_tls **tls,
                       struct deploy_reason *reason) {
    const struct deploy_membership *self = &meeting->self;
    uint8_t key[DEPLOY_TLS_KEY_BYTES];
    const uint8_t *given = self->rendezvous->key == NULL ? NULL : self->rendezvous->key(meeting->rendezvous);
    struct deploy_tls_config config = {.key = given, .directory = self->tls_dir, .identity = self->job, .peer = peer};
    int rc = 0;
    if (given == NULL && self->secret_file != NULL) {
        rc = deploy_tls_read_secret(self->secret_file, self->job, key, reason);
        config.key = key;
    }
    if (rc == 0 && config.key == NULL && config.directory == NULL)
        rc = deploy_reason_set(reason, DEPLOY_STATUS_USAGE,
                               "members show each other that they belong together by a secret: --secret-file FILE, or "
                               "--tls-dir DIR with certificates");
    if (rc == 0) rc = deploy_tls_new(tls, &config, reason);
    deploy_tls_forget(key, sizeof key);
    return rc;
}

const char *deploy_meeting_greeting(struct deploy_meeting *meeting) {
    const struct deploy_rendezvous_ops *ops = meeting->self.rendezvous;
    return ops->greeting == NULL ? NULL : ops->greeting(meeting->rendezvous);
}
