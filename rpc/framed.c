/* rpc/framed.c: see framed.h. */
#include "rpc/framed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "rpc/envelope.h"
#include "rpc/error.h"

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* deadline_ms: -1 for ever. */
static int wait_for(int fd, short events, int64_t deadline_ms) {
    for (;;) {
        int64_t left_ms = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
        if (deadline_ms >= 0 && left_ms < 0) left_ms = 0;
        struct pollfd pollfd = {.fd = fd, .events = events};
        int ready = poll(&pollfd, 1, (int)left_ms);
        if (ready > 0) return 0;
        if (ready == 0) return CHARIOT_ETIMEOUT;
        if (errno != EINTR) return CHARIOT_EIO;
    }
}

static ssize_t write_some(int fd, struct iovec *parts, size_t count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t written = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (written < 0 && errno == ENOTSOCK) written = writev(fd, parts, (int)count);
    return written;
}

/* Moves *parts behind what was written. */
static void advance(struct iovec **parts, size_t *count, size_t written) {
    while (*count > 0 && written >= (*parts)->iov_len) {
        written -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count == 0) return;
    (*parts)->iov_base = (char *)(*parts)->iov_base + written;
    (*parts)->iov_len -= written;
}

static int write_all(int fd, struct iovec *parts, size_t count) {
    while (count > 0) {
        ssize_t written = write_some(fd, parts, count);
        if (written >= 0) {
            advance(&parts, &count, (size_t)written);
        } else if (errno == EAGAIN) {
            int error = wait_for(fd, POLLOUT, -1);
            if (error != 0) return error;
        } else if (errno != EINTR) {
            return errno == EPIPE || errno == ECONNRESET ? CHARIOT_EGONE : CHARIOT_EIO;
        }
    }
    return 0;
}

static int read_all(int fd, int64_t deadline_ms, uint8_t *out, size_t size) {
    while (size > 0) {
        int error = wait_for(fd, POLLIN, deadline_ms);
        if (error != 0) return error;
        ssize_t got = read(fd, out, size);
        if (got == 0 || (got < 0 && errno == ECONNRESET)) return CHARIOT_EGONE;
        if (got > 0) {
            out += got;
            size -= (size_t)got;
        } else if (errno != EINTR && errno != EAGAIN) {
            return CHARIOT_EIO;
        }
    }
    return 0;
}

int rpc_framed_write(int fd, const void *data, size_t size) {
    if (size > UINT32_MAX) return CHARIOT_ETOOBIG;
    uint8_t head[4];
    rpc_fixed32_pack((uint32_t)size, head);
    struct iovec parts[] = {{head, sizeof head}, {(void *)(uintptr_t)data, size}};
    return write_all(fd, parts, 2);
}

int rpc_framed_read(int fd, int timeout_ms, uint32_t max_bytes, uint8_t **data, size_t *size) {
    int64_t deadline_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    uint8_t head[4];
    int error = read_all(fd, deadline_ms, head, sizeof head);
    if (error != 0) return error;
    uint32_t length = rpc_fixed32_read(head);
    if (length > max_bytes) return CHARIOT_EMALFORMED;
    uint8_t *buffer = malloc(length > 0 ? length : 1);
    if (buffer == NULL) return CHARIOT_ENOMEM;
    error = read_all(fd, deadline_ms, buffer, length);
    if (error != 0) {
        free(buffer);
        return error;
    }
    *data = buffer;
    *size = length;
    return 0;
}
