/* deploy/fetch.c: see fetch.h. */
#include "deploy/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/record.h"
#include "rpc/timeline.h"

static uint32_t file_of(uint32_t stream) {
    return stream - DEPLOY_STREAM_TIMELINE;
}

static int open_file(const struct deploy_fetch *fetch, uint32_t stream, uint32_t pe, char *path, size_t size) {
    if (stream == DEPLOY_STREAM_TIMELINE) {
        rpc_timeline_path(fetch->run_dir, pe, path, size);
        return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    rpc_record_path(fetch->record, pe, path, size);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
}

/* Whether a record can be written is said before the job, not after. */
int deploy_fetch_add(struct deploy_fetch *fetch, struct deploy_relay *relay, uint32_t pe,
                     struct deploy_reason *reason) {
    char path[RPC_RECORD_MAX_PATH];
    const bool wanted[DEPLOY_NUM_FILES] = {fetch->timeline, fetch->record != NULL};
    for (uint32_t i = 0; fetch->pes != NULL && i < DEPLOY_NUM_FILES; i++) {
        struct deploy_bridge *bridge = &fetch->pes[pe].bridges[i];
        if (!wanted[i]) continue;
        int fd = open_file(fetch, DEPLOY_STREAM_TIMELINE + i, pe, path, sizeof path);
        if (fd < 0)
            return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot write '%s': %s", path, strerror(errno));
        close(fd);
        bridge->relay = relay;
        fetch->pes[pe].wanted[i] = true;
        fetch->missing++;
    }
    return 0;
}

static void complete(struct deploy_fetch *fetch, uint32_t stream, uint32_t pe) {
    if (!fetch->pes[pe].wanted[file_of(stream)]) return;
    fetch->pes[pe].wanted[file_of(stream)] = false;
    fetch->missing--;
}

/* Whole chunks, and the clock by which its times are to be read. */
static void finish_timeline(const struct deploy_fetch *fetch, uint32_t pe, const struct deploy_clock *clock) {
    char path[512];
    struct stat st;
    const struct rpc_timeline_clock read = deploy_clock_read(clock);
    rpc_timeline_path(fetch->run_dir, pe, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        if (fd >= 0) close(fd);
        return;
    }
    (void)!ftruncate(fd,
                     (st.st_size + RPC_TIMELINE_CHUNK_BYTES - 1) / RPC_TIMELINE_CHUNK_BYTES * RPC_TIMELINE_CHUNK_BYTES);
    (void)!pwrite(fd, &read, sizeof read, offsetof(struct rpc_timeline_head, clock));
    close(fd);
}

bool deploy_fetch_on_data(struct deploy_fetch *fetch, const Chariot__V1__AgentData *data,
                          const struct deploy_clock *clock) {
    char path[RPC_RECORD_MAX_PATH];
    if (fetch->pes == NULL || !fetch->pes[data->pe].wanted[file_of(data->stream)]) return false;
    struct deploy_bridge *bridge = &fetch->pes[data->pe].bridges[file_of(data->stream)];
    if (bridge->fd < 0) {
        int fd = open_file(fetch, data->stream, data->pe, path, sizeof path);
        if (fd < 0) return false;
        deploy_bridge_open(bridge, bridge->relay, data->pe, data->stream, fd, false);
    }
    if (!deploy_bridge_on_data(bridge, data)) return false;
    if (bridge->fd >= 0) return true;
    if (bridge->told_end && fetch->cut++ == 0) fetch->cut_of = data->pe; /* that nothing more can be written */
    if (data->stream == DEPLOY_STREAM_TIMELINE) finish_timeline(fetch, data->pe, clock);
    complete(fetch, data->stream, data->pe);
    return true;
}

bool deploy_fetch_problem(const struct deploy_fetch *fetch, struct deploy_reason *reason) {
    if (fetch->cut == 0) return false;
    deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT,
                      "no room for all that PEs on other hosts have written (%u files, the first of PE %u): "
                      "timelines come to %s, records to %s",
                      fetch->cut, fetch->cut_of, fetch->run_dir, fetch->record == NULL ? "nowhere" : fetch->record);
    return true;
}

void deploy_fetch_give_up(struct deploy_fetch *fetch, uint32_t pe) {
    for (uint32_t i = 0; fetch->pes != NULL && i < DEPLOY_NUM_FILES; i++) {
        deploy_bridge_close(&fetch->pes[pe].bridges[i]);
        complete(fetch, DEPLOY_STREAM_TIMELINE + i, pe);
    }
}

int deploy_fetch_init(struct deploy_fetch *fetch, const char *run_dir, bool timeline, const char *record,
                      uint32_t num_pes) {
    *fetch = (struct deploy_fetch){.run_dir = run_dir, .timeline = timeline, .record = record, .num_pes = num_pes};
    if (!timeline && record == NULL) return 0;
    fetch->pes = calloc(num_pes, sizeof *fetch->pes);
    for (uint32_t pe = 0; fetch->pes != NULL && pe < num_pes; pe++) {
        for (uint32_t i = 0; i < DEPLOY_NUM_FILES; i++) fetch->pes[pe].bridges[i].fd = -1;
    }
    return fetch->pes == NULL ? CHARIOT_ENOMEM : 0;
}

void deploy_fetch_deinit(struct deploy_fetch *fetch) {
    for (uint32_t pe = 0; fetch->pes != NULL && pe < fetch->num_pes; pe++) deploy_fetch_give_up(fetch, pe);
    free(fetch->pes);
    *fetch = (struct deploy_fetch){0};
}
