/* deploy/timeline_read.c: see timeline_read.h. */
#include "deploy/timeline_read.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DIMS = 6 };

static bool map_file(struct deploy_track *track, const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    void *data = MAP_FAILED;
    if (fstat(fd, &st) == 0 && st.st_size >= RPC_TIMELINE_CHUNK_BYTES)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED) return false;
    track->data = data;
    track->size = (size_t)st.st_size;
    return true;
}

void deploy_track_open(struct deploy_track *track, const char *run_dir, uint32_t pe) {
    char path[512];
    struct rpc_timeline_head head;
    *track = (struct deploy_track){0};
    rpc_timeline_path(run_dir, pe, path, sizeof path);
    if (!map_file(track, path)) return;
    memcpy(&head, track->data, sizeof head);
    if (memcmp(head.magic, RPC_TIMELINE_MAGIC, sizeof head.magic) != 0 || head.pe != pe) {
        deploy_track_close(track);
        return;
    }
    track->dropped = head.dropped;
    track->clock = head.clock;
    deploy_track_rewind(track);
}

void deploy_track_close(struct deploy_track *track) {
    if (track->data != NULL) munmap((void *)(uintptr_t)track->data, track->size);
    free(track->names);
    *track = (struct deploy_track){0};
}

void deploy_track_rewind(struct deploy_track *track) {
    track->at = sizeof(struct rpc_timeline_head);
    track->num_names = 0;
}

static bool is_whole(const struct rpc_timeline_record *record, size_t room) {
    size_t size = (size_t)record->words * 8;
    if (size < sizeof *record || size > room) return false;
    size_t extra = size - sizeof *record;
    if (record->kind == RPC_TIMELINE_NAME) return memchr(record + 1, 0, extra) != NULL;
    return record->category < RPC_TIMELINE_NUM_CATEGORIES && record->ndims <= MAX_DIMS &&
           extra >= record->ndims * sizeof(int64_t);
}

/* Numbers are given out in order. */
static void keep_name(struct deploy_track *track, const struct rpc_timeline_record *record) {
    if (record->name != track->num_names + 1) return;
    uint32_t count = track->num_names;
    if ((count & (count - 1)) == 0) {
        const char **names = realloc(track->names, (count == 0 ? 1 : 2 * (size_t)count) * sizeof(char *));
        if (names == NULL) return;
        track->names = names;
    }
    track->names[track->num_names++] = (const char *)(record + 1);
}

const struct rpc_timeline_record *deploy_track_next(struct deploy_track *track) {
    while (track->data != NULL && track->at + sizeof(struct rpc_timeline_record) <= track->size) {
        size_t room = RPC_TIMELINE_CHUNK_BYTES - track->at % RPC_TIMELINE_CHUNK_BYTES;
        const void *at = track->data + track->at;
        const struct rpc_timeline_record *record = at;
        if (room < sizeof *record || record->kind == RPC_TIMELINE_NOTHING || !is_whole(record, room)) {
            track->at += room; /* the rest of the chunk is empty */
            continue;
        }
        track->at += (size_t)record->words * 8;
        if (record->kind != RPC_TIMELINE_NAME) return record;
        keep_name(track, record);
    }
    return NULL;
}

int64_t deploy_track_time(const struct deploy_track *track, int64_t at_ns) {
    const struct rpc_timeline_clock *clock = &track->clock;
    return at_ns + clock->add_ns + (int64_t)(clock->rate * (double)(at_ns - clock->at_ns));
}

const char *deploy_track_name(const struct deploy_track *track, uint32_t number) {
    return number >= 1 && number <= track->num_names ? track->names[number - 1] : "?";
}
