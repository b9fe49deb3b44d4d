/* Tests of deploy/output.c and deploy/sink.c: PEs' ends are pipes that the test writes to, descriptors 1 and 2 lead to
 * pipes, or a terminal, that it reads. */
#include "deploy/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "test/unit/unit.h"

enum { NUM_PES = 3, SEEN_BYTES = 4 << 20 };

struct rig {
    struct ev_loop *loop;
    struct deploy_output output;
    struct deploy_output_handler handler;
    int pes[NUM_PES][2]; /* the PEs' ends of out and err */
    int out, err;        /* where the output arrives */
    int saved[2];        /* the test's own 1 and 2 */
    char *seen;          /* what arrived at `out` */
    size_t seen_size;
    int broken, finished, settled, erased;
};

static void on_broken(void *context, bool is_out, int error) {
    struct rig *rig = context;
    CU_ASSERT_TRUE(is_out);
    CU_ASSERT_EQUAL(error, EPIPE);
    rig->broken++;
}

static void on_finished(void *context) {
    ((struct rig *)context)->finished++;
}

static void on_settled(void *context) {
    ((struct rig *)context)->settled++;
}

static void on_prompt_erased(void *context) {
    ((struct rig *)context)->erased++;
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)timer, (void)events;
    static const char TEXT[] = "output_test: no progress for 20 s\n";
    (void)!write(2, TEXT, sizeof TEXT - 1);
    abort();
}

/* Reads what has arrived at `out`. */
static void look(struct rig *rig) {
    ssize_t got;
    do {
        got = read(rig->out, rig->seen + rig->seen_size, SEEN_BYTES - rig->seen_size);
        if (got > 0) rig->seen_size += (size_t)got;
    } while (got > 0);
}

static bool has_seen(struct rig *rig, const char *text) {
    look(rig);
    return rig->seen_size == strlen(text) && memcmp(rig->seen, text, rig->seen_size) == 0;
}

/* Until exactly `text` has arrived in all. */
static void expect(struct rig *rig, const char *text) {
    ev_timer late;
    ev_timer_init(&late, on_late, 20, 0);
    ev_now_update(rig->loop);
    ev_timer_start(rig->loop, &late);
    while (!has_seen(rig, text) && rig->seen_size < strlen(text)) ev_run(rig->loop, EVRUN_ONCE);
    ev_timer_stop(rig->loop, &late);
    CU_ASSERT_TRUE(has_seen(rig, text));
}

static void turn(struct rig *rig) {
    for (int i = 0; i < 3; i++) ev_run(rig->loop, EVRUN_NOWAIT);
}

static void open_rig(struct rig *rig, int out, int err, bool tag) {
    rig->saved[0] = dup(1);
    rig->saved[1] = dup(2);
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    if (err != out) close(err);
    rig->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    rig->handler = (struct deploy_output_handler){on_broken, on_finished, on_settled, on_prompt_erased, rig};
    rig->seen = calloc(1, SEEN_BYTES);
    deploy_output_open(&rig->output, rig->loop, NUM_PES, tag, &rig->handler);
    for (uint32_t pe = 0; pe < NUM_PES; pe++) {
        int ends[2][2];
        for (int i = 0; i < 2; i++) {
            (void)!pipe2(ends[i], O_CLOEXEC | O_NONBLOCK);
            rig->pes[pe][i] = ends[i][1];
        }
        deploy_output_add(&rig->output, pe, ends[0][0], ends[1][0]);
    }
}

/* Standard output and error lead to two pipes, or (err NULL-like: `same`) both to one. */
static void rig_init(struct rig *rig, bool tag, bool same) {
    int out[2], err[2];
    *rig = (struct rig){.err = -1};
    signal(SIGPIPE, SIG_IGN);
    CU_ASSERT_FATAL(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    rig->out = out[0];
    rig->err = err[0];
    if (same) dup2(out[1], err[1]);
    open_rig(rig, out[1], err[1], tag);
}

static void rig_deinit(struct rig *rig) {
    deploy_output_close(&rig->output);
    ev_loop_destroy(rig->loop);
    for (int i = 0; i < 2; i++) {
        dup2(rig->saved[i], i + 1);
        close(rig->saved[i]);
        for (int pe = 0; pe < NUM_PES; pe++) {
            if (rig->pes[pe][i] >= 0) close(rig->pes[pe][i]);
        }
    }
    close(rig->out);
    if (rig->err >= 0) close(rig->err);
    free(rig->seen);
}

static void print(struct rig *rig, int pe, const char *text) {
    CU_ASSERT_EQUAL(write(rig->pes[pe][0], text, strlen(text)), (ssize_t)strlen(text));
    turn(rig);
}

static void end(struct rig *rig, int pe) {
    for (int i = 0; i < 2; i++) {
        close(rig->pes[pe][i]);
        rig->pes[pe][i] = -1;
    }
    turn(rig);
}

static void finish(struct rig *rig) {
    deploy_output_finish(&rig->output);
    CU_ASSERT_EQUAL(rig->finished, 0); /* never inside */
    for (int i = 0; i < 1000 && rig->finished == 0; i++) {
        ev_run(rig->loop, EVRUN_NOWAIT);
        look(rig);
    }
    CU_ASSERT_EQUAL(rig->finished, 1);
}

/* ---------------------------------------------------------------- lines */

static void unfinished_lines_wait_for_their_end(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    print(&rig, 0, "first ");
    print(&rig, 1, "a line of PE 1\n");
    expect(&rig, "a line of PE 1\n");
    print(&rig, 0, "second\nthird");
    expect(&rig, "a line of PE 1\nfirst second\n");
    print(&rig, 0, "\n");
    expect(&rig, "a line of PE 1\nfirst second\nthird\n");
    rig_deinit(&rig);
}

static void what_is_unfinished_at_the_end_is_kept_as_it_is(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    print(&rig, 0, "no newline");
    end(&rig, 0);
    expect(&rig, "no newline");
    print(&rig, 1, "nor here");
    end(&rig, 1);
    expect(&rig, "no newline\nnor here");
    finish(&rig);
    CU_ASSERT_TRUE(has_seen(&rig, "no newline\nnor here"));
    rig_deinit(&rig);
}

static void a_progress_bar_shows_and_tears_no_line(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    print(&rig, 0, "10%\r");
    expect(&rig, "10%\r");
    print(&rig, 0, "20%\r");
    expect(&rig, "10%\r20%\r");
    print(&rig, 1, "line\n");
    expect(&rig, "10%\r20%\r\nline\n");
    print(&rig, 0, "30%\r");
    expect(&rig, "10%\r20%\r\nline\n30%\r");
    rig_deinit(&rig);
}

static void tags_stand_before_each_line(void) {
    struct rig rig;
    rig_init(&rig, true, false);
    print(&rig, 0, "a\n\nb\r\n");
    print(&rig, 2, "c\n");
    expect(&rig, "[0] a\n[0] \n[0] b\r\n[2] c\n");
    print(&rig, 1, "5%\r");
    print(&rig, 1, "6%\r");
    expect(&rig, "[0] a\n[0] \n[0] b\r\n[2] c\n[1] 5%\r[1] 6%\r");
    print(&rig, 1, "\r7%\n");
    expect(&rig, "[0] a\n[0] \n[0] b\r\n[2] c\n[1] 5%\r[1] 6%\r\r[1] 7%\n");
    rig_deinit(&rig);
}

/* Writes `size` bytes x without newline, turning the loop as the pipe fills; what arrives is read if `reading`. */
static size_t print_much(struct rig *rig, int pe, size_t size, bool reading) {
    char block[4096];
    size_t at = 0, stuck = 0;
    memset(block, 'x', sizeof block);
    while (at < size && stuck < 10) {
        size_t piece = size - at < sizeof block ? size - at : sizeof block;
        ssize_t done = write(rig->pes[pe][0], block, piece);
        stuck = done > 0 ? 0 : stuck + 1;
        if (done > 0) at += (size_t)done;
        turn(rig);
        if (reading) look(rig);
    }
    return at;
}

static void a_long_line_is_passed_on_in_pieces_and_not_mixed(void) {
    struct rig rig;
    enum { LONG = 300 * 1000 };
    rig_init(&rig, false, false);
    CU_ASSERT_EQUAL(print_much(&rig, 0, LONG, true), LONG);
    CU_ASSERT(rig.seen_size > DEPLOY_LINE_BYTES); /* not gathered in memory */
    print(&rig, 1, "other\n");
    print(&rig, 0, "end\nnext\n");
    while (rig.seen_size < LONG + 15) {
        turn(&rig);
        look(&rig);
    }
    CU_ASSERT_EQUAL(rig.seen_size, LONG + 15);
    CU_ASSERT_EQUAL(strspn(rig.seen, "x"), LONG);
    CU_ASSERT_EQUAL(memcmp(rig.seen + LONG, "end\nnext\nother\n", 15), 0);
    rig_deinit(&rig);
}

static void a_silent_holder_lets_others_pass(void) {
    struct rig rig;
    enum { LONG = DEPLOY_LINE_BYTES };
    rig_init(&rig, false, false);
    CU_ASSERT_EQUAL(print_much(&rig, 0, LONG, true), LONG);
    print(&rig, 1, "other\n");
    while (rig.seen_size < LONG + 7) {
        ev_run(rig.loop, EVRUN_ONCE);
        look(&rig);
    }
    CU_ASSERT_EQUAL(memcmp(rig.seen + LONG, "\nother\n", 7), 0);
    rig_deinit(&rig);
}

/* ---------------------------------------------------------------- slow, broken and other readers */

static void a_slow_reader_stops_the_pes_and_loses_nothing(void) {
    struct rig rig;
    enum { MUCH = 3 << 20 };
    rig_init(&rig, false, false);
    print(&rig, 0, "begin\n");
    size_t taken = print_much(&rig, 0, MUCH, false);
    CU_ASSERT(taken < 1 << 20); /* two pipes, a stream's and the sink's memory */
    size_t rest = print_much(&rig, 0, MUCH - taken, true);
    CU_ASSERT_EQUAL(taken + rest, MUCH);
    end(&rig, 0);
    finish(&rig);
    CU_ASSERT_EQUAL(rig.seen_size, MUCH + 6);
    CU_ASSERT_EQUAL(strspn(rig.seen + 6, "x"), MUCH);
    rig_deinit(&rig);
}

static void a_reader_who_left_is_told_once_and_the_rest_dropped(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    close(rig.out);
    rig.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
    print(&rig, 0, "a\n");
    CU_ASSERT_EQUAL(rig.broken, 1);
    CU_ASSERT_EQUAL(print_much(&rig, 1, 1 << 20, false), 1 << 20);
    CU_ASSERT_EQUAL(print_much(&rig, 2, 1 << 20, false), 1 << 20);
    print(&rig, 0, "b\n");
    finish(&rig);
    CU_ASSERT_EQUAL(rig.broken, 1);
    rig_deinit(&rig);
}

static void finish_does_not_wait_for_others_who_hold_a_pipe(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    CU_ASSERT_EQUAL(write(rig.pes[1][0], "last words", 10), 10); /* its end stays open, as in a daemon's hands */
    finish(&rig);
    CU_ASSERT_TRUE(has_seen(&rig, "last words"));
    rig_deinit(&rig);
}

static void finish_lets_long_lines_of_several_end(void) {
    struct rig rig;
    rig_init(&rig, false, false);
    CU_ASSERT_EQUAL(print_much(&rig, 0, 100000, true), 100000);
    (void)print_much(&rig, 1, 100000, true); /* waits, its pipe full */
    (void)print_much(&rig, 2, 100000, true);
    finish(&rig);
    CU_ASSERT_EQUAL(rig.seen_size, 300002);
    rig_deinit(&rig);
}

static void both_descriptors_of_one_place_share_a_sink(void) {
    struct rig rig;
    rig_init(&rig, false, true);
    CU_ASSERT_PTR_EQUAL(rig.output.out, rig.output.err);
    CU_ASSERT_EQUAL(print_much(&rig, 0, 100000, true), 100000);
    CU_ASSERT_EQUAL(write(rig.pes[1][1], "err\n", 4), 4);
    turn(&rig);
    print(&rig, 0, "\n");
    while (rig.seen_size < 100005) {
        turn(&rig);
        look(&rig);
    }
    CU_ASSERT_EQUAL(memcmp(rig.seen + 100000, "\nerr\n", 5), 0);
    rig_deinit(&rig);
}

/* ---------------------------------------------------------------- the launcher's messages, terminals */

static void messages_are_whole_lines_after_what_pes_have_said(void) {
    struct rig rig;
    rig_init(&rig, false, true);
    CU_ASSERT_EQUAL(write(rig.pes[2][0], "said before\nbar\r", 16), 16);
    deploy_output_say(&rig.output, "message", 7);
    expect(&rig, "said before\nbar\r\nmessage\n");
    deploy_output_say(&rig.output, "more\n", 5);
    print(&rig, 0, "later\n");
    expect(&rig, "said before\nbar\r\nmessage\nmore\nlater\n");
    rig_deinit(&rig);
}

static void settling_waits_until_all_that_was_printed_is_written(void) {
    struct rig rig;
    rig_init(&rig, false, true);
    CU_ASSERT_EQUAL(write(rig.pes[2][0], "a line\n", 7), 7);
    CU_ASSERT_EQUAL(write(rig.pes[1][0], "half", 4), 4);
    CU_ASSERT_EQUAL(write(rig.pes[0][0], "value: ", 7), 7);
    deploy_output_settle(&rig.output);
    CU_ASSERT_EQUAL(rig.settled, 0);
    expect(&rig, "a line\nvalue: ");
    turn(&rig);
    CU_ASSERT_EQUAL(rig.settled, 1);
    deploy_output_settle(&rig.output); /* nothing to write */
    CU_ASSERT_EQUAL(rig.settled, 2);
    rig_deinit(&rig);
}

/* False: there are no pseudo-terminals here, as in a bare root. */
static bool rig_init_terminal(struct rig *rig) {
    struct termios raw;
    *rig = (struct rig){.err = -1};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (master < 0) return false;
    CU_ASSERT_FATAL(grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CU_ASSERT_FATAL(terminal >= 0);
    tcgetattr(terminal, &raw);
    cfmakeraw(&raw);
    tcsetattr(terminal, TCSANOW, &raw);
    rig->out = master;
    open_rig(rig, terminal, terminal, false);
    CU_ASSERT_TRUE(rig->output.out->sink.is_terminal);
    return true;
}

static void a_prompt_past_us_is_erased_and_asked_for_again(void) {
    struct rig rig;
    if (!rig_init_terminal(&rig)) return;
    deploy_output_prompt(&rig.output, true);
    CU_ASSERT_EQUAL(write(rig.pes[1][0], "one\ntwo\n", 8), 8);
    expect(&rig, "\r\033[Kone\ntwo\n");
    turn(&rig);
    CU_ASSERT_EQUAL(rig.erased, 1);
    print(&rig, 2, "three\n");
    expect(&rig, "\r\033[Kone\ntwo\n\r\033[Kthree\n");
    deploy_output_prompt(&rig.output, false);
    print(&rig, 2, "four\n");
    expect(&rig, "\r\033[Kone\ntwo\n\r\033[Kthree\nfour\n");
    CU_ASSERT_EQUAL(rig.erased, 2);
    rig_deinit(&rig);
}

static void a_prompt_of_pe_0_shows_on_a_terminal(void) {
    struct rig rig;
    if (!rig_init_terminal(&rig)) return;
    print(&rig, 1, "not this");
    print(&rig, 0, "name? ");
    expect(&rig, "name? ");
    print(&rig, 1, ", yet\n");
    expect(&rig, "name? \nnot this, yet\n");
    rig_deinit(&rig);
}

UNIT_MAIN("deploy/output", UNIT(unfinished_lines_wait_for_their_end), UNIT(a_progress_bar_shows_and_tears_no_line),
          UNIT(what_is_unfinished_at_the_end_is_kept_as_it_is), UNIT(tags_stand_before_each_line),
          UNIT(a_long_line_is_passed_on_in_pieces_and_not_mixed), UNIT(a_silent_holder_lets_others_pass),
          UNIT(a_slow_reader_stops_the_pes_and_loses_nothing),
          UNIT(a_reader_who_left_is_told_once_and_the_rest_dropped),
          UNIT(finish_does_not_wait_for_others_who_hold_a_pipe), UNIT(finish_lets_long_lines_of_several_end),
          UNIT(both_descriptors_of_one_place_share_a_sink), UNIT(messages_are_whole_lines_after_what_pes_have_said),
          UNIT(settling_waits_until_all_that_was_printed_is_written),
          UNIT(a_prompt_past_us_is_erased_and_asked_for_again), UNIT(a_prompt_of_pe_0_shows_on_a_terminal))
