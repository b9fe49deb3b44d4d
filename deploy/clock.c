/* deploy/clock.c: see clock.h. */
#include "deploy/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t BEGINNING_NS = 10000000000, PERIOD_NS = 15000000000;

int64_t deploy_clock_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void deploy_clock_machine(char machine[DEPLOY_MACHINE_MAX]) {
    char boot[40] = "", space[64] = "";
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, boot, sizeof boot - 1);
    if (fd >= 0) close(fd);
    boot[size < 0 ? 0 : strcspn(boot, "\n")] = '\0';
    if (readlink("/proc/self/ns/time", space, sizeof space - 1) < 0) space[0] = '\0';
    snprintf(machine, DEPLOY_MACHINE_MAX, "%s%s%s", boot, boot[0] == '\0' ? "" : " ", boot[0] == '\0' ? "" : space);
}

static void keep_best(struct deploy_sample *best, const struct deploy_sample *sample) {
    if (best->at_ns == 0 || sample->took_ns <= best->took_ns) *best = *sample;
}

void deploy_clock_hear(struct deploy_clock *clock, int64_t asked_ns, int64_t answered_ns, int64_t now_ns,
                       const char *machine) {
    char own[DEPLOY_MACHINE_MAX];
    if (asked_ns <= 0 || asked_ns > now_ns || answered_ns <= 0) return; /* nobody asked that */
    const struct deploy_sample sample = {
        .at_ns = answered_ns, .add_ns = asked_ns + (now_ns - asked_ns) / 2 - answered_ns, .took_ns = now_ns - asked_ns};
    deploy_clock_machine(own);
    clock->same = own[0] != '\0' && strcmp(own, machine) == 0;
    if (clock->began_ns == 0) clock->began_ns = clock->period_ns = sample.at_ns;
    if (sample.at_ns - clock->began_ns < BEGINNING_NS) keep_best(&clock->first, &sample);
    if (sample.at_ns - clock->period_ns > PERIOD_NS) {
        clock->last[1] = clock->last[0];
        clock->last[0] = sample;
        clock->period_ns = sample.at_ns;
    }
    keep_best(&clock->last[0], &sample);
}

struct rpc_timeline_clock deploy_clock_read(const struct deploy_clock *clock) {
    const struct deploy_sample *first = &clock->first, *last = &clock->last[0];
    struct rpc_timeline_clock read = {.at_ns = first->at_ns, .add_ns = first->add_ns};
    if (clock->same || clock->began_ns == 0) return (struct rpc_timeline_clock){0};
    if (clock->last[1].at_ns != 0 && clock->last[1].took_ns < last->took_ns) last = &clock->last[1];
    if (last->at_ns - first->at_ns > BEGINNING_NS)
        read.rate = (double)(last->add_ns - first->add_ns) / (double)(last->at_ns - first->at_ns);
    return read;
}
