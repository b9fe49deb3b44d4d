/* deploy/guard.c: see guard.h.
 *
 * A record of 12 bytes, with a path or not, is far below PIPE_BUF, so those of several processes never mix. */
#include "deploy/guard.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "deploy/rundir.h"

enum { PIPE = 3, STREAM = 4 }; /* the descriptors that it keeps */
enum { FOLLOW_WITHIN_MS = 5000 };

enum record_kind { RECORD_ADD = 1, RECORD_REMOVE, RECORD_RUN_DIR, RECORD_DONE };

struct record {
    int32_t kind;
    int32_t pid;
    int32_t group; /* of RECORD_RUN_DIR: bytes of the path, with its NUL, which follow */
};

struct ward {
    pid_t pid;
    pid_t group; /* 0: only the process */
};

struct wards {
    struct ward *items;
    size_t count, capacity;
};

/* ---------------------------------------------------------------- the guard process */

/* Out of memory: the process cannot be remembered, so it must not live unwatched. */
static void wards_add(struct wards *wards, const struct record *record) {
    if (wards->count == wards->capacity) {
        size_t capacity = wards->capacity == 0 ? 64 : 2 * wards->capacity;
        struct ward *items = realloc(wards->items, capacity * sizeof *items);
        if (items == NULL) {
            kill(record->pid, SIGKILL);
            return;
        }
        wards->items = items;
        wards->capacity = capacity;
    }
    wards->items[wards->count++] = (struct ward){.pid = record->pid, .group = record->group};
}

static void wards_remove(struct wards *wards, pid_t pid) {
    for (size_t i = 0; i < wards->count; i++) {
        if (wards->items[i].pid != pid) continue;
        wards->items[i] = wards->items[--wards->count];
        return;
    }
}

static bool is_ward_there(const struct ward *ward) {
    return kill(ward->group != 0 ? -ward->group : ward->pid, 0) == 0;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_any_there(const struct wards *wards) {
    for (size_t i = 0; i < wards->count; i++) {
        if (is_ward_there(&wards->items[i])) return true;
    }
    return false;
}

static void kill_all(const struct wards *wards) {
    for (size_t i = 0; i < wards->count; i++) {
        const struct ward *ward = &wards->items[i];
        if (ward->group != 0) kill(-ward->group, SIGKILL);
        kill(ward->pid, SIGKILL);
    }
}

/* A killed process may still finish the system call that makes a file. Waits until they are gone, yet not for long:
 * under an init that does not reap, the dead stay visible. */
static void clean_up(const struct wards *wards, const char *run_dir) {
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    kill_all(wards);
    for (int i = 0; i < 100 && is_any_there(wards); i++) nanosleep(&pause, NULL);
    for (int i = 0; i < 100 && run_dir[0] != '\0' && deploy_rundir_remove(run_dir) != 0; i++) nanosleep(&pause, NULL);
}

/* False at the end of the pipe. */
static bool read_whole(void *data, size_t size) {
    ssize_t got;
    do {
        got = read(PIPE, data, size);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)size;
}

/* Until there is a record, or the pipe has ended. Who does not follow the stream's end is killed, which ends the pipe.
 */
static void wait_for_record(pid_t agent, bool has_stream, int64_t *follow_until_ms) {
    for (;;) {
        struct pollfd fds[2] = {{.fd = PIPE, .events = POLLIN},
                                {.fd = has_stream && *follow_until_ms == 0 ? STREAM : -1, .events = POLLRDHUP}};
        int64_t left_ms = *follow_until_ms == 0 ? -1 : *follow_until_ms - now_ms();
        if (*follow_until_ms != 0 && left_ms <= 0) {
            kill(agent, SIGKILL);
            left_ms = -1;
        }
        (void)poll(fds, 2, (int)left_ms);
        if (fds[0].revents != 0) return;
        if (fds[1].revents != 0) *follow_until_ms = now_ms() + FOLLOW_WITHIN_MS;
    }
}

static void watch(pid_t agent, bool has_stream) {
    char run_dir[DEPLOY_RUNDIR_MAX + 1] = "";
    struct wards wards = {0};
    struct record record;
    int64_t follow_until_ms = 0; /* 0: the stream has not ended */
    for (;;) {
        wait_for_record(agent, has_stream, &follow_until_ms);
        if (!read_whole(&record, sizeof record)) break;
        if (record.kind == RECORD_RUN_DIR && !read_whole(run_dir, (size_t)record.group)) break;
        if (record.kind == RECORD_DONE) return;
        if (record.kind == RECORD_ADD) wards_add(&wards, &record);
        if (record.kind == RECORD_REMOVE) wards_remove(&wards, record.pid);
    }
    if (has_stream) close(STREAM); /* the other end hears of the death now, not when all is tidy */
    clean_up(&wards, run_dir);
}

/* Holds no other descriptor of the launcher's, so that readers of its output see the end when it ends. */
static void keep_only(int fd, int stream) {
    int pipe = fcntl(fd, F_DUPFD, 10), other = stream < 0 ? -1 : fcntl(stream, F_DUPFD, 10);
    dup2(pipe, PIPE);
    if (other >= 0) dup2(other, STREAM);
    close_range(other >= 0 ? STREAM + 1 : PIPE + 1, ~0U, 0);
    close_range(0, PIPE - 1, 0);
    for (int i = 0; i < PIPE; i++) {
        if (open("/dev/null", O_RDWR) < 0) break; /* fills 0 to 2 */
    }
}

static _Noreturn void guard_main(pid_t parent, int fd, int stream) {
    static const int IGNORED[] = {SIGINT,  SIGQUIT, SIGTERM, SIGHUP,  SIGTSTP, SIGTTIN,
                                  SIGTTOU, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM};
    for (size_t i = 0; i < sizeof IGNORED / sizeof IGNORED[0]; i++) signal(IGNORED[i], SIG_IGN);
    prctl(PR_SET_NAME, "chariot-guard");
    setsid();
    keep_only(fd, stream);
    watch(parent, stream >= 0);
    _exit(0);
}

/* ---------------------------------------------------------------- the launcher's side */

int deploy_guard_start(struct deploy_guard *guard, int stream, struct deploy_reason *reason) {
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC) != 0)
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot make a pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        guard_main(parent, ends[0], stream);
    }
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return deploy_reason_set(reason, DEPLOY_STATUS_OS, "cannot start the guard process: %s", strerror(errno));
    }
    *guard = (struct deploy_guard){.fd = ends[1], .pid = pid};
    return 0;
}

/* A guard that somebody has killed must not stop the job: EPIPE is no error. */
static void send_bytes(const struct deploy_guard *guard, const void *data, size_t size) {
    ssize_t put;
    if (guard->fd < 0) return;
    do {
        put = write(guard->fd, data, size);
    } while (put < 0 && errno == EINTR);
}

static void send_record(const struct deploy_guard *guard, enum record_kind kind, pid_t pid, pid_t group) {
    const struct record record = {.kind = kind, .pid = pid, .group = group};
    send_bytes(guard, &record, sizeof record);
}

void deploy_guard_set_run_dir(const struct deploy_guard *guard, const char *run_dir) {
    struct {
        struct record record;
        char path[DEPLOY_RUNDIR_MAX + 1];
    } all = {.record = {.kind = RECORD_RUN_DIR, .group = (int32_t)strlen(run_dir) + 1}};
    assert(strlen(run_dir) <= DEPLOY_RUNDIR_MAX);
    strcpy(all.path, run_dir);
    send_bytes(guard, &all, sizeof all.record + (size_t)all.record.group);
}

void deploy_guard_add(const struct deploy_guard *guard, pid_t pid, pid_t group) {
    send_record(guard, RECORD_ADD, pid, group);
}

void deploy_guard_remove(const struct deploy_guard *guard, pid_t pid) {
    send_record(guard, RECORD_REMOVE, pid, 0);
}

void deploy_guard_done(struct deploy_guard *guard) {
    if (guard->fd < 0) return;
    send_record(guard, RECORD_DONE, 0, 0);
    close(guard->fd);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR) continue;
    guard->fd = -1;
}
