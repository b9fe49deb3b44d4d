/* test/unit/deploy/fetch_test.c: files that come home from other hosts, whatever an agent makes of them. */
#include "deploy/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/timeline_read.h"
#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_relay relay; /* closed: what is said to the agent goes nowhere */
static struct deploy_fetch fetch;
static struct deploy_clock the_clock;
static char directory[64], record[96];

static void open_fetch(bool timeline, bool records) {
    struct deploy_reason reason;
    relay = (struct deploy_relay){.loop = ev_default_loop(0)};
    the_clock = (struct deploy_clock){0};
    strcpy(directory, "/tmp/chariot-fetch-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(directory));
    snprintf(record, sizeof record, "%s/load", directory);
    CU_ASSERT_EQUAL_FATAL(deploy_fetch_init(&fetch, directory, timeline, records ? record : NULL, 2), 0);
    for (uint32_t pe = 0; pe < 2; pe++) CU_ASSERT_EQUAL(deploy_fetch_add(&fetch, &relay, pe, &reason), 0);
}

static void close_fetch(void) {
    char command[128];
    deploy_fetch_deinit(&fetch);
    snprintf(command, sizeof command, "rm -r %s", directory);
    CU_ASSERT_EQUAL(system(command), 0);
}

static bool come(uint32_t pe, uint32_t stream, const void *bytes, size_t size, bool is_end) {
    Chariot__V1__AgentData data = CHARIOT__V1__AGENT_DATA__INIT;
    data.pe = pe;
    data.stream = stream;
    data.data = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)bytes};
    data.end = is_end;
    return deploy_fetch_on_data(&fetch, &data, &the_clock);
}

static void a_record_comes_whole(void) {
    char path[128], text[16] = "";
    struct deploy_reason problem;
    open_fetch(false, true);
    CU_ASSERT_EQUAL(fetch.missing, 2);
    CU_ASSERT_TRUE(come(1, DEPLOY_STREAM_RECORD, "ab", 2, false));
    CU_ASSERT_TRUE(come(1, DEPLOY_STREAM_RECORD, "c", 1, true));
    CU_ASSERT_EQUAL(fetch.missing, 1);
    snprintf(path, sizeof path, "%s.1.json", record);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fread(text, 1, sizeof text - 1, file), 3);
    fclose(file);
    CU_ASSERT_STRING_EQUAL(text, "abc");
    deploy_fetch_give_up(&fetch, 0);
    CU_ASSERT_EQUAL(fetch.missing, 0);
    CU_ASSERT_FALSE(deploy_fetch_problem(&fetch, &problem));
    close_fetch();
}

static void what_was_not_asked_for_makes_no_sense(void) {
    open_fetch(false, true);
    CU_ASSERT_FALSE(come(0, DEPLOY_STREAM_TIMELINE, "a", 1, false));
    CU_ASSERT_TRUE(come(0, DEPLOY_STREAM_RECORD, NULL, 0, true));
    CU_ASSERT_FALSE(come(0, DEPLOY_STREAM_RECORD, "late", 4, false));
    CU_ASSERT_FALSE(come(0, DEPLOY_STREAM_RECORD, NULL, 0, true));
    deploy_fetch_give_up(&fetch, 1);
    CU_ASSERT_FALSE(come(1, DEPLOY_STREAM_RECORD, "late", 4, false));
    CU_ASSERT_EQUAL(fetch.missing, 0);
    close_fetch();
    CU_ASSERT_EQUAL(deploy_fetch_init(&fetch, "/tmp", false, NULL, 2), 0);
    CU_ASSERT_FALSE(come(0, DEPLOY_STREAM_RECORD, "a", 1, false));
    deploy_fetch_deinit(&fetch);
}

static void a_window_is_a_window(void) {
    open_fetch(false, true);
    char *much = calloc(1, DEPLOY_BRIDGE_WINDOW + 1);
    CU_ASSERT_TRUE(come(0, DEPLOY_STREAM_RECORD, much, DEPLOY_BRIDGE_WINDOW, false));
    CU_ASSERT_FALSE(come(0, DEPLOY_STREAM_RECORD, much, DEPLOY_BRIDGE_WINDOW + 1, false));
    free(much);
    close_fetch();
}

static void a_timeline_is_made_whole_and_gets_a_clock(void) {
    struct {
        struct rpc_timeline_head head;
        struct rpc_timeline_record record;
    } file = {.head = {.magic = RPC_TIMELINE_MAGIC, .pe = 1},
              .record = {.words = 4, .kind = RPC_TIMELINE_BEGIN, .at_ns = 5000000000}};
    struct deploy_track track;
    open_fetch(true, false);
    deploy_clock_hear(&the_clock, 100000000000, 4000000000, 100000000000, "another machine");
    CU_ASSERT_TRUE(come(1, DEPLOY_STREAM_TIMELINE, &file, sizeof file, true));
    deploy_track_open(&track, directory, 1);
    const struct rpc_timeline_record *found = deploy_track_next(&track);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_EQUAL(deploy_track_time(&track, found->at_ns), 101000000000);
    CU_ASSERT_PTR_NULL(deploy_track_next(&track));
    deploy_track_close(&track);
    CU_ASSERT_TRUE(come(0, DEPLOY_STREAM_TIMELINE, "nonsense", 8, true));
    deploy_track_open(&track, directory, 0);
    CU_ASSERT_PTR_NULL(deploy_track_next(&track));
    deploy_track_close(&track);
    close_fetch();
}

static void a_file_that_finds_no_room_is_told_of(void) {
    char path[128];
    struct deploy_reason reason;
    open_fetch(false, true);
    snprintf(path, sizeof path, "%s.1.json", record);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_EQUAL(symlink("/dev/full", path), 0);
    CU_ASSERT_TRUE(come(1, DEPLOY_STREAM_RECORD, "abc", 3, true));
    CU_ASSERT_TRUE(deploy_fetch_problem(&fetch, &reason));
    CU_ASSERT_PTR_NOT_NULL(strstr(reason.text, "the first of PE 1"));
    close_fetch();
}

UNIT_MAIN("deploy/fetch", UNIT(a_record_comes_whole), UNIT(what_was_not_asked_for_makes_no_sense),
          UNIT(a_window_is_a_window), UNIT(a_timeline_is_made_whole_and_gets_a_clock),
          UNIT(a_file_that_finds_no_room_is_told_of))
