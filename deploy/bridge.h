/* deploy/bridge.h: a descriptor here that stands for one on the other side of a relay: what can be read from it goes
 * over, what comes over is written to it. The same at both ends (agent.c, agents.c).
 *
 * A window bounds what is under way: a slow reader at one end slows the writer at the other, and nothing else. */
#ifndef CHARIOT_DEPLOY_BRIDGE_H
#define CHARIOT_DEPLOY_BRIDGE_H

#include "deploy/relay.h"

enum { DEPLOY_BRIDGE_WINDOW = 256 << 10 };

/* AgentData.stream */
enum deploy_stream_number {
    DEPLOY_STREAM_CONTROL,
    DEPLOY_STREAM_OUT,
    DEPLOY_STREAM_ERR,
    DEPLOY_STREAM_INPUT,    /* PE 0's alone */
    DEPLOY_STREAM_TIMELINE, /* files, when the PE is gone (carry.h, fetch.h) */
    DEPLOY_STREAM_RECORD,
};
enum { DEPLOY_NUM_FILES = 2 }; /* the last of them */

struct deploy_bridge {
    struct deploy_relay *relay;
    uint32_t pe, stream;
    int fd; /* owned; -1: closed */
    ev_io readable, writable;
    uint32_t ahead;  /* bytes that went over and were not taken there yet */
    bool shared;     /* the descriptor is others' too, and may block; set behind open, see there */
    bool read_ended; /* nothing more can be read */
    bool told_end;   /* the other side knows */
    bool write_ends; /* when all that came is written, it is closed */
    uint8_t *data;   /* came, to be written from `at` */
    size_t size, at;
    struct deploy_bridge *before[2], *behind[2]; /* see deploy_bridge_order() */
};

/* Takes fd, which is read too if `reads`. */
void deploy_bridge_open(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream, int fd,
                        bool reads);
/* The same for a descriptor that stays as it is: our standard input. A terminal is not read while others have it. */
void deploy_bridge_open_shared(struct deploy_bridge *bridge, struct deploy_relay *relay, uint32_t pe, uint32_t stream,
                               int fd);
/* What comes by `first` goes before what comes by `last` afterwards: what a PE prints before what it says. */
void deploy_bridge_order(struct deploy_bridge *first, struct deploy_bridge *last);
/* Looks again at what could not be read. */
void deploy_bridge_retry(struct deploy_bridge *bridge);
/* Reads what is there now, as far as the window lets it. True: all was read. */
bool deploy_bridge_drain(struct deploy_bridge *bridge);
/* From the other side. False: more than its window, or after its end. */
bool deploy_bridge_on_data(struct deploy_bridge *bridge, const Chariot__V1__AgentData *data);
bool deploy_bridge_on_taken(struct deploy_bridge *bridge, uint32_t bytes);
/* As if the other side's end had come, where it has not; what has come is written now, before all else, and then it is
 * closed. */
void deploy_bridge_end(struct deploy_bridge *bridge);
/* Nothing more is to be read of it: tells the other side, where it does not know, and closes it. */
void deploy_bridge_finish(struct deploy_bridge *bridge);
void deploy_bridge_close(struct deploy_bridge *bridge);

#endif
