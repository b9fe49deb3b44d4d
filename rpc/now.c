/* rpc/now.c: see now.h. */
#include "rpc/now.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpc/error.h"

/* The number, then for each type the size of its names and the names, each with its NUL. */
enum { NAMES_AT = 8, MOST_BYTES = 1 << 20 };

static void path_of(const char *run_dir, uint32_t pe, char *path, size_t size) {
    snprintf(path, size, "%s/now-%u", run_dir, pe);
}

int rpc_now_open(struct rpc_now *now, const char *run_dir, uint32_t pe) {
    char path[PATH_MAX];
    path_of(run_dir, pe, path, sizeof path);
    *now = (struct rpc_now){.fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600), .end = NAMES_AT};
    if (now->fd < 0) return CHARIOT_EIO;
    void *head = MAP_FAILED;
    if (ftruncate(now->fd, NAMES_AT) == 0) head = mmap(NULL, NAMES_AT, PROT_READ | PROT_WRITE, MAP_SHARED, now->fd, 0);
    if (head == MAP_FAILED) {
        rpc_now_close(now);
        return CHARIOT_EIO;
    }
    now->runs = head;
    return 0;
}

int rpc_now_add_type(struct rpc_now *now, const char *const *names, uint32_t count) {
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) size += (uint32_t)strlen(names[i]) + 1;
    char *record = malloc(sizeof size + size), *at = record;
    if (record == NULL) return CHARIOT_ENOMEM;
    memcpy(at, &size, sizeof size);
    at += sizeof size;
    for (uint32_t i = 0; i < count; i++) at = stpcpy(at, names[i]) + 1;
    ssize_t done = pwrite(now->fd, record, (size_t)(at - record), now->end);
    bool whole = done == at - record;
    if (whole) now->end += done;
    free(record);
    return whole ? 0 : CHARIOT_EIO;
}

void rpc_now_close(struct rpc_now *now) {
    if (now->runs != NULL) munmap((void *)(uintptr_t)now->runs, NAMES_AT);
    if (now->fd >= 0) close(now->fd);
    *now = (struct rpc_now){.fd = -1};
}

/* ---------------------------------------------------------------- reading */

/* The text behind `skip` others. NULL: there are fewer. */
static const char *text_at(const char *names, const char *end, uint32_t skip) {
    for (; names < end && skip > 0; skip--) names += strlen(names) + 1;
    return names < end ? names : NULL;
}

/* The names of that type, of *size bytes, which end with NUL. NULL: there are none. */
static const char *names_of(const char *data, size_t left, uint32_t type, uint32_t *size) {
    for (;; type--) {
        if (left < sizeof *size) return NULL;
        memcpy(size, data, sizeof *size);
        data += sizeof *size;
        left -= sizeof *size;
        if (*size > left || *size == 0 || data[*size - 1] != '\0') return NULL;
        if (type == 0) return data;
        data += *size;
        left -= *size;
    }
}

static void tell(const char *data, size_t size, char text[RPC_NOW_TEXT]) {
    uint64_t runs;
    uint32_t bytes;
    memcpy(&runs, data, sizeof runs);
    if (runs == RPC_NOW_ENTRY) snprintf(text, RPC_NOW_TEXT, "its entry function");
    if (runs == RPC_NOW_POOL) snprintf(text, RPC_NOW_TEXT, "a task of the pool");
    if (runs >> 32 == 0) return;
    const char *names = names_of(data + NAMES_AT, size - NAMES_AT, (uint32_t)(runs >> 32) - 1, &bytes);
    if (names == NULL) return;
    const char *method = (uint32_t)runs == UINT32_MAX ? NULL : text_at(names, names + bytes, (uint32_t)runs + 1);
    if (method == NULL)
        snprintf(text, RPC_NOW_TEXT, "the constructor of %.120s", names);
    else
        snprintf(text, RPC_NOW_TEXT, "%.90s.%.60s", names, method);
}

void rpc_now_read(const char *run_dir, uint32_t pe, char text[RPC_NOW_TEXT]) {
    char path[PATH_MAX], *data = malloc(MOST_BYTES);
    path_of(run_dir, pe, path, sizeof path);
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 || data == NULL ? 0 : read(fd, data, MOST_BYTES);
    if (size >= NAMES_AT) tell(data, (size_t)size, text);
    if (fd >= 0) close(fd);
    free(data);
}
