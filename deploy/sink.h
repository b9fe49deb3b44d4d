/* deploy/sink.h: a place that lines of many writers go to: our standard output or error.
 *
 * Bytes are gathered in memory and written by the loop as the other side takes them, so that a slow reader stops nobody
 * here. While somebody else shows a prompt on the terminal, its line is erased before anything is written. A writer
 * should stop while the sink is full. When a writer follows another one's unfinished line (a progress bar, a prompt), a
 * newline comes between: no line is ever torn. Never blocks: a pipe or a terminal is opened anew, because O_NONBLOCK on
 * the description that we inherited would change it for our shell as well. */
#ifndef CHARIOT_DEPLOY_SINK_H
#define CHARIOT_DEPLOY_SINK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#define DEPLOY_ERASE_LINE "\r\033[K"

enum { DEPLOY_SINK_EXTRA = 8 }; /* a newline, and what erases a prompt */

struct deploy_sink {
    struct ev_loop *loop;
    int fd;
    bool is_own; /* fd was opened by us */
    bool is_socket;
    bool is_terminal;
    size_t piece;   /* most that one write may carry: where fd can block, what surely fits when it is writable */
    bool is_broken; /* nobody reads any more: everything is dropped */
    ev_io writable;
    char *data; /* start..start+size are still to be written */
    size_t start, size, capacity;
    const void *writer; /* who wrote last */
    bool mid_line;      /* the last byte was no newline */
    bool prompt;        /* on the terminal, past us */
    /* Room was made. Called from the loop, after each write after which the sink is not full. */
    void (*on_room)(void *context, struct deploy_sink *sink);
    /* Writing failed, with this errno; the sink is broken from now on. Called from the loop, once. */
    void (*on_broken)(void *context, struct deploy_sink *sink, int error);
    void *context;
};

/* Borrows fd until close. The caller sets the handlers and `context` before. */
void deploy_sink_open(struct deploy_sink *sink, struct ev_loop *loop, int fd);
/* What is not written yet is lost. */
void deploy_sink_close(struct deploy_sink *sink);
bool deploy_sink_is_full(const struct deploy_sink *sink);
bool deploy_sink_is_empty(const struct deploy_sink *sink);
/* Makes sure that `size` bytes can be written. CHARIOT_ENOMEM. */
int deploy_sink_reserve(struct deploy_sink *sink, size_t size);
/* Appends; the caller has reserved size + DEPLOY_SINK_EXTRA bytes. `writer` is compared only. */
void deploy_sink_write(struct deploy_sink *sink, const void *writer, const char *data, size_t size);
/* Ends the line of a prompt that is shown. */
void deploy_sink_end_prompt(struct deploy_sink *sink);

#endif
