/* objects/timeline.c: what is written down is well nested and in order of time, messages have the same number at both
 * ends, and where there is no more room the later events are counted and the earlier stay whole. */
#include "objects/meter.h"

#include <stdlib.h>
#include <string.h>

#include "test/unit/objects/probe.h"
#include "test/unit/unit.h"

enum { MAX_PES = 4, PIECE = 512, MAX_PIECES = 4000, MAX_NUMBER = 1000 };

/* Room in small pieces, so that records meet their ends. */
struct paper {
    uint8_t *pieces[MAX_PIECES];
    size_t num_pieces, allowed;
    uint64_t dropped;
};
static struct paper papers[MAX_PES];
static int64_t now_ns;
static uint64_t bytes_of[MAX_PES][MAX_PES][MAX_NUMBER]; /* of what was sent: from, to, number; plus 1 */

static int64_t clock_of(void *ctx) {
    return now_ns += 10;
}

static void *more(void *ctx, size_t *size) {
    struct paper *paper = ctx;
    if (paper->num_pieces == paper->allowed) return NULL;
    *size = PIECE;
    return paper->pieces[paper->num_pieces++] = calloc(1, PIECE);
}

static void open_traced(uint32_t num_pes, uint64_t limit, size_t pieces) {
    probe_open(num_pes);
    for (uint32_t i = 0; i < num_pes; i++) {
        papers[i] = (struct paper){.allowed = pieces};
        probe_pe(i)->around.now_ns = clock_of;
        struct obj_timeline to = {.ctx = &papers[i], .more = more, .dropped = &papers[i].dropped, .limit = limit};
        CU_ASSERT_EQUAL_FATAL(obj_timeline_start(probe_pe(i), &to), 0);
    }
}

static void close_traced(void) {
    uint32_t num_pes = probe.world.num_pes;
    probe_close();
    for (uint32_t i = 0; i < num_pes; i++) {
        for (size_t k = 0; k < papers[i].num_pieces; k++) free(papers[i].pieces[k]);
    }
}

struct seen {
    size_t records, begins, ends, sends, names;
    uint64_t arrows_in[MAX_PES], arrows_out[MAX_PES]; /* by peer: the highest number */
};

/* Reads what PE `pe` has written, checking it. */
static struct seen read_back(uint32_t pe) {
    struct seen seen = {0};
    int64_t last_ns = 0;
    for (size_t k = 0; k < papers[pe].num_pieces; k++) {
        for (size_t at = 0; at + sizeof(struct rpc_timeline_record) <= PIECE;) {
            const struct rpc_timeline_record *record = (const void *)(papers[pe].pieces[k] + at);
            if (record->kind == RPC_TIMELINE_NOTHING) break;
            at += (size_t)record->words * 8;
            CU_ASSERT_FATAL(at <= PIECE);
            seen.records++;
            if (record->kind == RPC_TIMELINE_NAME) {
                CU_ASSERT_EQUAL(record->name, ++seen.names);
                continue;
            }
            CU_ASSERT(record->at_ns >= last_ns);
            last_ns = record->at_ns;
            seen.begins += record->kind == RPC_TIMELINE_BEGIN;
            seen.ends += record->kind == RPC_TIMELINE_END;
            CU_ASSERT(seen.ends <= seen.begins);
            if (record->kind == RPC_TIMELINE_BEGIN) CU_ASSERT(record->name >= 1 && record->name <= seen.names);
            if (record->kind == RPC_TIMELINE_BEGIN && record->number > seen.arrows_in[record->peer])
                seen.arrows_in[record->peer] = record->number;
            if (record->kind == RPC_TIMELINE_SEND) {
                seen.sends++;
                CU_ASSERT_EQUAL(record->number, ++seen.arrows_out[record->peer]);
            }
        }
    }
    return seen;
}

/* What was sent, by both ends' numbers: the same message has the same size. */
static void compare_ends(uint32_t pe, bool senders) {
    for (size_t k = 0; k < papers[pe].num_pieces; k++) {
        for (size_t at = 0; at + sizeof(struct rpc_timeline_record) <= PIECE;) {
            const struct rpc_timeline_record *record = (const void *)(papers[pe].pieces[k] + at);
            if (record->kind == RPC_TIMELINE_NOTHING) break;
            at += (size_t)record->words * 8;
            if (record->number == 0) continue;
            CU_ASSERT_FATAL(record->number < MAX_NUMBER);
            if (senders && record->kind == RPC_TIMELINE_SEND)
                bytes_of[pe][record->peer][record->number] = record->bytes + 1;
            if (!senders && record->kind == RPC_TIMELINE_BEGIN)
                CU_ASSERT_EQUAL(bytes_of[record->peer][pe][record->number], record->bytes + 1);
        }
    }
}

/* A call whose argument says by its size which one it is. */
static void call_of_size(uint32_t pe, const struct chariot_ref *ref, size_t size) {
    struct chariot_writer writer;
    struct chariot_msg *args;
    uint8_t data[256] = {0};
    chariot_writer_init_take(&writer, NULL);
    chariot_put_list(&writer, 1);
    chariot_put_bytes(&writer, data, size);
    CU_ASSERT_EQUAL_FATAL(chariot_writer_finish(&writer, &args), 0);
    CU_ASSERT_EQUAL(chariot_send_take(probe_pe(pe), ref, PROBE_HEAR, args, CHARIOT_WANT_NOTHING, NULL), 0);
}

/* Calls that go by the creator, since nobody knows the array yet; calls that know; broadcasts down trees; insertion. */
static void play(void) {
    struct chariot_ref array = probe_array(1, 12), sparse = probe_sparse(3);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 48; i++) {
            struct chariot_ref elem = probe_elem(round == 1 ? &sparse : &array, i % 12);
            call_of_size(i % MAX_PES, &elem, 50 * round + i);
        }
        for (int64_t i = 0; round == 0 && i < 12; i++) {
            struct chariot_index index = {.ndims = 1, .at = {i}};
            CU_ASSERT_EQUAL(chariot_insert_take(probe_pe(2), &sparse, &index, NULL, -1, false), 0);
        }
        call_of_size(round, &array, 200 + round);
        probe_settle();
    }
}

static void records_nest_and_messages_have_one_number(void) {
    struct seen seen[MAX_PES];
    open_traced(MAX_PES, 100000, MAX_PIECES);
    play();
    for (uint32_t i = 0; i < MAX_PES; i++) {
        seen[i] = read_back(i);
        CU_ASSERT_EQUAL(papers[i].dropped, 0);
        CU_ASSERT_EQUAL(seen[i].begins, seen[i].ends);
        CU_ASSERT(seen[i].begins >= 3 + 6); /* constructors and calls of three elements */
    }
    for (uint32_t a = 0; a < MAX_PES; a++) {
        for (uint32_t b = 0; b < MAX_PES; b++) CU_ASSERT(seen[b].arrows_in[a] <= seen[a].arrows_out[b]);
    }
    CU_ASSERT(seen[1].arrows_out[2] > 0 && seen[2].arrows_in[1] > 0);
    memset(bytes_of, 0, sizeof bytes_of);
    for (uint32_t i = 0; i < MAX_PES; i++) compare_ends(i, true);
    for (uint32_t i = 0; i < MAX_PES; i++) compare_ends(i, false);
    CU_ASSERT_EQUAL(probe.num_calls, 3 * 48 + 3 * 12);
    close_traced();
}

static void later_events_are_dropped_and_counted(void) {
    for (uint64_t limit = 0; limit < 40; limit++) {
        open_traced(2, limit, MAX_PIECES);
        struct chariot_ref array = probe_array(1, 12);
        probe_hear(0, &array, 1);
        probe_settle();
        struct seen seen = read_back(0);
        CU_ASSERT_EQUAL(seen.begins, seen.ends);
        CU_ASSERT(seen.begins + seen.sends <= limit);
        CU_ASSERT(papers[0].dropped > 0 || seen.begins + seen.sends <= limit);
        close_traced();
    }
}

static void a_full_disk_ends_the_timeline_and_not_the_job(void) {
    for (size_t pieces = 0; pieces < 12; pieces++) {
        open_traced(2, 100000, pieces);
        struct chariot_ref array = probe_array(1, 40);
        probe_hear(0, &array, 1);
        probe_settle();
        struct seen seen = read_back(0);
        CU_ASSERT(seen.ends <= seen.begins);
        CU_ASSERT(pieces > 6 || papers[0].dropped > 0);
        CU_ASSERT_EQUAL(probe.num_calls, 40);
        close_traced();
    }
}

UNIT_MAIN("objects/timeline", UNIT(records_nest_and_messages_have_one_number),
          UNIT(later_events_are_dropped_and_counted), UNIT(a_full_disk_ends_the_timeline_and_not_the_job))
