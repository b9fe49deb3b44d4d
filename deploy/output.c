/* deploy/output.c: see output.h.
 *
 *     pipe -> read_once -> stream->data -> pass -> sink
 *
 * pass() is called whenever something may have changed for a stream: bytes came, it ended, its sink has room again, the
 * holder let go. */
#include "deploy/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"

static const double QUIET_SECONDS =
    0.05;                             /* a prompt shows without delay to the eye, a line in pieces still comes whole */
static const double HOLD_SECONDS = 2; /* a holder silent for so long may wait for one who waits for the sink */

enum { FIRST_CAPACITY = 4096, TAG_BYTES = sizeof "[65535] " };

static void pass(struct deploy_stream *stream);

/* ---------------------------------------------------------------- tags */

/* A tag goes before the first byte of each line; a carriage return begins the line anew, unless it is part of "\r\n".
 */
static bool needs_tag(char last, char next) {
    if (last == '\n') return next != '\r';
    return last == '\r' && next != '\r' && next != '\n';
}

static size_t count_line_ends(const char *data, size_t size) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++) count += data[i] == '\n' || data[i] == '\r';
    return count;
}

static void write_tagged(struct deploy_stream *stream, const char *data, size_t size) {
    struct deploy_sink *sink = &stream->outlet->sink;
    char tag[TAG_BYTES];
    int tag_size = snprintf(tag, sizeof tag, "[%u] ", stream->pe % 100000);
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        if (needs_tag(stream->last, data[i])) {
            deploy_sink_write(sink, stream, data + from, i - from);
            deploy_sink_write(sink, stream, tag, (size_t)tag_size);
            from = i;
        }
        stream->last = data[i];
    }
    deploy_sink_write(sink, stream, data + from, size - from);
}

/* ---------------------------------------------------------------- passing on */

/* The first `size` bytes of the stream's data go to the sink. False: out of memory, they stay, and go later. */
static bool write_out(struct deploy_stream *stream, size_t size) {
    struct deploy_sink *sink = &stream->outlet->sink;
    size_t tags = stream->output->tag ? (1 + count_line_ends(stream->data, size)) * TAG_BYTES : 0;
    if (size == 0 || deploy_sink_reserve(sink, size + tags + DEPLOY_SINK_EXTRA) != 0) return false;
    if (sink->writer != stream) stream->last = '\n'; /* whatever it left unfinished, it is on a new line now */
    if (stream->output->tag) {
        write_tagged(stream, stream->data, size);
    } else {
        deploy_sink_write(sink, stream, stream->data, size);
    }
    stream->last = stream->data[size - 1];
    stream->size -= size;
    memmove(stream->data, stream->data + size, stream->size);
    return true;
}

static void look_again(struct deploy_output *output) {
    if (ev_is_active(&output->again)) return;
    ev_timer_set(&output->again, 0., 0.);
    ev_timer_start(output->loop, &output->again);
}

static void release(struct deploy_outlet *outlet, struct deploy_output *output) {
    outlet->holder = NULL;
    ev_timer_stop(output->loop, &outlet->hold);
    for (uint32_t i = 0; i < 2 * output->num_pes; i++) {
        if (output->streams[i].outlet == outlet) pass(&output->streams[i]);
    }
    if (output->finishing) look_again(output);
}

static void hold(struct deploy_stream *stream) {
    stream->outlet->holder = stream;
    ev_timer_again(stream->output->loop, &stream->outlet->hold);
}

/* How many bytes may go now, without regard to who holds the sink. */
static size_t passable(const struct deploy_stream *stream) {
    if (stream->size == 0) return 0;
    if (stream->fd < 0 || stream->data[stream->size - 1] == '\r') return stream->size;
    const char *newline = memrchr(stream->data, '\n', stream->size);
    if (newline != NULL) return (size_t)(newline - stream->data) + 1;
    return stream->size == DEPLOY_LINE_BYTES || stream->outlet->holder == stream ? stream->size : 0;
}

static void read_on(struct deploy_stream *stream) {
    if (stream->fd < 0) return;
    if (stream->size < DEPLOY_LINE_BYTES) {
        ev_io_start(stream->output->loop, &stream->readable);
    } else {
        ev_io_stop(stream->output->loop, &stream->readable);
    }
}

static void watch_unfinished(struct deploy_stream *stream) {
    if (stream->pe != 0 || !stream->outlet->sink.is_terminal) return;
    if (stream->size > 0 && stream->fd >= 0) {
        if (!ev_is_active(&stream->quiet)) ev_timer_again(stream->output->loop, &stream->quiet);
    } else {
        ev_timer_stop(stream->output->loop, &stream->quiet);
    }
}

static void pass(struct deploy_stream *stream) {
    struct deploy_outlet *outlet = stream->outlet;
    bool may = outlet->holder == NULL || outlet->holder == stream || outlet->sink.is_broken;
    size_t size = may && !deploy_sink_is_full(&outlet->sink) ? passable(stream) : 0;
    if (size > 0) {
        char last = stream->data[size - 1];
        bool ended = last == '\n' || last == '\r' || stream->fd < 0;
        if (write_out(stream, size) && !ended && !outlet->sink.is_broken) hold(stream);
    }
    read_on(stream);
    watch_unfinished(stream);
    bool has_ended_line = size > 0 && (stream->last == '\n' || stream->last == '\r');
    if (outlet->holder == stream && (has_ended_line || (stream->fd < 0 && stream->size == 0)))
        release(outlet, stream->output);
}

/* ---------------------------------------------------------------- reading */

static void end_stream(struct deploy_stream *stream) {
    ev_io_stop(stream->output->loop, &stream->readable);
    close(stream->fd);
    stream->fd = -1;
}

static bool make_room(struct deploy_stream *stream) {
    if (stream->size < stream->capacity) return true;
    size_t capacity = stream->capacity == 0 ? FIRST_CAPACITY : 2 * stream->capacity;
    if (capacity > DEPLOY_LINE_BYTES) return false;
    char *data = realloc(stream->data, capacity);
    if (data == NULL) return false;
    stream->data = data;
    stream->capacity = capacity;
    return true;
}

/* True if bytes came. When the job is over an empty pipe has ended, whoever may still hold its other end, unless all
 * end by themselves. */
static bool read_once(struct deploy_stream *stream) {
    if (stream->fd < 0 || !make_room(stream)) return false;
    ssize_t got = read(stream->fd, stream->data + stream->size, stream->capacity - stream->size);
    if (got > 0) {
        stream->size += (size_t)got;
        return true;
    }
    bool empty = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (!empty || (stream->output->finishing && !stream->output->to_end)) end_stream(stream);
    return false;
}

static void finish_stream(struct deploy_stream *stream) {
    while (read_once(stream)) {
        pass(stream);
        if (stream->size == DEPLOY_LINE_BYTES) return; /* the sink is full or held; on_again goes on */
    }
    pass(stream);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct deploy_stream *stream = watcher->data;
    (void)loop, (void)events;
    if (stream->output->finishing) {
        finish_stream(stream);
        if (stream->fd < 0) look_again(stream->output);
        return;
    }
    (void)read_once(stream);
    pass(stream);
}

/* ---------------------------------------------------------------- events */

static void on_quiet(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_stream *stream = watcher->data;
    (void)events;
    ev_timer_stop(loop, watcher);
    if (stream->outlet->holder == NULL && !deploy_sink_is_full(&stream->outlet->sink))
        (void)write_out(stream, stream->size);
    read_on(stream);
}

static void on_hold_over(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_outlet *outlet = watcher->data;
    (void)events;
    if (outlet->holder == NULL) {
        ev_timer_stop(loop, watcher);
    } else if (deploy_sink_is_full(&outlet->sink)) {
        ev_timer_again(loop, watcher); /* not its fault */
    } else {
        release(outlet, outlet->holder->output);
    }
}

static bool is_finished(const struct deploy_output *output) {
    for (uint32_t i = 0; i < 2 * output->num_pes; i++) {
        if (output->streams[i].fd >= 0 || output->streams[i].size > 0) return false;
    }
    return deploy_sink_is_empty(&output->out->sink) && deploy_sink_is_empty(&output->err->sink);
}

static void on_again(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct deploy_output *output = watcher->data;
    (void)loop, (void)events;
    for (uint32_t i = 0; i < 2 * output->num_pes; i++) finish_stream(&output->streams[i]);
    if (is_finished(output)) output->handler->on_finished(output->handler->context);
}

/* Everything is written once the sinks are empty; then a prompt that had to be erased comes back. */
static void check_settled(struct deploy_output *output) {
    if (!deploy_sink_is_empty(&output->out->sink) || !deploy_sink_is_empty(&output->err->sink)) return;
    if (output->settling) {
        output->settling = false;
        output->handler->on_settled(output->handler->context);
    }
    if (output->prompt && !output->prompt_outlet->sink.prompt) {
        output->prompt_outlet->sink.prompt = true;
        output->handler->on_prompt_erased(output->handler->context);
    }
}

static void on_room(void *context, struct deploy_sink *sink) {
    struct deploy_output *output = context;
    if (output->finishing) {
        look_again(output);
        return;
    }
    check_settled(output);
    for (uint32_t i = 0; i < 2 * output->num_pes && !deploy_sink_is_full(sink); i++) {
        if (&output->streams[i].outlet->sink == sink) pass(&output->streams[i]);
    }
}

static void on_broken(void *context, struct deploy_sink *sink, int error) {
    struct deploy_output *output = context;
    output->handler->on_broken(output->handler->context, sink == &output->out->sink, error);
}

/* ---------------------------------------------------------------- consoles */

/* What pipes hold, and no more of a PE that prints without end. */
static void take_all(struct deploy_output *output) {
    for (uint32_t i = 0; i < 2 * output->num_pes; i++) {
        struct deploy_stream *stream = &output->streams[i];
        for (size_t at = 0; at < DEPLOY_LINE_BYTES && read_once(stream); at += FIRST_CAPACITY) pass(stream);
        pass(stream);
    }
}

void deploy_output_settle(struct deploy_output *output) {
    take_all(output);
    for (int i = 0; i < 2; i++) {
        struct deploy_stream *stream = &output->streams[i];
        if (stream->outlet->holder == NULL) (void)write_out(stream, stream->size);
        read_on(stream);
    }
    output->settling = true;
    check_settled(output);
}

/* At column 0 or behind PE 0's unfinished line, which is as good as finished by then. */
void deploy_output_prompt(struct deploy_output *output, bool shown) {
    output->prompt_outlet = output->out->sink.is_terminal ? output->out : output->err;
    output->prompt = shown && !output->no_more_prompts && output->prompt_outlet->sink.is_terminal;
    output->prompt_outlet->sink.prompt = output->prompt;
}

void deploy_output_end_prompt(struct deploy_output *output) {
    if (output->prompt) deploy_sink_end_prompt(&output->prompt_outlet->sink);
    output->prompt = false;
    output->no_more_prompts = true;
}

/* ---------------------------------------------------------------- the launcher's side */

void deploy_output_say(struct deploy_output *output, const char *text, size_t size) {
    struct deploy_sink *sink = &output->err->sink;
    take_all(output);
    if (size == 0) return;
    if (deploy_sink_reserve(sink, size + 1 + DEPLOY_SINK_EXTRA) != 0) {
        (void)!write(2, text, size);
        return;
    }
    deploy_sink_write(sink, output, text, size);
    if (text[size - 1] != '\n') deploy_sink_write(sink, output, "\n", 1);
}

void deploy_output_finish(struct deploy_output *output) {
    output->finishing = true;
    deploy_output_end_prompt(output);
    look_again(output);
}

static void add_stream(struct deploy_output *output, struct deploy_stream *stream, uint32_t pe, int fd) {
    stream->fd = fd;
    stream->pe = pe;
    ev_io_init(&stream->readable, on_readable, fd, EV_READ);
    stream->readable.data = stream;
    ev_init(&stream->quiet, on_quiet);
    stream->quiet.repeat = QUIET_SECONDS;
    stream->quiet.data = stream;
    ev_io_start(output->loop, &stream->readable);
}

void deploy_output_add(struct deploy_output *output, uint32_t pe, int out, int err) {
    add_stream(output, &output->streams[2 * pe], pe, out);
    add_stream(output, &output->streams[2 * pe + 1], pe, err);
}

/* ---------------------------------------------------------------- life */

static bool is_same_place(int a, int b) {
    struct stat first, second;
    if (fstat(a, &first) != 0 || fstat(b, &second) != 0) return false;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static void open_outlet(struct deploy_output *output, struct deploy_outlet *outlet, int fd) {
    outlet->sink.on_room = on_room;
    outlet->sink.on_broken = on_broken;
    outlet->sink.context = output;
    deploy_sink_open(&outlet->sink, output->loop, fd);
    ev_init(&outlet->hold, on_hold_over);
    outlet->hold.repeat = HOLD_SECONDS;
    outlet->hold.data = outlet;
}

int deploy_output_open(struct deploy_output *output, struct ev_loop *loop, uint32_t num_pes, bool tag,
                       const struct deploy_output_handler *handler) {
    *output = (struct deploy_output){.loop = loop, .handler = handler, .tag = tag, .num_pes = num_pes};
    output->streams = calloc(2 * (size_t)num_pes, sizeof *output->streams);
    if (output->streams == NULL) return CHARIOT_ENOMEM;
    output->out = &output->outlets[0];
    output->err = is_same_place(1, 2) ? output->out : &output->outlets[1];
    open_outlet(output, output->out, 1);
    if (output->err != output->out) open_outlet(output, output->err, 2);
    for (uint32_t i = 0; i < 2 * num_pes; i++) {
        output->streams[i] = (struct deploy_stream){
            .output = output, .outlet = i % 2 == 0 ? output->out : output->err, .pe = i / 2, .fd = -1, .last = '\n'};
    }
    ev_init(&output->again, on_again);
    output->again.data = output;
    return 0;
}

void deploy_output_close(struct deploy_output *output) {
    for (uint32_t i = 0; i < 2 * output->num_pes; i++) {
        struct deploy_stream *stream = &output->streams[i];
        if (stream->fd >= 0) end_stream(stream);
        ev_timer_stop(output->loop, &stream->quiet);
        free(stream->data);
    }
    for (int i = 0; i < 2; i++) {
        struct deploy_outlet *outlet = &output->outlets[i];
        if (outlet != output->out && outlet != output->err) continue;
        ev_timer_stop(output->loop, &outlet->hold);
        deploy_sink_close(&outlet->sink);
    }
    ev_timer_stop(output->loop, &output->again);
    free(output->streams);
    *output = (struct deploy_output){0};
}
