/* rpc/timeline.h: what a PE writes down of its life, for `chariot run --trace`: the form of the records, and the file.
 *
 * A PE appends records to a file of its own in the run directory, through a shared mapping: no system call per record,
 * and what was written is there also when the process is killed. The launcher (deploy/timeline.c) reads the files when
 * all PEs are gone. The file is a row of chunks; room that is left at the end of one is zero. Machine-dependent: writer
 * and reader are one build on hosts of one kind; from other hosts the file comes when the PE is gone (deploy/carry.h).
 *
 * objects/timeline.c writes the records, in order of time. BEGIN and END nest; what was begun last ends first. */
#ifndef CHARIOT_RPC_TIMELINE_H
#define CHARIOT_RPC_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

enum rpc_timeline_kind {
    RPC_TIMELINE_NOTHING = 0, /* the rest of this chunk is empty */
    RPC_TIMELINE_NAME,        /* text: what `name` stands for in other records; comes ahead of them */
    RPC_TIMELINE_BEGIN,       /* something runs from now on; bytes: of its arguments; index: of its chare */
    RPC_TIMELINE_END,         /* what began last has ended */
    RPC_TIMELINE_SEND,        /* message `number` to PE `peer` leaves */
    RPC_TIMELINE_INSTANT,     /* something has happened */
};

enum rpc_timeline_category {
    RPC_TIMELINE_METHOD,      /* an entry method is called */
    RPC_TIMELINE_CONSTRUCTOR, /* a chare is made */
    RPC_TIMELINE_RESUMED,     /* a coroutine goes on */
    RPC_TIMELINE_MAIN,        /* the entry function */
    RPC_TIMELINE_TIMER,       /* a timer is due */
    RPC_TIMELINE_REDUCTION,   /* values are combined */
    RPC_TIMELINE_MESSAGE,     /* the runtime handles a message */
    RPC_TIMELINE_IDLE,        /* nothing to do */
    RPC_TIMELINE_CREATION,    /* instant: chares are asked for */
    RPC_TIMELINE_ENDING,      /* instant: the job is to end */
    RPC_TIMELINE_MIGRATION,   /* elements leave; instant: one leaves, or arrives */
    RPC_TIMELINE_NUM_CATEGORIES,
};

/* Text or index follow; then up to 7 zero bytes. */
struct rpc_timeline_record {
    uint8_t words; /* size of the whole record, in units of 8 bytes */
    uint8_t kind;
    uint8_t category;
    uint8_t ndims; /* dimensions of the index that follows, an int64_t each */
    uint32_t name;
    int64_t at_ns;   /* monotonic time of the PE's host */
    uint32_t peer;   /* BEGIN: PE that the message which caused it came from; SEND: PE it goes to; INSTANT of MIGRATION:
                        PE that the element goes to, or comes from */
    uint32_t number; /* of that message among all from one PE to the other, from 1; 0: none. INSTANT of MIGRATION: 1: it
                        arrives */
    uint64_t bytes;
};

enum { RPC_TIMELINE_MAX_TEXT = 240, RPC_TIMELINE_CHUNK_BYTES = 1 << 20 };

/* Where the PE's times are another clock's than the launcher's: what is to be added to them. */
struct rpc_timeline_clock {
    int64_t at_ns, add_ns; /* at this time so much, */
    double rate;           /* and so much more for each nanosecond since */
};

/* At the beginning of the file. */
struct rpc_timeline_head {
    char magic[8];
    uint32_t pe;
    uint32_t pad;
    uint64_t dropped;                /* events that were not written down any more */
    struct rpc_timeline_clock clock; /* set by the launcher, where it knows of another */
};
#define RPC_TIMELINE_MAGIC "chartml2"

/* The writer's end. */
struct rpc_timeline_file {
    int fd;
    struct rpc_timeline_head *head; /* in the first chunk, mapped as long as the file is open */
    uint8_t *chunk;                 /* the last one */
    uint64_t num_chunks;
};

/* The name of PE `pe`'s file in the run directory; size is room for it. */
void rpc_timeline_path(const char *run_dir, uint32_t pe, char *path, size_t size);
/* Makes it. CHARIOT_EIO. */
int rpc_timeline_file_open(struct rpc_timeline_file *file, const char *run_dir, uint32_t pe);
/* Room for records, of *size bytes, all zero; what was given before is not touched any more. NULL: there is none. */
void *rpc_timeline_file_more(struct rpc_timeline_file *file, size_t *size);
void rpc_timeline_file_close(struct rpc_timeline_file *file);

#endif
