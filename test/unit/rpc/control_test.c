/* test/unit/rpc/control_test.c: the other end of the stream is played by the test, over a socketpair or a pipe. */
#include "test/unit/fault_alloc.h"

#include "rpc/control.c"
#include "rpc/framed.c"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "test/unit/unit.h"

static void fds_open(int fds[2]) {
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
}

static void fds_close(int fds[2]) {
    close(fds[0]);
    close(fds[1]);
}

static int tell_launcher_fd(int fd) {
    char text[16];
    snprintf(text, sizeof text, "%d", fd);
    return setenv(FD_VARIABLE, text, 1);
}

static int write_from_launcher(int fd, const Chariot__V1__FromLauncher *message) {
    uint8_t data[1024];
    size_t size = chariot__v1__from_launcher__pack(message, data);
    return rpc_control_write(fd, data, size);
}

static int write_ticket(int fd, uint32_t pe, uint32_t num_pes, size_t token_bytes, const char *transport) {
    uint8_t token[64];
    for (size_t i = 0; i < sizeof token; i++) token[i] = (uint8_t)(i * 5);
    Chariot__V1__Ticket ticket = CHARIOT__V1__TICKET__INIT;
    ticket.job = (char *)"job-7";
    ticket.pe = pe;
    ticket.num_pes = num_pes;
    ticket.token = (ProtobufCBinaryData){token_bytes, token};
    ticket.transport = (char *)(uintptr_t)transport;
    ticket.run_dir = (char *)"/run/x";
    Chariot__V1__FromLauncher message = CHARIOT__V1__FROM_LAUNCHER__INIT;
    message.what_case = CHARIOT__V1__FROM_LAUNCHER__WHAT_TICKET;
    message.ticket = &ticket;
    return write_from_launcher(fd, &message);
}

static int write_rendezvous(int fd, const char *address) {
    Chariot__V1__Rendezvous rendezvous = CHARIOT__V1__RENDEZVOUS__INIT;
    rendezvous.address = (char *)(uintptr_t)address;
    Chariot__V1__FromLauncher message = CHARIOT__V1__FROM_LAUNCHER__INIT;
    message.what_case = CHARIOT__V1__FROM_LAUNCHER__WHAT_RENDEZVOUS;
    message.rendezvous = &rendezvous;
    return write_from_launcher(fd, &message);
}

static Chariot__V1__ToLauncher *read_from_pe(int fd) {
    uint8_t *data = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(rpc_control_read(fd, 5000, &data, &size), 0);
    Chariot__V1__ToLauncher *message = chariot__v1__to_launcher__unpack(NULL, size, data);
    free(data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    return message;
}

static void a_frame_is_read_as_it_was_written(void) {
    int fds[2];
    uint8_t *data;
    size_t size;
    fds_open(fds);
    CU_ASSERT_EQUAL(rpc_control_write(fds[0], "hello", 5), 0);
    CU_ASSERT_EQUAL(rpc_control_write(fds[0], "", 0), 0);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], -1, &data, &size), 0);
    CU_ASSERT_EQUAL(size, 5);
    CU_ASSERT_EQUAL(memcmp(data, "hello", 5), 0);
    free(data);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], 1000, &data, &size), 0);
    CU_ASSERT_EQUAL(size, 0);
    free(data);
    fds_close(fds);
}

struct writer {
    int fd;
    const uint8_t *data;
    size_t size;
    int outcome;
};

static void *write_in_thread(void *arg) {
    struct writer *writer = arg;
    writer->outcome = rpc_control_write(writer->fd, writer->data, writer->size);
    return NULL;
}

static void large_frames_pass_in_parts_through_any_descriptor(void) {
    for (int kind = 0; kind < 3; kind++) {
        int fds[2];
        uint8_t *sent = malloc(RPC_CONTROL_MAX_BYTES), *data = NULL;
        size_t size = 0;
        for (size_t i = 0; i < RPC_CONTROL_MAX_BYTES; i++) sent[i] = (uint8_t)(i * 7 + (i >> 9));
        if (kind == 0) CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
        if (kind > 0) fds_open(fds);
        if (kind == 2) fcntl(fds[0], F_SETFL, O_NONBLOCK);
        if (kind == 2) fcntl(fds[1], F_SETFL, O_NONBLOCK);
        struct writer writer = {fds[1], sent, RPC_CONTROL_MAX_BYTES, -1};
        pthread_t thread;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_in_thread, &writer), 0);
        CU_ASSERT_EQUAL(rpc_control_read(fds[0], -1, &data, &size), 0);
        pthread_join(thread, NULL);
        CU_ASSERT_EQUAL(writer.outcome, 0);
        CU_ASSERT_EQUAL_FATAL(size, RPC_CONTROL_MAX_BYTES);
        CU_ASSERT_EQUAL(memcmp(data, sent, size), 0);
        free(data);
        free(sent);
        fds_close(fds);
    }
}

static void frames_above_the_limit_are_refused_both_ways(void) {
    int fds[2];
    uint8_t *data;
    size_t size;
    static const uint8_t head[4] = {0, 0, 0, 0x40}; /* 1 GiB */
    fds_open(fds);
    CU_ASSERT_EQUAL(rpc_control_write(fds[0], head, RPC_CONTROL_MAX_BYTES + 1), CHARIOT_ETOOBIG);
    CU_ASSERT_EQUAL(write(fds[0], head, 4), 4);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], 1000, &data, &size), CHARIOT_EMALFORMED);
    fds_close(fds);
}

static void an_end_that_is_gone_is_an_error_and_no_signal(void) {
    int fds[2];
    uint8_t *data;
    size_t size;
    fds_open(fds);
    CU_ASSERT_EQUAL(write(fds[0], "\x05\0\0\0ab", 6), 6);
    close(fds[0]);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], -1, &data, &size), CHARIOT_EGONE); /* cut short */
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], -1, &data, &size), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_control_write(fds[1], "x", 1), CHARIOT_EGONE);
    close(fds[1]);
}

static void waiting_ends_with_its_time_limit(void) {
    int fds[2];
    uint8_t *data;
    size_t size;
    fds_open(fds);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], 0, &data, &size), CHARIOT_ETIMEOUT);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], 10, &data, &size), CHARIOT_ETIMEOUT);
    CU_ASSERT_EQUAL(write(fds[0], "\x05\0", 2), 2);
    CU_ASSERT_EQUAL(rpc_control_read(fds[1], 10, &data, &size), CHARIOT_ETIMEOUT);
    fds_close(fds);
}

static void without_a_launcher_it_is_a_job_of_one(void) {
    struct rpc_control control;
    char *address;
    unsetenv(FD_VARIABLE);
    CU_ASSERT_EQUAL(rpc_control_open(&control), 0);
    CU_ASSERT_EQUAL(control.fd, -1);
    CU_ASSERT_EQUAL(control.ticket.pe, 0);
    CU_ASSERT_EQUAL(control.ticket.num_pes, 1);
    CU_ASSERT_EQUAL(rpc_control_say_verdict(&control, 1, "x"), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_control_say_farewell(&control, 0), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_control_say_listening(&control, "x"), CHARIOT_EGONE);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, 0, &address), CHARIOT_EGONE);
    rpc_control_close(&control);
}

static void the_ticket_says_who_we_are(void) {
    int fds[2];
    struct rpc_control control;
    fds_open(fds);
    CU_ASSERT_EQUAL(write_ticket(fds[0], 2, 4, 32, "tcp"), 0);
    CU_ASSERT_EQUAL(tell_launcher_fd(fds[1]), 0);
    CU_ASSERT_EQUAL(rpc_control_open(&control), 0);
    CU_ASSERT_PTR_NULL(getenv(FD_VARIABLE));
    CU_ASSERT_TRUE((fcntl(control.fd, F_GETFD) & FD_CLOEXEC) != 0);
    CU_ASSERT_EQUAL(control.ticket.pe, 2);
    CU_ASSERT_EQUAL(control.ticket.num_pes, 4);
    CU_ASSERT_EQUAL(control.ticket.token[31], (uint8_t)(31 * 5));
    CU_ASSERT_STRING_EQUAL(control.ticket.job, "job-7");
    CU_ASSERT_STRING_EQUAL(control.ticket.transport, "tcp");
    CU_ASSERT_STRING_EQUAL(control.ticket.run_dir, "/run/x");
    rpc_control_close(&control);
    CU_ASSERT_EQUAL(fcntl(fds[1], F_GETFD), -1);
    close(fds[0]);
}

static void expect_no_ticket(int fds[2], int error) {
    struct rpc_control control;
    CU_ASSERT_EQUAL(tell_launcher_fd(fds[1]), 0);
    CU_ASSERT_EQUAL(rpc_control_open(&control), error);
    CU_ASSERT_EQUAL(control.fd, -1);
    CU_ASSERT_PTR_NULL(control.ticket.job);
    CU_ASSERT_PTR_NULL(getenv(FD_VARIABLE));
    CU_ASSERT_EQUAL(fcntl(fds[1], F_GETFD), -1);
    close(fds[0]);
}

static void a_malformed_ticket_is_refused(void) {
    static const struct {
        uint32_t pe, num_pes;
        size_t token_bytes;
        const char *transport;
    } wrong[] = {{0, 0, 32, "unix"}, {4, 4, 32, "unix"}, {0, 4, 31, "unix"}, {0, 4, 33, "unix"},
                 {0, 4, 0, "unix"},  {0, 4, 32, ""},     {0, 4, 32, "ipx"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int fds[2];
        fds_open(fds);
        CU_ASSERT_EQUAL(write_ticket(fds[0], wrong[i].pe, wrong[i].num_pes, wrong[i].token_bytes, wrong[i].transport),
                        0);
        expect_no_ticket(fds, CHARIOT_EMALFORMED);
    }
}

static void anything_else_than_a_ticket_is_refused(void) {
    int fds[2];
    fds_open(fds);
    CU_ASSERT_EQUAL(write_rendezvous(fds[0], "unix:/x"), 0);
    expect_no_ticket(fds, CHARIOT_EMALFORMED);
    fds_open(fds);
    CU_ASSERT_EQUAL(rpc_control_write(fds[0], "\xff\xff\xff", 3), 0);
    expect_no_ticket(fds, CHARIOT_EMALFORMED);
    fds_open(fds);
    CU_ASSERT_EQUAL(rpc_control_write(fds[0], "", 0), 0);
    expect_no_ticket(fds, CHARIOT_EMALFORMED);
    fds_open(fds);
    shutdown(fds[0], SHUT_WR);
    expect_no_ticket(fds, CHARIOT_EGONE);
}

static void a_descriptor_that_is_none_is_refused(void) {
    static const char *const malformed[] = {"", "x", "3x", "-1", "99999999999999999999", " "};
    struct rpc_control control;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        setenv(FD_VARIABLE, malformed[i], 1);
        CU_ASSERT_EQUAL(rpc_control_open(&control), CHARIOT_EMALFORMED);
        CU_ASSERT_PTR_NULL(getenv(FD_VARIABLE));
    }
    setenv(FD_VARIABLE, "1000000", 1);
    CU_ASSERT_EQUAL(rpc_control_open(&control), CHARIOT_EIO);
    CU_ASSERT_EQUAL(control.fd, -1);
}

static struct rpc_control opened(int fds[2]) {
    struct rpc_control control;
    fds_open(fds);
    CU_ASSERT_EQUAL(write_ticket(fds[0], 1, 2, 32, "unix"), 0);
    CU_ASSERT_EQUAL(tell_launcher_fd(fds[1]), 0);
    CU_ASSERT_EQUAL_FATAL(rpc_control_open(&control), 0);
    Chariot__V1__ToLauncher *said = read_from_pe(fds[0]);
    CU_ASSERT_EQUAL_FATAL(said->what_case, CHARIOT__V1__TO_LAUNCHER__WHAT_HELLO);
    chariot__v1__to_launcher__free_unpacked(said, NULL);
    return control;
}

static void what_a_pe_says_is_heard(void) {
    int fds[2];
    struct rpc_control control = opened(fds);
    CU_ASSERT_EQUAL(rpc_control_say_listening(&control, "unix:/run/x/0.sock"), 0);
    CU_ASSERT_EQUAL(rpc_control_say_verdict(&control, 3, "PE 1: boom %s%n\n"), 0);
    CU_ASSERT_EQUAL(rpc_control_say_farewell(&control, 5), 0);
    Chariot__V1__ToLauncher *said = read_from_pe(fds[0]);
    CU_ASSERT_EQUAL_FATAL(said->what_case, CHARIOT__V1__TO_LAUNCHER__WHAT_LISTENING);
    CU_ASSERT_STRING_EQUAL(said->listening->address, "unix:/run/x/0.sock");
    chariot__v1__to_launcher__free_unpacked(said, NULL);
    said = read_from_pe(fds[0]);
    CU_ASSERT_EQUAL_FATAL(said->what_case, CHARIOT__V1__TO_LAUNCHER__WHAT_VERDICT);
    CU_ASSERT_EQUAL(said->verdict->pe, 1);
    CU_ASSERT_EQUAL(said->verdict->status, 3);
    CU_ASSERT_STRING_EQUAL(said->verdict->text, "PE 1: boom %s%n\n");
    chariot__v1__to_launcher__free_unpacked(said, NULL);
    said = read_from_pe(fds[0]);
    CU_ASSERT_EQUAL_FATAL(said->what_case, CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL);
    CU_ASSERT_EQUAL(said->farewell->status, 5);
    chariot__v1__to_launcher__free_unpacked(said, NULL);
    close(fds[0]);
    CU_ASSERT_EQUAL(rpc_control_say_farewell(&control, 5), CHARIOT_EGONE);
    rpc_control_close(&control);
}

static void a_verdict_of_any_length_fits_a_frame(void) {
    int fds[2];
    struct rpc_control control = opened(fds);
    size_t length = 3 << 20;
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    pid_t child = fork();
    if (child == 0) _exit(rpc_control_say_verdict(&control, 1, text) == 0 ? 0 : 1);
    Chariot__V1__ToLauncher *said = read_from_pe(fds[0]);
    CU_ASSERT_EQUAL(strlen(said->verdict->text), VERDICT_TEXT_MAX);
    chariot__v1__to_launcher__free_unpacked(said, NULL);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    free(text);
    rpc_control_close(&control);
    close(fds[0]);
}

static void the_rendezvous_is_waited_for(void) {
    int fds[2];
    char *address = NULL;
    struct rpc_control control = opened(fds);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, 5, &address), CHARIOT_ETIMEOUT);
    CU_ASSERT_EQUAL(write_rendezvous(fds[0], "127.0.0.1:4711"), 0);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, -1, &address), 0);
    CU_ASSERT_STRING_EQUAL(address, "127.0.0.1:4711");
    free(address);
    CU_ASSERT_EQUAL(write_rendezvous(fds[0], ""), 0);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, -1, &address), CHARIOT_EMALFORMED);
    CU_ASSERT_EQUAL(write_ticket(fds[0], 0, 1, 32, "unix"), 0);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, -1, &address), CHARIOT_EMALFORMED);
    close(fds[0]);
    CU_ASSERT_EQUAL(rpc_control_wait_rendezvous(&control, -1, &address), CHARIOT_EGONE);
    rpc_control_close(&control);
}

/* A session from ticket to farewell; the launcher's side is written ahead, unaffected by faults. */
static int session(void) {
    int fds[2];
    struct rpc_control control;
    char *address = NULL;
    fds_open(fds);
    write_ticket(fds[0], 1, 2, 32, "unix");
    write_rendezvous(fds[0], "x:1");
    tell_launcher_fd(fds[1]);
    int error = rpc_control_open(&control);
    if (error == 0) error = rpc_control_say_listening(&control, "y:2");
    if (error == 0) error = rpc_control_wait_rendezvous(&control, 1000, &address);
    if (error == 0) error = rpc_control_say_verdict(&control, 1, "text");
    if (error == 0) error = rpc_control_say_farewell(&control, 0);
    free(address);
    rpc_control_close(&control);
    close(fds[0]);
    return error;
}

static void every_allocation_may_fail(void) {
    FAULT_SWEEP(nth) {
        int error = session();
        CU_ASSERT_EQUAL(fault_live(), 0);
        if (error == 0)
            FAULT_DONE
        else
            CU_ASSERT_EQUAL(error, CHARIOT_ENOMEM);
    }
}

UNIT_MAIN("rpc/control", UNIT(a_frame_is_read_as_it_was_written),
          UNIT(large_frames_pass_in_parts_through_any_descriptor), UNIT(frames_above_the_limit_are_refused_both_ways),
          UNIT(an_end_that_is_gone_is_an_error_and_no_signal), UNIT(waiting_ends_with_its_time_limit),
          UNIT(without_a_launcher_it_is_a_job_of_one), UNIT(the_ticket_says_who_we_are),
          UNIT(a_malformed_ticket_is_refused), UNIT(anything_else_than_a_ticket_is_refused),
          UNIT(a_descriptor_that_is_none_is_refused), UNIT(what_a_pe_says_is_heard),
          UNIT(a_verdict_of_any_length_fits_a_frame), UNIT(the_rendezvous_is_waited_for),
          UNIT(every_allocation_may_fail))
