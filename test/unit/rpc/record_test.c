/* rpc/record.c: the file is whole after each phase, and says how the job ended. */
#include "rpc/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/error.h"
#include "test/unit/unit.h"

static char dir[64], text[4096];

static const char *in_dir(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static const char *content(const char *name) {
    FILE *file = fopen(in_dir(name), "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void make_dir(void) {
    strcpy(dir, "/tmp/chariot-record-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
}

static void remove_dir(const char *name) {
    CU_ASSERT_EQUAL(unlink(in_dir(name)), 0);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

#define HEAD "{\"type\":\"LBDatafile\",\"phases\":["
#define FOOT(pe, truth)                                                                                                \
    "\n],\"metadata\":{\"type\":\"LBDatafile\",\"rank\":" pe ",\"attributes\":{\"program\":\"chariot " CHARIOT_VERSION \
    "\",\"job\":\"j1\",\"pes\":4,\"complete\":" truth "}}}\n"

static void the_file_is_whole_after_each_phase(void) {
    struct rpc_record record;
    make_dir();
    CU_ASSERT_EQUAL_FATAL(rpc_record_open(&record, in_dir("t"), 3, 4, "j1"), 0);
    CU_ASSERT_STRING_EQUAL(content("t.3.json"), HEAD FOOT("3", "false"));
    CU_ASSERT_EQUAL(rpc_record_add(&record, "{\"id\":0}", 8), 0);
    CU_ASSERT_STRING_EQUAL(content("t.3.json"), HEAD "\n{\"id\":0}" FOOT("3", "false"));
    CU_ASSERT_EQUAL(rpc_record_add(&record, "{\"id\":1}", 8), 0);
    CU_ASSERT_STRING_EQUAL(content("t.3.json"), HEAD "\n{\"id\":0},\n{\"id\":1}" FOOT("3", "false"));
    rpc_record_close(&record, true);
    CU_ASSERT_STRING_EQUAL(content("t.3.json"), HEAD "\n{\"id\":0},\n{\"id\":1}" FOOT("3", "true"));
    rpc_record_close(&record, true);
    CU_ASSERT_EQUAL(rpc_record_add(&record, "{}", 2), CHARIOT_ECLOSED);
    remove_dir("t.3.json");
}

static void a_job_that_ended_otherwise_says_so(void) {
    struct rpc_record record;
    make_dir();
    CU_ASSERT_EQUAL_FATAL(rpc_record_open(&record, in_dir("t.json"), 0, 4, "j1"), 0);
    CU_ASSERT_EQUAL(rpc_record_add(&record, "{}", 2), 0);
    rpc_record_close(&record, false);
    CU_ASSERT_STRING_EQUAL(content("t.0.json"), HEAD "\n{}" FOOT("0", "false"));
    CU_ASSERT_EQUAL_FATAL(rpc_record_open(&record, in_dir("t.json"), 0, 4, "j1"), 0); /* in its place */
    rpc_record_close(&record, true);
    CU_ASSERT_STRING_EQUAL(content("t.0.json"), HEAD FOOT("0", "true"));
    remove_dir("t.0.json");
}

static void what_cannot_be_written_is_an_error(void) {
    struct rpc_record record;
    char name[RPC_RECORD_MAX_PATH + 1];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    CU_ASSERT_EQUAL(rpc_record_open(&record, "/no/such/place/t", 0, 1, ""), CHARIOT_EIO);
    CU_ASSERT_EQUAL(errno, ENOENT);
    rpc_record_close(&record, true);
    CU_ASSERT_EQUAL(rpc_record_open(&record, name, 0, 1, ""), CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(record.fd, -1);
}

UNIT_MAIN("rpc/record", UNIT(the_file_is_whole_after_each_phase), UNIT(a_job_that_ended_otherwise_says_so),
          UNIT(what_cannot_be_written_is_an_error))
