/* floor_token.c: what waiting costs where processes share cores: a token round a ring of shared words, by policy.
 *
 * Two and four processes (two that spin for ever have a core each); each waits for its word and adds to its neighbour's
 * what was added to its own. One token: microseconds per hop. 64 tokens at once: millions of hops a second. Prints "key
 * value" lines (bench.h). */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "test/bench/c/wait.h"

enum { MAX_PROCESSES = 4, TOKENS = 64 };

struct ring {
    struct wait_word word[MAX_PROCESSES];
};

struct first {
    struct ring *ring;
    enum wait_policy policy;
    int processes, tokens;
    uint32_t seen;
};

/* Passes on what has come; returns how much it was. */
static uint32_t pass_on(struct ring *ring, int me, int processes, uint32_t *seen, enum wait_policy policy) {
    struct wait_word *next = &ring->word[(me + 1) % processes];
    uint32_t value = wait_change(&ring->word[me], *seen, policy), came = value - *seen;
    *seen = value;
    wait_set(next, wait_look(next) + came);
    return came;
}

/* `count` turns of the ring by every token. */
static void turns(void *ctx, int count) {
    struct first *first = ctx;
    struct wait_word *next = &first->ring->word[1];
    uint32_t tokens = (uint32_t)first->tokens, wanted = (uint32_t)count * tokens, came = 0;
    wait_set(next, wait_look(next) + tokens);
    while (came < wanted - tokens) came += pass_on(first->ring, 0, first->processes, &first->seen, first->policy);
    while (came < wanted) {
        uint32_t value = wait_change(&first->ring->word[0], first->seen, first->policy);
        came += value - first->seen;
        first->seen = value;
    }
}

static pid_t start_member(struct ring *ring, int me, int processes, enum wait_policy policy) {
    pid_t parent = getpid(), child = fork();
    if (child != 0) return child;
    uint32_t seen = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    if (policy == WAIT_SPIN && processes == 2) wait_pin(me);
    for (;;) pass_on(ring, me, processes, &seen, policy);
}

static void measure(int processes, enum wait_policy policy, int tokens) {
    struct first first = {.ring = wait_shared(sizeof *first.ring), policy, processes, tokens, 0};
    struct bench_series series;
    pid_t child[MAX_PROCESSES];
    char key[64];
    for (int me = 1; me < processes; me++) child[me] = start_member(first.ring, me, processes, policy);
    if (policy == WAIT_SPIN && processes == 2) wait_pin(0);
    snprintf(key, sizeof key, "token.%s.%d.%d", wait_names[policy], processes, tokens);
    if (tokens == 1)
        bench_series_init(&series, key, false, 1e-3 / processes);
    else
        bench_series_init(&series, key, true, 1e3 * processes * tokens);
    bench_run(&series, turns, &first);
    for (int me = 1; me < processes; me++) kill(child[me], SIGKILL);
    for (int me = 1; me < processes; me++) waitpid(child[me], NULL, 0);
    munmap(first.ring, sizeof *first.ring);
}

int main(void) {
    for (int policy = 0; policy < WAIT_POLICIES; policy++) {
        measure(4, (enum wait_policy)policy, 1);
        measure(4, (enum wait_policy)policy, TOKENS);
    }
    for (int policy = WAIT_POLICIES - 1; policy >= 0; policy--) measure(2, (enum wait_policy)policy, 1);
    return 0;
}
