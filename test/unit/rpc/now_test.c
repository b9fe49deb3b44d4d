/* What a PE runs, written by one and read by another, also out of files that are not whole. */
#include "rpc/now.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/unit/unit.h"

static char dir[] = "/tmp/chariot-now-XXXXXX";
static char text[RPC_NOW_TEXT];

static const char *now_at(uint32_t pe) {
    rpc_now_read(dir, pe, text);
    return text;
}

static void says_what_runs(void) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    static const char *const cell[] = {"Cell", "step", "get"}, *const main[] = {"app.Main"};
    struct rpc_now now;
    CU_ASSERT(rpc_now_open(&now, dir, 3) == 0);
    CU_ASSERT(rpc_now_add_type(&now, cell, 3) == 0 && rpc_now_add_type(&now, main, 1) == 0);
    CU_ASSERT_STRING_EQUAL(now_at(3), "");
    *now.runs = RPC_NOW_METHOD(0, 1);
    CU_ASSERT_STRING_EQUAL(now_at(3), "Cell.get");
    *now.runs = RPC_NOW_METHOD(1, 0);
    CU_ASSERT_STRING_EQUAL(now_at(3), "the constructor of app.Main");
    *now.runs = RPC_NOW_METHOD(0, UINT32_MAX);
    CU_ASSERT_STRING_EQUAL(now_at(3), "the constructor of Cell");
    *now.runs = RPC_NOW_ENTRY;
    CU_ASSERT_STRING_EQUAL(now_at(3), "its entry function");
    *now.runs = RPC_NOW_METHOD(2, 0);
    CU_ASSERT_STRING_EQUAL(now_at(3), "");
    rpc_now_close(&now);
    CU_ASSERT_STRING_EQUAL(now_at(4), "");
}

/* Whatever length it is cut to. */
static void a_part_of_a_file_is_read_as_far_as_it_goes(void) {
    char path[64];
    snprintf(path, sizeof path, "%s/now-3", dir);
    int fd = open(path, O_RDWR);
    uint64_t runs = RPC_NOW_METHOD(1, 0);
    CU_ASSERT(pwrite(fd, &runs, sizeof runs, 0) == sizeof runs);
    for (off_t size = lseek(fd, 0, SEEK_END); size > 0; size--) {
        CU_ASSERT(ftruncate(fd, size - 1) == 0);
        CU_ASSERT_STRING_EQUAL(now_at(3), "");
    }
    close(fd);
    unlink(path);
    rmdir(dir);
}

UNIT_MAIN("rpc/now", UNIT(says_what_runs), UNIT(a_part_of_a_file_is_read_as_far_as_it_goes))
