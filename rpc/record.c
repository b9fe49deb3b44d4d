/* rpc/record.c: see record.h. */
#include "rpc/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rpc/error.h"

static const char HEAD[] = "{\"type\":\"LBDatafile\",\"phases\":[";

static int write_all(int fd, struct iovec *parts, int count, int64_t at) {
    while (count > 0) {
        ssize_t done = pwritev(fd, parts, count, at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return CHARIOT_EIO;
        at += done;
        while (count > 0 && (size_t)done >= parts->iov_len) {
            done -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count == 0) break;
        parts->iov_base = (char *)parts->iov_base + done;
        parts->iov_len -= (size_t)done;
    }
    return 0;
}

/* The phase (of size 0: none) and what stands behind all. */
static int put(struct rpc_record *record, const char *phase, size_t size, bool complete) {
    const char *before = size == 0 ? "" : record->has_phase ? ",\n" : "\n";
    const char *truth = complete ? "true}}}\n" : "false}}}\n";
    struct iovec parts[] = {{(void *)before, strlen(before)},
                            {(void *)phase, size},
                            {record->about, strlen(record->about)},
                            {(void *)truth, strlen(truth)}};
    int64_t end = record->end + (int64_t)(parts[0].iov_len + size);
    int64_t all = end + (int64_t)(parts[2].iov_len + parts[3].iov_len);
    if (write_all(record->fd, parts, 4, record->end) != 0 || ftruncate(record->fd, all) != 0) return CHARIOT_EIO;
    record->end = end;
    record->has_phase |= size > 0;
    return 0;
}

bool rpc_record_path(const char *name, uint32_t pe, char *path, size_t size) {
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".json") == 0) length -= 5;
    int made = snprintf(path, size, "%.*s.%u.json", (int)length, name, pe);
    return made >= 0 && (size_t)made < size;
}

int rpc_record_open(struct rpc_record *record, const char *name, uint32_t pe, uint32_t num_pes, const char *job) {
    *record = (struct rpc_record){.fd = -1, .end = sizeof HEAD - 1};
    if (!rpc_record_path(name, pe, record->path, sizeof record->path)) return CHARIOT_ETOOBIG;
    snprintf(
        record->about, sizeof record->about,
        "\n],\"metadata\":{\"type\":\"LBDatafile\",\"rank\":%u,\"attributes\":{\"program\":\"chariot " CHARIOT_VERSION
        "\",\"job\":\"%.64s\",\"pes\":%u,\"complete\":",
        pe, job, num_pes);
    record->fd = open(record->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (record->fd < 0) return CHARIOT_EIO;
    struct iovec head = {(void *)HEAD, sizeof HEAD - 1};
    return write_all(record->fd, &head, 1, 0) != 0 ? CHARIOT_EIO : put(record, NULL, 0, false);
}

int rpc_record_add(struct rpc_record *record, const char *phase, size_t size) {
    return record->fd < 0 ? CHARIOT_ECLOSED : put(record, phase, size, false);
}

void rpc_record_close(struct rpc_record *record, bool complete) {
    if (record->fd < 0) return;
    if (complete) put(record, NULL, 0, true);
    close(record->fd);
    record->fd = -1;
}
