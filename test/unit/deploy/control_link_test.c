/* Tests of deploy/control_link.c: the PE's end is a socket that the test writes to, well or badly. */
#include "deploy/control_link.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/control.h"
#include "rpc/error.h"
#include "test/unit/unit.h"

struct rig {
    struct ev_loop *loop;
    struct deploy_link link;
    struct deploy_link_handler handler;
    int pe_end;
    int messages, malformed, opened;
    uint32_t last_status;
    bool close_on_message;
};

static void on_message(void *context, uint32_t pe, const Chariot__V1__ToLauncher *message) {
    struct rig *rig = context;
    CU_ASSERT_EQUAL(pe, 3);
    rig->messages++;
    if (message->what_case == CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL) rig->last_status = message->farewell->status;
    if (rig->close_on_message) deploy_link_close(&rig->link);
}

static void on_malformed(void *context, uint32_t pe) {
    struct rig *rig = context;
    CU_ASSERT_EQUAL(pe, 3);
    rig->malformed++;
}

static void on_opened(void *context, uint32_t pe) {
    struct rig *rig = context;
    CU_ASSERT_EQUAL(pe, 3);
    rig->opened++;
}

static void rig_init(struct rig *rig) {
    int pair[2];
    *rig = (struct rig){.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)};
    rig->handler = (struct deploy_link_handler){on_message, on_malformed, on_opened, rig};
    CU_ASSERT_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    deploy_link_open(&rig->link, rig->loop, pair[0], 3, &rig->handler);
    rig->pe_end = pair[1];
}

static void rig_deinit(struct rig *rig) {
    deploy_link_close(&rig->link);
    if (rig->pe_end >= 0) close(rig->pe_end);
    ev_loop_destroy(rig->loop);
}

/* A whole frame that says Farewell; returns its size. */
static size_t farewell(uint32_t status, uint8_t *out) {
    Chariot__V1__Farewell body = CHARIOT__V1__FAREWELL__INIT;
    Chariot__V1__ToLauncher message = CHARIOT__V1__TO_LAUNCHER__INIT;
    body.status = status;
    message.what_case = CHARIOT__V1__TO_LAUNCHER__WHAT_FAREWELL;
    message.farewell = &body;
    size_t size = chariot__v1__to_launcher__pack(&message, out + 4);
    memcpy(out, (uint8_t[]){(uint8_t)size, 0, 0, 0}, 4);
    return size + 4;
}

static void put(struct rig *rig, const void *data, size_t size) {
    CU_ASSERT_EQUAL(write(rig->pe_end, data, size), (ssize_t)size);
    ev_run(rig->loop, EVRUN_NOWAIT);
}

static void frames_in_any_pieces_are_heard(void) {
    struct rig rig;
    uint8_t frames[128];
    rig_init(&rig);
    size_t size = farewell(7, frames);
    for (size_t i = 0; i < size; i++) {
        CU_ASSERT_EQUAL(rig.messages, 0);
        put(&rig, frames + i, 1);
    }
    CU_ASSERT_EQUAL(rig.messages, 1);
    CU_ASSERT_EQUAL(rig.last_status, 7);
    size = farewell(8, frames);
    size += farewell(9, frames + size);
    put(&rig, frames, size - 1);
    CU_ASSERT_EQUAL(rig.messages, 2);
    put(&rig, frames + size - 1, 1);
    CU_ASSERT_EQUAL(rig.messages, 3);
    CU_ASSERT_EQUAL(rig.last_status, 9);
    CU_ASSERT_EQUAL(rig.malformed, 0);
    rig_deinit(&rig);
}

static void expect_malformed(const void *data, size_t size, bool then_close) {
    struct rig rig;
    rig_init(&rig);
    put(&rig, data, size);
    if (then_close) {
        close(rig.pe_end);
        rig.pe_end = -1;
        ev_run(rig.loop, EVRUN_NOWAIT);
    }
    CU_ASSERT_EQUAL(rig.malformed, 1);
    CU_ASSERT_EQUAL(rig.messages, 0);
    CU_ASSERT_EQUAL(rig.link.fd, -1);
    rig_deinit(&rig);
}

static void garbage_closes_the_link(void) {
    expect_malformed("\x02\0\0\0\xff\xff", 6, false);
    expect_malformed("\0\0\0\x40", 4, false);   /* 1 GiB */
    expect_malformed("\x01\0\x10\0", 4, false); /* one byte more than the limit */
    expect_malformed("\x08\0\0\0abc", 7, true); /* cut short */
    expect_malformed("\x08\0", 2, true);
}

static void the_greatest_frame_is_heard(void) {
    struct rig rig;
    enum { BODY = RPC_CONTROL_MAX_BYTES };
    uint8_t *frame = calloc(1, BODY + 4);
    rig_init(&rig);
    /* verdict (field 2) that holds text (field 3), each with a size of three bytes: 1 + 3 + 1 + 3 bytes around it */
    uint32_t inner = BODY - 4, text = BODY - 8;
    memcpy(frame, (uint8_t[]){0, 0, 0x10, 0}, 4);
    memcpy(frame + 4, (uint8_t[]){2 << 3 | 2, inner | 0x80, inner >> 7 | 0x80, inner >> 14}, 4);
    memcpy(frame + 8, (uint8_t[]){3 << 3 | 2, text | 0x80, text >> 7 | 0x80, text >> 14}, 4);
    memset(frame + 12, 'x', text);
    for (size_t at = 0; at < BODY + 4;) {
        ssize_t done = send(rig.pe_end, frame + at, BODY + 4 - at, MSG_DONTWAIT);
        if (done > 0) at += (size_t)done;
        ev_run(rig.loop, EVRUN_NOWAIT);
    }
    ev_run(rig.loop, EVRUN_NOWAIT);
    CU_ASSERT_EQUAL(rig.messages, 1);
    CU_ASSERT_EQUAL(rig.malformed, 0);
    rig_deinit(&rig);
    free(frame);
}

static void a_handler_may_close_the_link(void) {
    struct rig rig;
    uint8_t frames[128];
    rig_init(&rig);
    rig.close_on_message = true;
    size_t size = farewell(1, frames);
    size += farewell(2, frames + size);
    put(&rig, frames, size);
    CU_ASSERT_EQUAL(rig.messages, 1);
    CU_ASSERT_EQUAL(rig.link.fd, -1);
    rig_deinit(&rig);
}

static int send_ticket(struct rig *rig) {
    Chariot__V1__Ticket ticket = CHARIOT__V1__TICKET__INIT;
    uint8_t token[32] = {1, 2, 3};
    ticket.job = "job";
    ticket.pe = 3;
    ticket.num_pes = 4;
    ticket.token = (ProtobufCBinaryData){.len = sizeof token, .data = token};
    ticket.transport = "unix";
    ticket.run_dir = "/tmp/x";
    return deploy_link_send_ticket(&rig->link, &ticket);
}

static Chariot__V1__FromLauncher *hear(struct rig *rig) {
    uint8_t *data;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(rpc_control_read(rig->pe_end, 1000, &data, &size), 0);
    Chariot__V1__FromLauncher *message = chariot__v1__from_launcher__unpack(NULL, size, data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(message);
    free(data);
    return message;
}

static void the_pe_hears_ticket_and_rendezvous(void) {
    struct rig rig;
    rig_init(&rig);
    CU_ASSERT_EQUAL(send_ticket(&rig), 0);
    CU_ASSERT_EQUAL(deploy_link_send_rendezvous(&rig.link, "unix:/x"), 0);
    Chariot__V1__FromLauncher *message = hear(&rig);
    CU_ASSERT_EQUAL_FATAL(message->what_case, CHARIOT__V1__FROM_LAUNCHER__WHAT_TICKET);
    CU_ASSERT_EQUAL(message->ticket->pe, 3);
    CU_ASSERT_EQUAL(message->ticket->token.len, 32);
    chariot__v1__from_launcher__free_unpacked(message, NULL);
    message = hear(&rig);
    CU_ASSERT_EQUAL_FATAL(message->what_case, CHARIOT__V1__FROM_LAUNCHER__WHAT_RENDEZVOUS);
    CU_ASSERT_STRING_EQUAL(message->rendezvous->address, "unix:/x");
    chariot__v1__from_launcher__free_unpacked(message, NULL);
    rig_deinit(&rig);
}

static void who_says_hello_has_opened_the_job(void) {
    static const uint8_t hello[] = {6 << 3 | 2, 0};
    struct rig rig;
    rig_init(&rig);
    CU_ASSERT_EQUAL(send_ticket(&rig), 0);
    CU_ASSERT_FALSE(rig.link.opened);
    for (int times = 0; times < 2; times++) CU_ASSERT_EQUAL(rpc_control_write(rig.pe_end, hello, sizeof hello), 0);
    deploy_link_drain(&rig.link);
    CU_ASSERT_TRUE(rig.link.opened);
    CU_ASSERT_EQUAL(rig.opened, 1);
    CU_ASSERT_EQUAL(rig.messages, 0); /* it is for the link alone */
    rig_deinit(&rig);
}

static void who_ends_without_reading_it_has_not(void) {
    struct rig rig;
    rig_init(&rig);
    CU_ASSERT_EQUAL(send_ticket(&rig), 0);
    close(rig.pe_end);
    rig.pe_end = -1;
    deploy_link_drain(&rig.link);
    CU_ASSERT_FALSE(rig.link.opened);
    CU_ASSERT_EQUAL(rig.link.fd, -1);
    CU_ASSERT_EQUAL(rig.malformed, 0);
    CU_ASSERT_EQUAL(send_ticket(&rig), CHARIOT_EGONE);
    rig_deinit(&rig);
}

static void a_process_that_failed_can_say_why(void) {
    struct rig rig;
    char long_text[2048];
    rig_init(&rig);
    CU_ASSERT_EQUAL(deploy_link_say_verdict(rig.pe_end, 3, 127, "chariot: cannot execute 'x'\n"), 0);
    deploy_link_drain(&rig.link);
    CU_ASSERT_EQUAL(rig.messages, 1);
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    CU_ASSERT_EQUAL(deploy_link_say_verdict(rig.pe_end, 3, 127, long_text), CHARIOT_ETOOBIG);
    rig_deinit(&rig);
}

UNIT_MAIN("deploy/control_link", UNIT(frames_in_any_pieces_are_heard), UNIT(garbage_closes_the_link),
          UNIT(the_greatest_frame_is_heard), UNIT(a_handler_may_close_the_link),
          UNIT(the_pe_hears_ticket_and_rendezvous), UNIT(who_says_hello_has_opened_the_job),
          UNIT(who_ends_without_reading_it_has_not), UNIT(a_process_that_failed_can_say_why))
