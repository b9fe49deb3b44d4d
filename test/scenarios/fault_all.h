/* test/scenarios/fault_all.h: all of objects/ that allocates, sections/, moving elements and the messages, compiled
 * into the test that includes it, so that their allocations are the ones that fail. Where two files have statics of one
 * name, that is another here. */
#ifndef CHARIOT_TEST_SCENARIOS_FAULT_ALL_H
#define CHARIOT_TEST_SCENARIOS_FAULT_ALL_H

#include "test/unit/fault_alloc.h"

#include "rpc/msg.c"

#define grow map_grow
#define mix  map_mix
#include "objects/map.c"
#undef grow
#undef mix
#define free_waiting coll_free_waiting
#include "objects/coll.c"
#undef free_waiting
#define pass_on call_pass_on
#include "objects/call.c"
#undef pass_on
#define read_head create_read_head
#include "objects/create.c"
#include "objects/insert.c"
#include "objects/place.c"
#undef read_head
#include "objects/broadcast.c"
#include "objects/channel.c"
#include "objects/channel_flow.c"
#include "objects/channel_move.c"
#include "objects/contribute.c"
#include "objects/end.c"
#include "objects/error.c"
#include "objects/future.c"
#include "objects/future_peer.c"
#include "objects/location.c"
#define settle    move_settle
#define pass_on   move_pass_on
#define on_answer move_on_answer
#include "objects/move.c"
#undef settle
#undef pass_on
#undef on_answer
#define add    quiet_add
#define begin  quiet_begin
#define done   quiet_done
#define look   quiet_look
#define answer quiet_answer
#include "objects/quiet.c"
#undef add
#undef begin
#undef done
#undef look
#undef answer
#define forget    hang_forget
#define pass_on   hang_pass_on
#define finish    hang_finish
#define head      hang_head
#define say       hang_say
#define print     hang_print
#define by_pe     hang_by_pe
#define make_room hang_make_room
#define same      hang_same
#include "objects/hang.c"
#include "objects/hang_text.c"
#include "objects/text.c"
#undef forget
#undef pass_on
#undef finish
#undef head
#undef say
#undef print
#undef by_pe
#undef make_room
#undef same
#include "objects/message.c"
#include "objects/pe.c"
#include "objects/route.c"
#define tell    pool_tell
#define settle  pool_settle
#define cost_of pool_cost_of
#define send    pool_send
#define push    pool_push
#define pop     pool_pop
#include "objects/pool.c"
#include "objects/pool_bag.c"
#include "objects/pool_desk.c"
#undef tell
#undef settle
#undef cost_of
#undef send
#undef push
#undef pop
#include "objects/layout.c"
#include "objects/pieces.c"
#include "objects/reduce.c"
#include "objects/reduce_parts.c"
#include "objects/reduce_result.c"
#include "objects/reduce_value.c"
#include "objects/registry.c"
#include "objects/runtime.c"
#include "objects/timer.c"
#define read_open section_read_open
#define leave     section_leave
#define tell      section_tell
#define translate section_translate
#define by_name   section_by_name
#include "objects/section.c"
#undef read_open
#undef leave
#undef tell
#undef translate
#undef by_name
#define count     seat_count
#define send_take seat_send_take
#define member_of seat_member_of
#define give_up   seat_give_up
#include "objects/seat.c"
#undef count
#undef send_take
#undef member_of
#undef give_up
#include "objects/span.c"
#define merge  make_merge
#define ask    make_ask
#define forget make_forget
#include "sections/make.c"
#undef merge
#undef ask
#undef forget
#include "sections/range.c"
#define pass_on row_pass_on
#include "sections/row.c"
#undef pass_on
#include "sections/sections.c"
#define is_asked   select_is_asked
#define by_section select_by_section
#define join       select_join
#include "sections/select.c"
#undef is_asked
#undef by_section
#undef join
#include "lb/location.c"
#include "sections/tree.c"
#define settle        news_settle
#define cut           news_cut
#define is_to_be_told news_is_to_be_told
#include "lb/news.c"
#undef settle
#undef cut
#undef is_to_be_told
#include "lb/parcel.c"
#define refuse    migrate_refuse
#define leave     migrate_leave
#define on_last   migrate_on_last
#define note_left migrate_note_left
#include "lb/migrate.c"
#undef refuse
#undef leave
#undef on_last
#undef note_left

#include <CUnit/CUnit.h>

#include "test/scenarios/world.h"

/* Runs the job to its end while its nth allocation fails. True: it came to that. *ended: it did not hang. */
static inline bool fault_run(struct world *world, long nth, bool *ended) {
    fault_arm(nth);
    *ended = world_run(world);
    bool hit = fault_hit;
    fault_disarm();
    CU_ASSERT_TRUE(*ended);
    return hit;
}

/* After that: nothing is left. */
static inline void fault_close(struct world *world, long nth) {
    world_close(world);
    CU_ASSERT_EQUAL(fault_live(), 0);
    if (fault_live() != 0) fprintf(stderr, "allocation %ld: %ld blocks are left\n", nth, fault_live());
}

#endif
