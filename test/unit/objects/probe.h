/* test/unit/objects/probe.h: a chare type whose every call is written down, on a small world that has started. Tests
 * call the public API on any PE, say probe_settle(), and look at what was called. One world at a time. */
#ifndef CHARIOT_TEST_UNIT_OBJECTS_PROBE_H
#define CHARIOT_TEST_UNIT_OBJECTS_PROBE_H

#include "test/scenarios/values.h"
#include "test/scenarios/world.h"

enum { PROBE_HEAR, PROBE_SAY, PROBE_FAIL, PROBE_LATER, PROBE_NUM_METHODS, PROBE_MAX_CALLS = 4096 };

struct probe_call {
    uint32_t pe;
    uint32_t method;
    int64_t index; /* in the first dimension */
    int64_t arg;   /* the first argument, if it is an int; else -1 */
};

/* What the tests of this file share; emptied by probe_open(). */
struct probe {
    struct world world;
    uint32_t type;
    struct probe_call calls[PROBE_MAX_CALLS];
    size_t num_calls;
    size_t num_created, num_destroyed;
    struct chariot_reply later; /* of the last call of PROBE_LATER */
    /* Run inside the constructor and the methods, after the call was written down. May be NULL. */
    int (*on_create)(struct chariot_pe *pe, struct chariot_elem *elem, struct chariot_msg *args);
    int (*on_call)(struct chariot_call *call);
    void (*on_destroy)(struct chariot_pe *pe);
};
extern struct probe probe;

/* PROBE_HEAR returns null, PROBE_SAY its index times 10, PROBE_FAIL fails, PROBE_LATER replies later. */
void probe_open(uint32_t num_pes);
struct chariot_pe *probe_pe(uint32_t pe);
void probe_settle(void);
void probe_close(void);

/* What PE `pe` creates. */
struct chariot_ref probe_single(uint32_t pe, int64_t on_pe);
struct chariot_ref probe_group(uint32_t pe);
struct chariot_ref probe_array(uint32_t pe, int64_t size); /* one dimension */
struct chariot_ref probe_sparse(uint32_t pe);              /* one dimension, empty */
struct chariot_ref probe_elem(const struct chariot_ref *ref, int64_t index);
/* Sends PROBE_HEAR with one int. */
void probe_hear(uint32_t pe, const struct chariot_ref *ref, int64_t arg);
/* Sends and waits: the future is ready when this returns. The caller owns it. */
struct chariot_future *probe_ask(uint32_t pe, const struct chariot_ref *ref, uint32_t method, enum chariot_want want);
/* Calls of this index (any: -1) with this argument. */
size_t probe_count(int64_t index, int64_t arg);

#endif
