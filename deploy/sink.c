/* deploy/sink.c: see sink.h. */
#include "deploy/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"

enum { FULL_BYTES = 256 * 1024 };

bool deploy_sink_is_full(const struct deploy_sink *sink) {
    return sink->size >= FULL_BYTES;
}

bool deploy_sink_is_empty(const struct deploy_sink *sink) {
    return sink->size == 0;
}

/* ---------------------------------------------------------------- taking in */

int deploy_sink_reserve(struct deploy_sink *sink, size_t size) {
    if (sink->is_broken || sink->capacity - sink->start - sink->size >= size) return 0;
    if (sink->start > 0) {
        memmove(sink->data, sink->data + sink->start, sink->size);
        sink->start = 0;
    }
    if (sink->capacity - sink->size >= size) return 0;
    size_t capacity = sink->size + size;
    if (capacity < 2 * sink->capacity) capacity = 2 * sink->capacity;
    char *data = realloc(sink->data, capacity);
    if (data == NULL) return CHARIOT_ENOMEM;
    sink->data = data;
    sink->capacity = capacity;
    return 0;
}

static void append(struct deploy_sink *sink, const char *data, size_t size) {
    assert(sink->capacity - sink->start - sink->size >= size);
    memcpy(sink->data + sink->start + sink->size, data, size);
    sink->size += size;
}

/* To column 0, and clear to the end of the line. */
static void erase_prompt(struct deploy_sink *sink) {
    append(sink, DEPLOY_ERASE_LINE, sizeof DEPLOY_ERASE_LINE - 1);
    sink->prompt = false;
    sink->mid_line = false;
}

void deploy_sink_write(struct deploy_sink *sink, const void *writer, const char *data, size_t size) {
    if (size == 0 || sink->is_broken) return;
    if (sink->prompt) erase_prompt(sink);
    if (sink->mid_line && sink->writer != writer) append(sink, "\n", 1);
    append(sink, data, size);
    sink->writer = writer;
    sink->mid_line = data[size - 1] != '\n';
    ev_io_start(sink->loop, &sink->writable);
}

void deploy_sink_end_prompt(struct deploy_sink *sink) {
    if (!sink->prompt || sink->is_broken || deploy_sink_reserve(sink, 1) != 0) return;
    append(sink, "\n", 1);
    sink->prompt = sink->mid_line = false;
    ev_io_start(sink->loop, &sink->writable);
}

/* ---------------------------------------------------------------- giving out */

static void on_error(struct deploy_sink *sink, int error) {
    ev_io_stop(sink->loop, &sink->writable);
    sink->is_broken = true;
    sink->size = sink->start = 0;
    sink->on_broken(sink->context, sink, error);
    sink->on_room(sink->context, sink);
}

static ssize_t put(const struct deploy_sink *sink) {
    const char *data = sink->data + sink->start;
    size_t size = sink->size;
    if (sink->is_socket) return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size > sink->piece) size = sink->piece;
    return write(sink->fd, data, size);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_sink *sink = watcher->data;
    (void)events;
    ssize_t done = put(sink);
    if (done < 0) {
        if (errno != EAGAIN && errno != EINTR) on_error(sink, errno);
        return;
    }
    sink->start += (size_t)done;
    sink->size -= (size_t)done;
    if (sink->size == 0) {
        sink->start = 0;
        ev_io_stop(loop, watcher);
    }
    if (!deploy_sink_is_full(sink)) sink->on_room(sink->context, sink);
}

/* ---------------------------------------------------------------- life */

/* The same pipe or terminal through a description of our own; -1 where that cannot be. */
static int open_anew(int fd) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

void deploy_sink_open(struct deploy_sink *sink, struct ev_loop *loop, int fd) {
    struct stat st = {0};
    sink->loop = loop;
    sink->fd = fd;
    fstat(fd, &st);
    sink->is_socket = S_ISSOCK(st.st_mode);
    sink->is_terminal = isatty(fd) == 1;
    sink->piece = SIZE_MAX;
    if (S_ISFIFO(st.st_mode) || sink->is_terminal) {
        int anew = open_anew(fd);
        sink->is_own = anew >= 0;
        if (anew >= 0) sink->fd = anew;
        if (anew < 0) sink->piece = PIPE_BUF;
    }
    ev_io_init(&sink->writable, on_writable, sink->fd, EV_WRITE);
    sink->writable.data = sink;
}

void deploy_sink_close(struct deploy_sink *sink) {
    ev_io_stop(sink->loop, &sink->writable);
    if (sink->is_own) close(sink->fd);
    free(sink->data);
    sink->data = NULL;
    sink->size = sink->start = sink->capacity = 0;
}
