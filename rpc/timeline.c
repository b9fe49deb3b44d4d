/* rpc/timeline.c: the writer's end of a timeline file. Each chunk's room on the disk is taken before it is mapped, so
 * that a full disk ends the trace and not the process. */
#include "rpc/timeline.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rpc/error.h"

_Static_assert(sizeof(struct rpc_timeline_record) == 32, "records are of whole words");
_Static_assert(sizeof(struct rpc_timeline_head) % 8 == 0, "and begin at one");

void rpc_timeline_path(const char *run_dir, uint32_t pe, char *path, size_t size) {
    snprintf(path, size, "%s/timeline.%u", run_dir, pe);
}

/* The next chunk. NULL: no room. */
static uint8_t *map_next(struct rpc_timeline_file *file) {
    off_t at = (off_t)(file->num_chunks * RPC_TIMELINE_CHUNK_BYTES);
    if (posix_fallocate(file->fd, at, RPC_TIMELINE_CHUNK_BYTES) != 0) return NULL;
    void *chunk = mmap(NULL, RPC_TIMELINE_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, at);
    if (chunk == MAP_FAILED) return NULL;
    file->num_chunks++;
    return chunk;
}

int rpc_timeline_file_open(struct rpc_timeline_file *file, const char *run_dir, uint32_t pe) {
    char path[512];
    rpc_timeline_path(run_dir, pe, path, sizeof path);
    *file = (struct rpc_timeline_file){.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (file->fd < 0) return CHARIOT_EIO;
    uint8_t *first = map_next(file);
    if (first == NULL) {
        close(file->fd);
        file->fd = -1;
        return CHARIOT_EIO;
    }
    file->head = (struct rpc_timeline_head *)(void *)first;
    memcpy(file->head->magic, RPC_TIMELINE_MAGIC, sizeof file->head->magic);
    file->head->pe = pe;
    return 0;
}

void *rpc_timeline_file_more(struct rpc_timeline_file *file, size_t *size) {
    uint8_t *first = (uint8_t *)file->head;
    if (file->num_chunks == 1 && file->chunk == NULL) { /* the rest of the first */
        file->chunk = first;
        *size = RPC_TIMELINE_CHUNK_BYTES - sizeof *file->head;
        return first + sizeof *file->head;
    }
    uint8_t *next = map_next(file);
    if (next == NULL) return NULL;
    if (file->chunk != first) munmap(file->chunk, RPC_TIMELINE_CHUNK_BYTES);
    file->chunk = next;
    *size = RPC_TIMELINE_CHUNK_BYTES;
    return next;
}

void rpc_timeline_file_close(struct rpc_timeline_file *file) {
    if (file->head == NULL) return;
    if (file->chunk != NULL && file->chunk != (uint8_t *)file->head) munmap(file->chunk, RPC_TIMELINE_CHUNK_BYTES);
    munmap(file->head, RPC_TIMELINE_CHUNK_BYTES);
    close(file->fd);
    *file = (struct rpc_timeline_file){.fd = -1};
}
