/* rpc/log.h: what a PE says about itself while it runs.
 *
 * CHARIOT_LOG=rpc:debug,lb:info (or one level for all rooms: CHARIOT_LOG=info) is read once, when the log is made. A
 * line goes to standard error in one write: level, room, a stable id, key=value pairs. Error: someone must act; debug
 * alone may have a line per message. Whoever handles an error logs it, once; whoever forwards it does not.
 *
 * Every log also keeps the last 2,048 trace records, short and cheap enough to write always, for the case that the PE
 * ends badly. A log belongs to one PE, under its turn. A NULL log says errors and traces nothing. */
#ifndef CHARIOT_RPC_LOG_H
#define CHARIOT_RPC_LOG_H

#include <stddef.h>
#include <stdint.h>

enum rpc_log_level { RPC_LOG_ERROR = 0, RPC_LOG_WARNING, RPC_LOG_INFO, RPC_LOG_DEBUG };

/* X(room, first part of its ids) */
#define RPC_LOG_ROOMS(X)                                                                                               \
    X(rpc, "RPC")                                                                                                      \
    X(objects, "OBJ")                                                                                                  \
    X(sections, "SEC")                                                                                                 \
    X(lb, "LB")                                                                                                        \
    X(python, "PY")                                                                                                    \
    X(deploy, "DEPLOY")

enum rpc_log_room {
#define RPC_LOG_ROOM_ENUM(room, prefix) RPC_LOG_ROOM_##room,
    RPC_LOG_ROOMS(RPC_LOG_ROOM_ENUM)
#undef RPC_LOG_ROOM_ENUM
        RPC_LOG_NUM_ROOMS
};

enum { RPC_TRACE_RECORDS = 2048 };

struct rpc_trace_record {
    const char *id; /* static, such as "RPC-SEND" */
    uint64_t a, b, c;
};

struct rpc_log {
    uint32_t pe;
    int fd;
    enum rpc_log_level most; /* the most talkative room's, so that a silent log costs one compare */
    enum rpc_log_level levels[RPC_LOG_NUM_ROOMS];
    uint64_t num_records; /* since the start */
    struct rpc_trace_record records[RPC_TRACE_RECORDS];
};

/* setting: as in CHARIOT_LOG; NULL: warnings and errors. Lines go to fd (borrowed). What is not understood in the
 * setting is said there and passed over. NULL: out of memory. */
struct rpc_log *rpc_log_new(const char *setting, uint32_t pe, int fd);
void rpc_log_free(struct rpc_log *log); /* takes NULL */

/* id: static, its first part names the room ("RPC-PEER-GONE"). format: ours, never remote text, which is an argument;
 * control characters in it are written as '?'. */
#define rpc_log(log, level, id, ...)                                                                                   \
    ((level) <= rpc_log_most(log) ? rpc_log_write((log), (level), (id), __VA_ARGS__) : (void)0)

static inline enum rpc_log_level rpc_log_most(const struct rpc_log *log) {
    return log == NULL ? RPC_LOG_ERROR : log->most;
}
void rpc_log_write(struct rpc_log *log, enum rpc_log_level level, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* One trace record; a, b, c mean what the place that writes it wants. */
static inline void rpc_trace(struct rpc_log *log, const char *id, uint64_t a, uint64_t b, uint64_t c) {
    if (log == NULL) return;
    log->records[log->num_records++ % RPC_TRACE_RECORDS] = (struct rpc_trace_record){id, a, b, c};
}
/* Writes the records, oldest first, one line each. Allocates nothing. */
void rpc_trace_dump(const struct rpc_log *log, int fd);

#endif
