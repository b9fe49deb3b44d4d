/* rpc/now.h: what of the program a PE runs at this moment, for whoever finds it dead or stopped.
 *
 * A PE keeps it in a file of its own in the run directory: one number, which it changes through a shared mapping with
 * each method that begins or ends, and behind it the names that stand for it. What was written is there also when the
 * process is killed. The launcher or agent that has started it reads the file then. */
#ifndef CHARIOT_RPC_NOW_H
#define CHARIOT_RPC_NOW_H

#include <stddef.h>
#include <stdint.h>

/* What runs: 0: nothing of the program; RPC_NOW_ENTRY: its entry function; RPC_NOW_POOL: a task of the pool; else a
 * method of a type, both by number. A number that is no method's stands for the constructor. */
#define RPC_NOW_ENTRY                ((uint64_t)1)
#define RPC_NOW_POOL                 ((uint64_t)2)
#define RPC_NOW_METHOD(type, method) (((uint64_t)(type) + 1) << 32 | (uint32_t)(method))

/* The writer's end. */
struct rpc_now {
    int fd;                  /* -1: none */
    volatile uint64_t *runs; /* mapped as long as the file is open; NULL: it is not */
    int64_t end;             /* of the names that are there */
};

/* Makes PE `pe`'s file. CHARIOT_EIO. */
int rpc_now_open(struct rpc_now *now, const char *run_dir, uint32_t pe);
/* The names of the next type and of its methods: `count` texts, that of the type first. The same error. */
int rpc_now_add_type(struct rpc_now *now, const char *const *names, uint32_t count);
void rpc_now_close(struct rpc_now *now);

/* The reader's: what runs there, for people, such as "Cell.step"; "": nothing, or it is not known. */
enum { RPC_NOW_TEXT = 160 };
void rpc_now_read(const char *run_dir, uint32_t pe, char text[RPC_NOW_TEXT]);

#endif
