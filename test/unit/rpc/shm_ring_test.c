/* test/unit/rpc/shm_ring_test.c */
#include "rpc/shm_ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/unit.h"

struct pair {
    void *memory;
    struct rpc_ring_writer writer;
    struct rpc_ring_reader reader;
};

static void pair_open(struct pair *pair, size_t size) {
    pair->memory = aligned_alloc(64, rpc_ring_bytes(size));
    CU_ASSERT_PTR_NOT_NULL_FATAL(pair->memory);
    memset(pair->memory, 0, rpc_ring_bytes(size));
    rpc_ring_writer_init(&pair->writer, pair->memory, size);
    rpc_ring_reader_init(&pair->reader, pair->memory, size);
}

static bool write_one(struct rpc_ring_writer *writer, uint32_t size, uint32_t number) {
    uint8_t *record = rpc_ring_reserve(writer, size, number);
    if (record == NULL) return false;
    for (uint32_t i = 0; i < size; i++) record[i] = (uint8_t)(number + i);
    rpc_ring_publish(writer);
    return true;
}

static bool read_one(struct rpc_ring_reader *reader, uint32_t number, uint32_t *size) {
    uint32_t type;
    const uint8_t *record = rpc_ring_next(reader, size, &type);
    if (record == NULL) return false;
    bool same = type == number;
    for (uint32_t i = 0; i < *size; i++) same &= record[i] == (uint8_t)(number + i);
    CU_ASSERT_TRUE(same);
    rpc_ring_free(reader);
    return true;
}

/* From every place that a record can begin at, with every size around the ring's end. */
static void records_survive_the_end_of_the_ring_wherever_it_falls(void) {
    for (uint32_t lead = 0; lead < 128; lead++) {
        struct pair pair;
        uint32_t size;
        pair_open(&pair, RPC_RING_SMALLEST);
        for (uint32_t i = 0; i < lead; i++)
            CU_ASSERT_TRUE(write_one(&pair.writer, 0, i) && read_one(&pair.reader, i, &size));
        for (uint32_t i = 0; i < 600; i++) {
            uint32_t wanted = (lead * 7 + i * 13) % 249;
            CU_ASSERT_TRUE(write_one(&pair.writer, wanted, i));
            CU_ASSERT_TRUE(read_one(&pair.reader, i, &size));
            CU_ASSERT_EQUAL(size, wanted);
        }
        CU_ASSERT_PTR_NULL(pair.reader.why);
        free(pair.memory);
    }
}

static void a_full_ring_takes_no_more_until_something_was_freed(void) {
    struct pair pair;
    uint32_t count = 0, size, type;
    pair_open(&pair, RPC_RING_SMALLEST);
    while (write_one(&pair.writer, 100, count)) count++;
    CU_ASSERT_EQUAL(count, 9); /* 112 bytes each of 1,024 */
    CU_ASSERT_FALSE(rpc_ring_has_room(&pair.writer));
    CU_ASSERT_PTR_NOT_NULL(rpc_ring_next(&pair.reader, &size, &type));
    CU_ASSERT_FALSE(write_one(&pair.writer, 100, count)); /* read, but not freed */
    for (uint32_t i = 1; i < 6; i++) rpc_ring_next(&pair.reader, &size, &type);
    rpc_ring_free(&pair.reader);
    CU_ASSERT_TRUE(rpc_ring_has_room(&pair.writer));
    CU_ASSERT_TRUE(write_one(&pair.writer, 100, count));
    free(pair.memory);
}

static void what_is_not_published_is_not_read(void) {
    struct pair pair;
    uint32_t size, type;
    pair_open(&pair, RPC_RING_SMALLEST);
    memset(rpc_ring_reserve(&pair.writer, 50, 1), 1, 50);
    memset(rpc_ring_reserve(&pair.writer, 60, 2), 2, 60);
    CU_ASSERT_FALSE(rpc_ring_has_more(&pair.reader));
    CU_ASSERT_PTR_NULL(rpc_ring_next(&pair.reader, &size, &type));
    rpc_ring_publish(&pair.writer);
    CU_ASSERT_TRUE(rpc_ring_has_more(&pair.reader));
    CU_ASSERT_PTR_NOT_NULL(rpc_ring_next(&pair.reader, &size, &type));
    CU_ASSERT_PTR_NOT_NULL(rpc_ring_next(&pair.reader, &size, &type));
    CU_ASSERT_EQUAL(type, 2);
    free(pair.memory);
}

static void is_damaged(struct pair *pair) {
    uint32_t size, type;
    CU_ASSERT_PTR_NULL(rpc_ring_next(&pair->reader, &size, &type));
    CU_ASSERT_PTR_NOT_NULL(pair->reader.why);
    CU_ASSERT_FALSE(rpc_ring_has_more(&pair->reader));
    CU_ASSERT_PTR_NULL(rpc_ring_next(&pair->reader, &size, &type));
    free(pair->memory);
}

static void a_ring_that_makes_no_sense_is_damaged(void) {
    static const uint64_t tails[] = {UINT64_MAX, 1 << 20, RPC_RING_SMALLEST + 8, 12};
    static const uint32_t sizes[] = {UINT32_MAX, UINT32_MAX - 16, 57, RPC_RING_SMALLEST};
    struct pair pair;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        pair_open(&pair, RPC_RING_SMALLEST);
        write_one(&pair.writer, 50, 1);
        atomic_store(&pair.writer.ring->tail, tails[i]);
        is_damaged(&pair);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pair_open(&pair, RPC_RING_SMALLEST);
        write_one(&pair.writer, 50, 1);
        memcpy(pair.writer.records, &sizes[i], sizeof sizes[i]);
        is_damaged(&pair);
    }
}

static void a_reader_that_has_read_what_was_not_written_is_damaged(void) {
    struct pair pair;
    pair_open(&pair, RPC_RING_SMALLEST);
    while (write_one(&pair.writer, 100, 1)) continue;
    atomic_store(&pair.writer.ring->head, UINT64_C(1) << 40);
    CU_ASSERT_FALSE(write_one(&pair.writer, 100, 1));
    CU_ASSERT_TRUE(pair.writer.damaged);
    free(pair.memory);
}

/* ---------------------------------------------------------------- two threads */

enum { RECORDS = 200000 };

static void *writer_main(void *arg) {
    struct pair *pair = arg;
    for (uint32_t i = 0; i < RECORDS;) {
        if (write_one(&pair->writer, i * 31 % 200, i))
            i++;
        else
            sched_yield();
    }
    return NULL;
}

static void a_thread_reads_what_another_writes(void) {
    struct pair pair;
    pthread_t thread;
    pair_open(&pair, 4096);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, writer_main, &pair), 0);
    for (uint32_t i = 0, size; i < RECORDS && pair.reader.why == NULL;) {
        if (read_one(&pair.reader, i, &size))
            i++;
        else
            sched_yield();
    }
    pthread_join(thread, NULL);
    CU_ASSERT_PTR_NULL(pair.reader.why);
    free(pair.memory);
}

UNIT_MAIN("rpc/shm_ring", UNIT(records_survive_the_end_of_the_ring_wherever_it_falls),
          UNIT(a_full_ring_takes_no_more_until_something_was_freed), UNIT(what_is_not_published_is_not_read),
          UNIT(a_ring_that_makes_no_sense_is_damaged), UNIT(a_reader_that_has_read_what_was_not_written_is_damaged),
          UNIT(a_thread_reads_what_another_writes))
