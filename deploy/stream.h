/* deploy/stream.h: a stream of bytes that never waits: descriptors, or TLS over one (tls.h). */
#ifndef CHARIOT_DEPLOY_STREAM_H
#define CHARIOT_DEPLOY_STREAM_H

#include <stddef.h>
#include <sys/types.h>

struct deploy_stream;

struct deploy_stream_ops {
    /* As read() and write() of a non-blocking descriptor. A read that does not fill `size` has left nothing behind that
     * the descriptor does not show. */
    ssize_t (*read)(struct deploy_stream *stream, void *bytes, size_t size);
    ssize_t (*write)(struct deploy_stream *stream, const void *bytes, size_t size);
    void (*close)(struct deploy_stream *stream);
};

struct deploy_stream {
    const struct deploy_stream_ops *ops; /* NULL: closed */
    int in, out;                         /* owned; may be one */
    void *tls;                           /* tls.c's */
};

/* Takes both descriptors and makes them non-blocking. */
struct deploy_stream deploy_stream_plain(int in, int out);
ssize_t deploy_stream_read(struct deploy_stream *stream, void *bytes, size_t size);
ssize_t deploy_stream_write(struct deploy_stream *stream, const void *bytes, size_t size);
void deploy_stream_close(struct deploy_stream *stream);

#endif
