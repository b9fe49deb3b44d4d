/* deploy/carry.c: see carry.h. */
#include "deploy/carry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/record.h"
#include "rpc/timeline.h"

void deploy_carry_record_name(const char *run_dir, char *name, size_t size) {
    snprintf(name, size, "%s/record", run_dir);
}

static void name_file(const char *run_dir, uint32_t stream, uint32_t pe, char *path, size_t size) {
    char name[512];
    if (stream == DEPLOY_STREAM_TIMELINE) {
        rpc_timeline_path(run_dir, pe, path, size);
        return;
    }
    deploy_carry_record_name(run_dir, name, sizeof name);
    if (!rpc_record_path(name, pe, path, size)) path[0] = '\0';
}

/* The last chunk of a timeline is empty at its end, which need not travel (fetch.c makes it whole again). */
static void cut_off_zeros(int fd) {
    static const uint64_t zeros[512];
    uint64_t part[512];
    struct stat st;
    if (fstat(fd, &st) != 0) return;
    off_t end = st.st_size - st.st_size % (off_t)sizeof part;
    while (end > 0 && pread(fd, part, sizeof part, end - (off_t)sizeof part) == (ssize_t)sizeof part &&
           memcmp(part, zeros, sizeof part) == 0)
        end -= (off_t)sizeof part;
    (void)!ftruncate(fd, end);
}

static void say_empty(struct deploy_carry *carry, uint32_t pe, uint32_t stream) {
    Chariot__V1__AgentData data = CHARIOT__V1__AGENT_DATA__INIT;
    data.pe = pe;
    data.stream = stream;
    data.end = true;
    deploy_relay_send(carry->relay, CHARIOT__V1__AGENT_MESSAGE__WHAT_DATA, &data);
}

/* Reads on, as far as the window lets it. True: all of it has gone over and was taken. */
static bool send_more(struct deploy_carry *carry) {
    return deploy_bridge_drain(&carry->bridge) && carry->bridge.ahead == 0;
}

/* True: the same. */
static bool send_next(struct deploy_carry *carry) {
    char path[512];
    uint32_t pe = carry->pes[carry->at], stream = DEPLOY_STREAM_TIMELINE + carry->file;
    name_file(carry->run_dir, stream, pe, path, sizeof path);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) { /* it had no time to make one */
        say_empty(carry, pe, stream);
        return true;
    }
    if (stream == DEPLOY_STREAM_TIMELINE) cut_off_zeros(fd);
    deploy_bridge_open(&carry->bridge, carry->relay, pe, stream, fd, true);
    return send_more(carry);
}

static void step(struct deploy_carry *carry) {
    deploy_bridge_close(&carry->bridge);
    carry->file = (carry->file + 1) % DEPLOY_NUM_FILES;
    carry->at += carry->file == 0;
}

static void advance(struct deploy_carry *carry) {
    while (carry->bridge.fd < 0 && carry->at < carry->count) {
        if (carry->wanted[carry->file] && !send_next(carry)) return;
        step(carry);
    }
}

void deploy_carry_add(struct deploy_carry *carry, uint32_t pe) {
    if (carry->pes == NULL) return;
    carry->pes[carry->count++] = pe;
    advance(carry);
}

bool deploy_carry_on_taken(struct deploy_carry *carry, const Chariot__V1__AgentTaken *taken) {
    struct deploy_bridge *bridge = &carry->bridge;
    bool known = bridge->fd >= 0 && bridge->pe == taken->pe && bridge->stream == taken->stream;
    if (!known || !deploy_bridge_on_taken(bridge, taken->bytes)) return false;
    if (!send_more(carry)) return true;
    step(carry);
    advance(carry);
    return true;
}

int deploy_carry_init(struct deploy_carry *carry, struct deploy_relay *relay, const char *run_dir, uint32_t num_pes,
                      bool timeline, bool record) {
    *carry =
        (struct deploy_carry){.relay = relay, .run_dir = run_dir, .wanted = {timeline, record}, .bridge = {.fd = -1}};
    if (!timeline && !record) return 0;
    carry->pes = calloc(num_pes, sizeof *carry->pes);
    return carry->pes == NULL ? CHARIOT_ENOMEM : 0;
}

void deploy_carry_deinit(struct deploy_carry *carry) {
    if (carry->relay != NULL) deploy_bridge_close(&carry->bridge);
    free(carry->pes);
    *carry = (struct deploy_carry){0};
}
