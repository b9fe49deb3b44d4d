/* deploy/stream.c: see stream.h. */
#include "deploy/stream.h"

#include <fcntl.h>
#include <unistd.h>

static ssize_t plain_read(struct deploy_stream *stream, void *bytes, size_t size) {
    return read(stream->in, bytes, size);
}

static ssize_t plain_write(struct deploy_stream *stream, const void *bytes, size_t size) {
    return write(stream->out, bytes, size);
}

static void plain_close(struct deploy_stream *stream) {
    close(stream->in);
    if (stream->out != stream->in) close(stream->out);
}

static const struct deploy_stream_ops PLAIN = {.read = plain_read, .write = plain_write, .close = plain_close};

struct deploy_stream deploy_stream_plain(int in, int out) {
    (void)fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
    (void)fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
    return (struct deploy_stream){.ops = &PLAIN, .in = in, .out = out};
}

ssize_t deploy_stream_read(struct deploy_stream *stream, void *bytes, size_t size) {
    return stream->ops->read(stream, bytes, size);
}

ssize_t deploy_stream_write(struct deploy_stream *stream, const void *bytes, size_t size) {
    return stream->ops->write(stream, bytes, size);
}

void deploy_stream_close(struct deploy_stream *stream) {
    if (stream->ops == NULL) return;
    stream->ops->close(stream);
    *stream = (struct deploy_stream){.in = -1, .out = -1};
}
