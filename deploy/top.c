/* deploy/top.c: see top.h. Answers have counters; a table has what they grew by since the answer before. */
#include "deploy/top.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "deploy/options.h"
#include "deploy/service.h"
#include "rpc/error.h"
#include "rpc/proto/chariot/v1/object_service.pb-c.h"

/* Another screen, and back to the one before. */
#define SCREEN_BEGIN "\033[?1049h"
#define SCREEN_HOME  "\033[H\033[J"
#define SCREEN_END   "\033[?1049l"

enum { BAR = 10, LINES_ABOVE = 3, STALE_PERIODS = 3 };

typedef Chariot__V1__PeStatus pe_status;
typedef Chariot__V1__WatchPesResponse pes_response;

struct top {
    struct deploy_service service; /* first: its options are set through this too */
    double period;
    bool once;
    bool screen;
    pes_response *before; /* the answer before; NULL: there was none */
};

/* ---------------------------------------------------------------- options */

static int set_once(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct top *top = context;
    (void)as_typed, (void)value, (void)reason;
    top->once = true;
    return 0;
}

static int set_period(void *context, const char *as_typed, const char *value, struct deploy_reason *reason) {
    struct top *top = context;
    int err = deploy_options_seconds(as_typed, value, &top->period, reason);
    if (err != 0 || (top->period >= 0.1 && top->period <= 86400)) return err;
    return deploy_reason_set(reason, DEPLOY_STATUS_USAGE, "%s takes 0.1 to 86400 seconds, not '%s'", as_typed, value);
}

static const struct deploy_word OPTIONS[] = {
    {NULL, "--once", NULL, "one table, of the next second, and no more", set_once},
    {NULL, "--period", "S", "a table every S seconds; 1 unless said", set_period},
    DEPLOY_SERVICE_WORDS,
};
static const struct deploy_words WORDS = {
    .items = OPTIONS, .count = sizeof OPTIONS / sizeof OPTIONS[0], .help = "chariot help top"};

/* ---------------------------------------------------------------- the screen */

/* Ctrl-C, or worse: people get their own screen back. */
static void on_signal(int number) {
    ssize_t written = write(STDOUT_FILENO, SCREEN_END, sizeof SCREEN_END - 1);
    (void)written;
    _exit(number == SIGINT ? 0 : DEPLOY_STATUS_SIGNAL + number);
}

static void open_screen(struct top *top) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    if (top->once || isatty(STDOUT_FILENO) != 1) return;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &(struct sigaction){.sa_handler = on_signal}, NULL);
    top->screen = true;
    fputs(SCREEN_BEGIN, stdout);
}

static void close_screen(struct top *top) {
    if (!top->screen) return;
    fputs(SCREEN_END, stdout);
    fflush(stdout);
    top->screen = false;
}

/* How many PEs there is room for. */
static size_t room_for_rows(const struct top *top) {
    struct winsize size;
    if (!top->screen || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < LINES_ABOVE + 2) return SIZE_MAX;
    return size.ws_row - LINES_ABOVE - 2u;
}

/* ---------------------------------------------------------------- rows */

/* What a PE did between two answers. */
struct row {
    const pe_status *now;
    double seconds, busy;         /* measured; the part of it with something to do. seconds 0: not known */
    double calls, sent, received; /* per second */
};

static const pe_status *find(const pes_response *response, uint32_t pe) {
    for (size_t i = 0; response != NULL && i < response->n_pes; i++) {
        size_t at = i == 0 && pe < response->n_pes ? pe : i; /* as a rule they are all there */
        if (response->pes[at]->pe == pe) return response->pes[at];
    }
    return NULL;
}

static double grown(uint64_t before, uint64_t now, double seconds) {
    return seconds <= 0 || now < before ? 0 : (double)(now - before) / seconds;
}

static struct row row_of(const pe_status *now, const pe_status *before, double period) {
    struct row row = {.now = now};
    if (before == NULL) return row;
    bool measured = now->measured_us > before->measured_us && now->busy_us >= before->busy_us;
    double seconds = measured ? (double)(now->measured_us - before->measured_us) / 1e6 : period;
    row.seconds = measured ? seconds : 0;
    row.busy = grown(before->busy_us, now->busy_us, seconds) / 1e6;
    if (row.busy > 1) row.busy = 1;
    row.calls = grown(before->calls, now->calls, seconds);
    row.sent = grown(before->messages_sent, now->messages_sent, seconds);
    row.received = grown(before->messages_received, now->messages_received, seconds);
    return row;
}

static int busiest_first(const void *a, const void *b) {
    const struct row *one = a, *two = b;
    return (one->busy < two->busy) - (one->busy > two->busy);
}

static void print_row(const struct row *row, double period) {
    char bar[BAR + 1] = "", busy[16] = "-", age[24] = "";
    for (int i = 0; i < (int)(row->busy * BAR + 0.5); i++) strcat(bar, "|");
    if (row->seconds > 0) snprintf(busy, sizeof busy, "%.0f %%", row->busy * 100);
    double seconds = (double)row->now->age_us / 1e6;
    if (seconds > STALE_PERIODS * period) snprintf(age, sizeof age, "  silent for %.0f s", seconds);
    printf("%5u %5u %6s %-*s %9.0f %9.0f %9.0f %8llu %8llu %6llu %6llu%s\n", row->now->pe, row->now->host, busy, BAR,
           bar, row->calls, row->sent, row->received, (unsigned long long)row->now->messages_waiting,
           (unsigned long long)row->now->chares, (unsigned long long)row->now->chares_arrived,
           (unsigned long long)row->now->chares_left, age);
}

static void print_head(const struct top *top, const struct row *rows, size_t count) {
    char clock[16];
    time_t now = time(NULL);
    struct tm local;
    double busy = 0;
    uint32_t hosts = 0;
    uint64_t chares = 0;
    for (size_t i = 0; i < count; i++) {
        busy += rows[i].busy;
        chares += rows[i].now->chares;
        if (rows[i].now->host + 1 > hosts) hosts = rows[i].now->host + 1;
    }
    strftime(clock, sizeof clock, "%H:%M:%S", localtime_r(&now, &local));
    printf("%s  %s: %zu PE%s on %u host%s, %.1f of them busy, %llu chares\n\n", clock, top->service.address, count,
           count == 1 ? "" : "s", hosts, hosts == 1 ? "" : "s", busy, (unsigned long long)chares);
    printf("%5s %5s %6s %-*s %9s %9s %9s %8s %8s %6s %6s\n", "PE", "host", "busy", BAR, "", "calls/s", "sent/s",
           "recv/s", "waiting", "chares", "came", "left");
}

/* Where there is no room for all, the busiest are shown. */
static void print_table(const struct top *top, struct row *rows, size_t count) {
    size_t room = room_for_rows(top), shown = count <= room ? count : room - 1;
    if (top->screen) fputs(SCREEN_HOME, stdout);
    print_head(top, rows, count);
    if (shown < count) qsort(rows, count, sizeof *rows, busiest_first);
    for (size_t i = 0; i < shown; i++) print_row(&rows[i], top->period);
    if (shown < count) printf("      ... and %zu more, less busy\n", count - shown);
    if (!top->screen && !top->once) putchar('\n');
}

/* ---------------------------------------------------------------- the command */

static int show(struct top *top, const pes_response *now, struct deploy_reason *reason) {
    struct row *rows = calloc(now->n_pes + 1, sizeof *rows);
    if (rows == NULL) return deploy_reason_set(reason, DEPLOY_STATUS_OS, "out of memory");
    for (size_t i = 0; i < now->n_pes; i++)
        rows[i] = row_of(now->pes[i], find(top->before, now->pes[i]->pe), top->period);
    print_table(top, rows, now->n_pes);
    free(rows);
    if (fflush(stdout) == 0) return 0;
    return deploy_reason_set(reason, DEPLOY_STATUS_OUTPUT, "cannot write standard output: %s", strerror(errno));
}

static void keep(struct top *top, pes_response *now) {
    if (top->before != NULL) chariot__v1__watch_pes_response__free_unpacked(top->before, NULL);
    top->before = now;
}

/* The first answer has nothing to be compared with. */
static int watch(struct top *top, struct deploy_reason *reason) {
    struct rpc_wire response;
    int outcome;
    for (bool done = false; !done && (outcome = deploy_service_next(&top->service, &response, reason)) == 1;) {
        pes_response *now = chariot__v1__watch_pes_response__unpack(NULL, rpc_wire_left(&response), response.at);
        if (now == NULL) return deploy_reason_set(reason, DEPLOY_SERVICE_MISFIT, "the service's answer is malformed");
        if (top->before != NULL) outcome = show(top, now, reason);
        done = (top->once && top->before != NULL) || outcome < 0;
        keep(top, now);
    }
    return outcome < 0 ? outcome : 0;
}

static int run(struct top *top, struct deploy_reason *reason) {
    struct deploy_pack request = {0};
    deploy_pack_number(&request, 1, (uint64_t)(top->period * 1000));
    int err = deploy_service_open(&top->service, "WatchPes", &request, reason);
    deploy_pack_deinit(&request);
    if (err != 0) return err;
    open_screen(top);
    err = watch(top, reason);
    close_screen(top);
    keep(top, NULL);
    deploy_service_close(&top->service);
    return err;
}

int deploy_top(const char *argv0, char **argv) {
    struct top top = {.period = 1};
    struct deploy_reason reason = {0};
    char **words = argv;
    (void)argv0;
    deploy_service_init(&top.service);
    int err = deploy_service_words(&top.service, &WORDS, &words, &reason);
    if (err == 0 && top.service.help) {
        deploy_top_help();
        return 0;
    }
    if (err == 0 && *words != NULL)
        err = deploy_reason_set(&reason, DEPLOY_STATUS_USAGE, "'%s': an address is all that is wanted", *words);
    if (err == 0) err = run(&top, &reason);
    if (err == 0) return 0;
    deploy_reason_print(&reason);
    return reason.status;
}

void deploy_top_help(void) {
    fputs("usage: chariot top [options] ADDRESS\n\n"
          "Shows what the PEs of the job at ADDRESS do, until Ctrl-C or the job's end. A token needs the scope "
          "@job.watch.\n\n",
          stdout);
    deploy_words_help(&WORDS, stdout);
}
