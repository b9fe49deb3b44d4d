/* Tests of rpc/timeline.c and deploy/timeline*.c: what PEs have written becomes one file, also where a PE was cut off
 * in the midst of a record, or has written nonsense. */
#include "deploy/timeline.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/rundir.h"
#include "deploy/timeline_read.h"
#include "rpc/error.h"
#include "test/unit/unit.h"

static struct deploy_reason reason;
static char dir[64], out_path[96];

static void setup(void) {
    snprintf(dir, sizeof dir, "/tmp/timeline-test-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(out_path, sizeof out_path, "%s/out.json", dir);
    reason = (struct deploy_reason){0};
}

static void teardown(void) {
    CU_ASSERT_EQUAL(deploy_rundir_remove(dir), 0);
}

/* A PE that writes as objects/timeline.c does. */
struct writer {
    struct rpc_timeline_file file;
    uint8_t *at, *end;
};

static void writer_open(struct writer *writer, uint32_t pe) {
    *writer = (struct writer){0};
    CU_ASSERT_EQUAL_FATAL(rpc_timeline_file_open(&writer->file, dir, pe), 0);
}

static struct rpc_timeline_record *put(struct writer *writer, struct rpc_timeline_record record, const char *text) {
    size_t extra = text == NULL ? record.ndims * sizeof(int64_t) : strlen(text) + 1;
    size_t size = (sizeof record + extra + 7) & ~(size_t)7;
    if ((size_t)(writer->end - writer->at) < size) {
        size_t room = 0;
        writer->at = rpc_timeline_file_more(&writer->file, &room);
        CU_ASSERT_PTR_NOT_NULL_FATAL(writer->at);
        writer->end = writer->at + room;
    }
    record.words = (uint8_t)(size / 8);
    memcpy(writer->at, &record, sizeof record);
    if (text != NULL) memcpy(writer->at + sizeof record, text, extra);
    writer->at += size;
    return (struct rpc_timeline_record *)(void *)(writer->at - size);
}

#define PUT(writer, ...) put(writer, (struct rpc_timeline_record){__VA_ARGS__}, NULL)

static char *merged(uint32_t num_pes, uint64_t *dropped) {
    struct deploy_timeline line;
    CU_ASSERT_EQUAL_FATAL(deploy_timeline_open(&line, out_path, &reason), 0);
    line.started_ns = 0;
    CU_ASSERT_EQUAL_FATAL(deploy_timeline_write(&line, dir, num_pes, dropped, &reason), 0);
    FILE *file = fopen(out_path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    char *text = calloc(1, 1 << 20);
    CU_ASSERT(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n]}\n"));
    return text;
}

static size_t times(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) count++;
    return count;
}

static void two_ends_make_an_arrow_and_one_does_not(void) {
    struct writer a, b;
    uint64_t dropped;
    setup();
    writer_open(&a, 0);
    writer_open(&b, 1);
    put(&a, (struct rpc_timeline_record){.kind = RPC_TIMELINE_NAME, .name = 1}, "A.go");
    PUT(&a, .kind = RPC_TIMELINE_BEGIN, .name = 1, .at_ns = 1000);
    for (uint32_t i = 1; i <= 3; i++) PUT(&a, .kind = RPC_TIMELINE_SEND, .at_ns = 1000 + i, .peer = 1, .number = i);
    PUT(&a, .kind = RPC_TIMELINE_END, .at_ns = 2500);
    PUT(&a, .kind = RPC_TIMELINE_SEND, .at_ns = 2600, .peer = 1, .number = 4);
    put(&b, (struct rpc_timeline_record){.kind = RPC_TIMELINE_NAME, .name = 1}, "B.\"go\\\x01\xff");
    for (uint32_t i = 2; i <= 5; i++) {
        PUT(&b, .kind = RPC_TIMELINE_BEGIN, .name = 1, .at_ns = 5000 * i, .peer = 0, .number = i);
        PUT(&b, .kind = RPC_TIMELINE_END, .at_ns = 5000 * i + 1);
    }
    b.file.head->dropped = 9;
    rpc_timeline_file_close(&a.file);
    rpc_timeline_file_close(&b.file);
    char *text = merged(2, &dropped);
    CU_ASSERT_EQUAL(dropped, 9);
    CU_ASSERT_EQUAL(times(text, "\"ph\":\"s\""), 3); /* 2, 3 and 4; 1 was not seen to come, 5 not to leave */
    CU_ASSERT_EQUAL(times(text, "\"ph\":\"f\""), 3);
    CU_ASSERT_EQUAL(times(text, "pass on"), 1);
    CU_ASSERT_EQUAL(times(text, "\"ts\":1.000,\"dur\":1.500,\"name\":\"A.go\""), 1);
    CU_ASSERT_EQUAL(times(text, "\"name\":\"B.\\\"go\\\\??\""), 4);
    CU_ASSERT_EQUAL(times(text, "unfinished"), 0);
    free(text);
    teardown();
}

static void what_was_cut_off_is_unfinished(void) {
    struct writer a;
    uint64_t dropped;
    setup();
    writer_open(&a, 0);
    put(&a, (struct rpc_timeline_record){.kind = RPC_TIMELINE_NAME, .name = 1}, "A.go");
    PUT(&a, .kind = RPC_TIMELINE_BEGIN, .name = 1, .at_ns = 1000, .ndims = 2);
    struct rpc_timeline_record *last = PUT(&a, .kind = RPC_TIMELINE_BEGIN, .name = 1, .at_ns = 2000);
    last->kind = RPC_TIMELINE_NOTHING; /* killed before it was whole */
    rpc_timeline_file_close(&a.file);
    char *text = merged(3, &dropped); /* the others have left no file */
    CU_ASSERT_EQUAL(times(text, "A.go"), 1);
    CU_ASSERT_EQUAL(times(text, "\"index\":[0,0],\"bytes\":0,\"unfinished\":true"), 1);
    CU_ASSERT_EQUAL(times(text, "thread_name"), 3);
    free(text);
    teardown();
}

static void many_chunks_are_read_as_one(void) {
    enum { MANY = 100000 };
    struct writer a;
    struct deploy_track track;
    const struct rpc_timeline_record *record;
    int64_t next = 0;
    setup();
    writer_open(&a, 0);
    for (int64_t i = 0; i < MANY; i++) PUT(&a, .kind = RPC_TIMELINE_INSTANT, .at_ns = i, .ndims = (uint8_t)(i % 7));
    CU_ASSERT(a.file.num_chunks > 3);
    rpc_timeline_file_close(&a.file);
    deploy_track_open(&track, dir, 0);
    while ((record = deploy_track_next(&track)) != NULL) CU_ASSERT_EQUAL(record->at_ns, next++);
    CU_ASSERT_EQUAL(next, MANY);
    deploy_track_close(&track);
    teardown();
}

/* Nothing but that it ends, and reads no memory that is not the file's: the sanitizer looks. */
static void nonsense_is_passed_over(void) {
    uint64_t state = 1;
    for (int round = 0; round < 60; round++) {
        struct writer a;
        uint64_t dropped;
        setup();
        writer_open(&a, 0);
        size_t room;
        uint8_t *bytes = rpc_timeline_file_more(&a.file, &room);
        for (size_t i = 0; i < 4000; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(state >> 56) % (round % 2 == 0 ? 8 : 255);
        }
        rpc_timeline_file_close(&a.file);
        free(merged(1, &dropped));
        teardown();
    }
}

static void a_file_of_another_kind_is_no_track(void) {
    char path[128];
    struct deploy_track track;
    setup();
    rpc_timeline_path(dir, 0, path, sizeof path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    CU_ASSERT_EQUAL(ftruncate(fd, 4 << 20), 0);
    close(fd);
    deploy_track_open(&track, dir, 0);
    CU_ASSERT_PTR_NULL(track.data);
    CU_ASSERT_PTR_NULL(deploy_track_next(&track));
    struct rpc_timeline_file file;
    CU_ASSERT_EQUAL(rpc_timeline_file_open(&file, dir, 0), CHARIOT_EIO); /* it is there already */
    CU_ASSERT_EQUAL(rpc_timeline_file_open(&file, "/nowhere", 0), CHARIOT_EIO);
    rpc_timeline_file_close(&file);
    teardown();
}

static void without_a_path_nothing_happens(void) {
    struct deploy_timeline line;
    uint64_t dropped;
    CU_ASSERT_EQUAL(deploy_timeline_open(&line, NULL, &reason), 0);
    CU_ASSERT_EQUAL(deploy_timeline_write(&line, "/nowhere", 4, &dropped, &reason), 0);
    CU_ASSERT_EQUAL(deploy_timeline_open(&line, "/nowhere/out.json", &reason), CHARIOT_EABORTED);
    CU_ASSERT_EQUAL(reason.status, DEPLOY_STATUS_OUTPUT);
}

UNIT_MAIN("deploy/timeline", UNIT(two_ends_make_an_arrow_and_one_does_not), UNIT(what_was_cut_off_is_unfinished),
          UNIT(many_chunks_are_read_as_one), UNIT(nonsense_is_passed_over), UNIT(a_file_of_another_kind_is_no_track),
          UNIT(without_a_path_nothing_happens))
