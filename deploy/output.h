/* deploy/output.h: what PEs print, passed on line by line.
 *
 * Each PE has two streams; each stream ends in a sink. Only whole lines are passed on, so those of different PEs never
 * mix. Exceptions, none of which tears a line:
 *   - text that ends in a carriage return (a progress bar), at once;
 *   - where the sink is a terminal, an unfinished line of PE 0 (a prompt, a bar) after a moment without more;
 *   - a line of more than 64 KiB, in pieces: its stream then holds the sink until the line ends, others wait;
 *   - what is unfinished when a stream ends, as it is.
 * When the sink is full the streams are not read, and PEs that print wait in write(2), as they would without us. */
#ifndef CHARIOT_DEPLOY_OUTPUT_H
#define CHARIOT_DEPLOY_OUTPUT_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/sink.h"

enum { DEPLOY_LINE_BYTES = 64 * 1024 };

struct deploy_output;

struct deploy_stream {
    struct deploy_output *output;
    struct deploy_outlet *outlet;
    uint32_t pe;
    int fd; /* -1: ended */
    ev_io readable;
    ev_timer quiet; /* armed while an unfinished line of PE 0 waits for a terminal */
    char *data;     /* not passed on yet */
    size_t size, capacity;
    char last; /* the last byte passed on; '\n' at first */
};

/* A sink and who holds it. */
struct deploy_outlet {
    struct deploy_sink sink;
    struct deploy_stream *holder; /* in the middle of a long line; NULL: nobody */
    ev_timer hold;                /* since the holder's last byte */
};

struct deploy_output_handler {
    /* Our standard output or error cannot be written any more. */
    void (*on_broken)(void *context, bool is_out, int error);
    /* After deploy_output_finish: everything is written. Never called inside it. */
    void (*on_finished)(void *context);
    /* After deploy_output_settle: what had been printed then is written. May be called inside it. */
    void (*on_settled)(void *context);
    /* PE 0's prompt was erased for what others print, and is to be shown again. */
    void (*on_prompt_erased)(void *context);
    void *context;
};

struct deploy_output {
    struct ev_loop *loop;
    const struct deploy_output_handler *handler; /* borrowed until close */
    bool tag;
    bool finishing;
    bool to_end; /* its streams end by themselves, when all has come; set by the caller, after open */
    bool prompt; /* PE 0 shows one on the terminal of prompt_outlet */
    struct deploy_outlet *prompt_outlet;
    bool no_more_prompts; /* the job ends */
    bool settling;        /* on_settled is still to be called */
    struct deploy_outlet outlets[2];
    struct deploy_outlet *out, *err; /* the same if both lead to the same place */
    struct deploy_stream *streams;   /* 2 * num_pes: out and err of each PE */
    uint32_t num_pes;
    ev_timer again; /* while finishing: looks at all streams once more */
};

/* Writes to descriptors 1 and 2. CHARIOT_ENOMEM. */
int deploy_output_open(struct deploy_output *output, struct ev_loop *loop, uint32_t num_pes, bool tag,
                       const struct deploy_output_handler *handler);
void deploy_output_close(struct deploy_output *output);
/* Takes both descriptors, which must not block. */
void deploy_output_add(struct deploy_output *output, uint32_t pe, int out, int err);
/* Prints a message of the launcher's own, complete lines, to standard error, whole and after all lines that PEs have
 * written by now. A missing last newline is added. */
void deploy_output_say(struct deploy_output *output, const char *text, size_t size);
/* Passes on all lines that PEs have written by now, and PE 0's unfinished one, then on_settled. */
void deploy_output_settle(struct deploy_output *output);
/* PE 0 shows a prompt on our terminal, past us; or no longer does. */
void deploy_output_prompt(struct deploy_output *output, bool shown);
/* The job ends: a prompt that is shown is left on its line, one that was erased does not come back. No other comes. */
void deploy_output_end_prompt(struct deploy_output *output);
/* All PEs are gone: takes what is left in the pipes, then on_finished. */
void deploy_output_finish(struct deploy_output *output);

#endif
