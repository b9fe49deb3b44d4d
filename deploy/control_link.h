/* deploy/control_link.h: the launcher's end of the stream to one PE (chariot/v1/control.proto).
 *
 * Reads without ever waiting, frame by frame; what comes is remote input and is checked. Writing does not wait either
 * in effect: the two messages that a PE ever gets fit a socket's buffer many times. */
#ifndef CHARIOT_DEPLOY_CONTROL_LINK_H
#define CHARIOT_DEPLOY_CONTROL_LINK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/proto/chariot/v1/control.pb-c.h"

/* Who hears what PEs say. Called from the loop and from deploy_link_drain. */
struct deploy_link_handler {
    void (*on_message)(void *context, uint32_t pe, const Chariot__V1__ToLauncher *message);
    /* What came is no message; the link is closed. */
    void (*on_malformed)(void *context, uint32_t pe);
    /* The PE takes part in the job. Once. */
    void (*on_opened)(void *context, uint32_t pe);
    void *context;
};

struct deploy_link {
    struct ev_loop *loop;
    const struct deploy_link_handler *handler; /* borrowed until close */
    uint32_t pe;
    int fd; /* -1: closed */
    ev_io readable;
    bool opened;   /* the PE takes part in the job; a program that does not use chariot never does */
    uint8_t *data; /* bytes of a frame that is not whole yet */
    size_t size, capacity;
};

/* Takes fd. */
void deploy_link_open(struct deploy_link *link, struct ev_loop *loop, int fd, uint32_t pe,
                      const struct deploy_link_handler *handler);
void deploy_link_close(struct deploy_link *link);
int deploy_link_send_ticket(struct deploy_link *link, const Chariot__V1__Ticket *ticket);
int deploy_link_send_rendezvous(struct deploy_link *link, char *address);
int deploy_link_send_settled(struct deploy_link *link);
/* Handles all that has come by now. */
void deploy_link_drain(struct deploy_link *link);

/* For a PE's end, in a process that failed before it became a PE. */
int deploy_link_say_verdict(int fd, uint32_t pe, int status, char *text);

#endif
