/* How a job begins and ends: the check that all PEs agree, exit, abort. */
#include <stdio.h>
#include <string.h>

#include "objects/balance.h"
#include "objects/layout.h"
#include "objects/load.h"
#include "objects/meter.h"
#include "objects/runtime.h"

/* ---------------------------------------------------------------- start */

/* FNV-1a, over what must be the same on every PE: kinds of name and names, in order. */
static uint64_t hash_name(uint64_t hash, char kind, const char *text) {
    hash = (hash ^ (uint8_t)kind) * 0x100000001b3u;
    for (; *text != 0; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u;
}

static uint64_t hash_tables(const struct chariot_pe *pe) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < pe->num_types; i++) {
        const struct chariot_type *type = pe->types[i];
        hash = hash_name(hash, 't', type->name);
        for (uint32_t m = 0; m < type->num_methods; m++) hash = hash_name(hash, 'm', type->methods[m].name);
    }
    for (uint32_t i = 0; i < pe->num_reducers; i++) hash = hash_name(hash, 'r', pe->reducers[i]->name);
    return hash;
}

static void run_entry(struct chariot_pe *pe) {
    if (pe->entry == NULL) return;
    OBJ_METER_ROW(pe, OBJ_ROW_MAIN, RPC_TIMELINE_MAIN);
    *pe->runs = RPC_NOW_ENTRY;
    rpc_turn_lend(&pe->node.turn);
    pe->entry(pe, pe->entry_ctx);
    rpc_turn_take(&pe->node.turn);
    *pe->runs = 0;
    OBJ_METER_END(pe);
}

/* Simulated PEs may have been given one that they share. False: the job ends. */
static bool meet_hosts(struct chariot_pe *pe) {
    if (pe->layout != NULL || pe->node.hosts == NULL || pe->node.num_hosts < 2) return true;
    pe->layout = obj_layout_new(pe->node.num_pes, pe->node.hosts);
    pe->owns_layout = pe->layout != NULL;
    if (!pe->owns_layout) obj_out_of_memory(pe);
    return pe->owns_layout;
}

void obj_start(struct chariot_pe *pe) {
    uint32_t children[OBJ_TREE_RADIX];
    if (!meet_hosts(pe)) return;
    obj_runtime_start(pe);
    obj_balance_ops.start(pe);
    obj_names_start(pe);
    if (obj_load_start(pe) != 0) obj_out_of_memory(pe);
    pe->ready_waits_for = 1 + obj_tree_children(pe, pe->node.pe, 0, children);
    pe->ready_hash = hash_tables(pe);
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_READY, 0);
    if (msg == NULL) return;
    msg->target = pe->ready_hash;
    msg->method = pe->some_hold;
    obj_pe_queue_take(pe, msg);
}

void obj_start_on_ready(struct chariot_pe *pe, struct chariot_msg *msg) {
    if (msg->target != pe->ready_hash) {
        char line[256];
        snprintf(line, sizeof line,
                 "chariot: PE %u and PE %u have registered different chare types or reducers, or in another order: "
                 "every PE must run the same program\n",
                 pe->node.pe, msg->from);
        obj_end_abort(pe, 1, line);
        return;
    }
    if (msg->method != 0) pe->some_hold = true;
    if (--pe->ready_waits_for > 0) return;
    if (pe->node.pe == 0) {
        run_entry(pe);
        return;
    }
    struct chariot_msg *up = obj_msg_new(pe, OBJ_KIND_READY, 0);
    if (up == NULL) return;
    up->target = pe->ready_hash;
    up->method = pe->some_hold;
    obj_tree_send_up_take(pe, 0, up);
}

/* ---------------------------------------------------------------- end */

void chariot_exit(struct chariot_pe *pe, int status) {
    OBJ_API(pe);
    struct chariot_msg *msg = obj_msg_new(pe, OBJ_KIND_EXIT_ASK, 0);
    if (msg == NULL) return;
    msg->method = (uint32_t)status & 0xff;
    obj_send_take(pe, 0, msg);
}

void obj_end_on_exit_ask(struct chariot_pe *pe, struct chariot_msg *msg) {
    struct chariot_msg *exit = obj_msg_new(pe, OBJ_KIND_EXIT, 0);
    if (exit == NULL) return;
    exit->flags = OBJ_FLAG_TREE;
    exit->root = pe->node.pe;
    exit->method = msg->method;
    obj_send_down_take(pe, exit);
}

/* It has done its work on arrival: obj_route_take() set pe->ending. */
void obj_end_on_exit(struct chariot_pe *pe, struct chariot_msg *msg) {
    (void)pe;
    (void)msg;
}

void obj_end_abort(struct chariot_pe *pe, int status, const char *text) {
    if (pe->aborted) return;
    pe->aborted = pe->ending = true;
    pe->status = (status & 0xff) == 0 ? 1 : status & 0xff;
    const struct chariot_activity what = {.type = OBJ_NO_TYPE, .method = OBJ_ROW_ABORT};
    OBJ_METER(pe, obj_meter_note_instant(pe, &what, RPC_TIMELINE_ENDING));
    if (pe->around.on_abort != NULL)
        pe->around.on_abort(pe->around.ctx, pe->status, text);
    else
        fputs(text, stderr);
}

void chariot_abort(struct chariot_pe *pe, int status, const char *text) {
    OBJ_API(pe);
    obj_end_abort(pe, status, text);
}
