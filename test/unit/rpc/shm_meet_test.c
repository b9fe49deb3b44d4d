/* test/unit/rpc/shm_meet_test.c: who is let in, what of a peer is believed, and what a damaged ring does.
 *
 * The test plays PE 1 by hand, with a heap and a socket of its own, against a real end that is PE 0. */
#include "rpc/shm_meet.c"

#include "rpc/loop.h"
#include "test/unit/unit.h"

enum { HEAP = 4 << 20, RING = 64 << 10 };

struct heard {
    unsigned messages, gone;
    int error;
    char text[200];
    struct chariot_msg *last;
};

static void on_message_take(void *owner, struct chariot_msg *msg) {
    struct heard *heard = owner;
    heard->messages++;
    rpc_msg_consume(msg);
    rpc_msg_unref(heard->last);
    heard->last = msg;
}

static void on_peer_gone(void *owner, uint32_t pe, int error, const char *text) {
    struct heard *heard = owner;
    CU_ASSERT_EQUAL(pe, 1);
    heard->gone++;
    heard->error = error;
    snprintf(heard->text, sizeof heard->text, "%s", text);
}

static const struct rpc_upcalls upcalls = {.on_message_take = on_message_take, .on_peer_gone = on_peer_gone};

/* PE 0, and what stands in for PE 1. */
struct scene {
    char dir[40];
    struct rpc_loop *loop;
    struct rpc_node node;
    struct heard heard;
    int listener; /* PE 1's */
    int fd;       /* between the two */
    struct rpc_heap *heap;
    struct rpc_block *board, *ring_block, *payload;
    struct rpc_ring_writer writer;
    struct shm_hello hello;
};

static struct rpc_shm *end_of(struct scene *scene) {
    return (struct rpc_shm *)scene->node.transport;
}

static void scene_open(struct scene *scene) {
    memset(scene, 0, sizeof *scene);
    scene->fd = -1;
    strcpy(scene->dir, "/tmp/chariot-meet-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(scene->dir));
    CU_ASSERT_EQUAL_FATAL(rpc_loop_new(&scene->loop), 0);
    scene->node = (struct rpc_node){.pe = 0, .num_pes = 3, .num_hosts = 1, .up = &upcalls, .owner = &scene->heard};
    rpc_turn_init(&scene->node.turn);
    struct rpc_shm_config config = {.dir = scene->dir, .limits = rpc_limits_default};
    config.listener = rpc_shm_listen(scene->dir, 0);
    scene->listener = rpc_shm_listen(scene->dir, 1);
    CU_ASSERT_TRUE_FATAL(config.listener >= 0 && scene->listener >= 0);
    memset(config.token, 0x77, sizeof config.token);
    CU_ASSERT_EQUAL_FATAL(rpc_shm_open(scene->loop, &scene->node, &config), 0);

    CU_ASSERT_EQUAL_FATAL(rpc_heap_new(HEAP, HEAP, &scene->heap), 0);
    scene->board = rpc_block_new(scene->heap, sizeof(struct shm_board));
    scene->ring_block = rpc_block_new(scene->heap, rpc_ring_bytes(RING));
    scene->payload = rpc_block_new(scene->heap, 100000);
    rpc_ring_writer_init(&scene->writer, rpc_block_data(scene->ring_block), RING);
    scene->hello = (struct shm_hello){.packet = SHM_HELLO,
                                      .version = RPC_PROTOCOL_VERSION,
                                      .pe = 1,
                                      .num_pes = 3,
                                      .ring_size = RING,
                                      .heap_size = HEAP,
                                      .board = (uint64_t)(rpc_block_data(scene->board) - rpc_heap_base(scene->heap)),
                                      .ring = (uint64_t)((uint8_t *)scene->writer.ring - rpc_heap_base(scene->heap))};
    memset(scene->hello.token, 0x77, sizeof scene->hello.token);
}

static void scene_close(struct scene *scene) {
    char path[64];
    if (scene->fd >= 0) close(scene->fd);
    close(scene->listener);
    scene->node.transport->ops->close(scene->node.transport, true);
    rpc_msg_unref(scene->heard.last);
    rpc_loop_free(scene->loop);
    rpc_block_drop(scene->board);
    rpc_block_drop(scene->ring_block);
    rpc_block_drop(scene->payload);
    rpc_heap_unref(scene->heap);
    for (uint32_t pe = 0; pe < 2; pe++) {
        snprintf(path, sizeof path, "%s/%u.shm", scene->dir, pe);
        unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(scene->dir), 0);
}

static void turn(struct scene *scene) {
    for (int i = 0; i < 4; i++) scene->node.transport->ops->poll(scene->node.transport, false);
}

static void connect_to_it(struct scene *scene) {
    struct sockaddr_un address;
    name_socket(&address, scene->dir, 0);
    scene->fd = socket_new();
    CU_ASSERT_EQUAL_FATAL(connect(scene->fd, (struct sockaddr *)&address, sizeof address), 0);
}

/* As send_hello() does, with any content and any descriptor. */
static void say(struct scene *scene, int heap, size_t size) {
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&scene->hello, size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (heap >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &heap, sizeof heap);
    }
    CU_ASSERT_EQUAL(sendmsg(scene->fd, &message, MSG_NOSIGNAL), (ssize_t)size);
    turn(scene);
}

/* What it answers: 0 for a hello, else the error of its refusal; 1: it has hung up. */
static int answer(struct scene *scene) {
    struct shm_hello hello;
    int heap;
    ssize_t size = receive(scene->fd, &hello, &heap);
    if (heap >= 0) close(heap);
    CU_ASSERT_TRUE(size >= 0);
    if (size == 0) return 1;
    return hello.packet == SHM_HELLO ? 0 : hello.error;
}

static void meet(struct scene *scene) {
    scene_open(scene);
    connect_to_it(scene);
    say(scene, rpc_heap_fd(scene->heap), sizeof scene->hello);
    CU_ASSERT_EQUAL(answer(scene), 0);
}

static void put_message(struct scene *scene, uint8_t kind, uint32_t size) {
    struct rpc_msg_head *head = rpc_ring_reserve(&scene->writer, (uint32_t)sizeof *head + size, SHM_MESSAGE);
    *head = (struct rpc_msg_head){.kind = kind, .from = 1, .seq = 9};
    memset(head + 1, 3, size);
    rpc_ring_publish(&scene->writer);
}

static struct shm_lent put_lent(struct scene *scene, size_t size) {
    struct shm_lent lent = {
        .head = {.kind = RPC_KIND_FIRST_USER, .from = 1}, .offset = rpc_block_lend(scene->payload), .size = size};
    return lent;
}

static void write_record(struct scene *scene, uint32_t type, const void *record, uint32_t size) {
    memcpy(rpc_ring_reserve(&scene->writer, size, type), record, size);
    rpc_ring_publish(&scene->writer);
    turn(scene);
}

/* ---------------------------------------------------------------- hello */

static void a_peer_with_the_token_is_let_in_and_heard(void) {
    struct scene scene;
    meet(&scene);
    put_message(&scene, RPC_KIND_FIRST_USER, 100);
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.messages, 1);
    CU_ASSERT_EQUAL(scene.heard.last->size, 100);
    CU_ASSERT_EQUAL(scene.heard.last->seq, 9);
    scene_close(&scene);
}

static void refused(int heap_of, void (*change)(struct shm_hello *hello), size_t size, int error) {
    struct scene scene;
    scene_open(&scene);
    int pipes[2] = {-1, -1};
    CU_ASSERT_EQUAL_FATAL(pipe(pipes), 0);
    if (change != NULL) change(&scene.hello);
    connect_to_it(&scene);
    say(&scene, heap_of == 1 ? rpc_heap_fd(scene.heap) : heap_of == 2 ? pipes[0] : -1, size);
    CU_ASSERT_EQUAL(answer(&scene), error);
    CU_ASSERT_EQUAL(answer(&scene), 1);
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.gone, 0); /* it has never been anybody */
    CU_ASSERT_EQUAL(end_of(&scene)->num_guests, 0);
    close(pipes[0]);
    close(pipes[1]);
    scene_close(&scene);
}

static void wrong_token(struct shm_hello *hello) {
    hello->token[31] ^= 1;
}
static void wrong_version(struct shm_hello *hello) {
    hello->version++;
}
static void unknown_pe(struct shm_hello *hello) {
    hello->pe = 3;
}
static void our_own_pe(struct shm_hello *hello) {
    hello->pe = 0;
}
static void other_job(struct shm_hello *hello) {
    hello->num_pes = 4;
}
static void other_packet(struct shm_hello *hello) {
    hello->packet = SHM_BELL;
}
static void ring_outside(struct shm_hello *hello) {
    hello->ring = HEAP - 64;
}
static void ring_wraps(struct shm_hello *hello) {
    hello->ring = UINT64_MAX - 63;
}
static void ring_crooked(struct shm_hello *hello) {
    hello->ring += 8;
}
static void ring_of_no_power(struct shm_hello *hello) {
    hello->ring_size = RING - 8;
}
static void board_outside(struct shm_hello *hello) {
    hello->board = HEAP;
}
static void larger_heap(struct shm_hello *hello) {
    hello->heap_size = HEAP * 2;
}

static void whoever_is_not_of_the_job_is_refused_and_told_why(void) {
    const size_t whole = sizeof(struct shm_hello);
    refused(1, wrong_token, whole, CHARIOT_EAUTH);
    refused(1, wrong_version, whole, CHARIOT_EVERSION);
    refused(1, unknown_pe, whole, CHARIOT_EMALFORMED);
    refused(1, our_own_pe, whole, CHARIOT_EMALFORMED);
    refused(1, other_job, whole, CHARIOT_EMALFORMED);
    refused(1, other_packet, whole, CHARIOT_EMALFORMED);
    refused(1, NULL, whole - 1, CHARIOT_EMALFORMED);
    refused(1, NULL, 4, CHARIOT_EMALFORMED);
}

static void a_heap_that_cannot_be_one_is_refused(void) {
    const size_t whole = sizeof(struct shm_hello);
    refused(0, NULL, whole, CHARIOT_EMALFORMED);
    refused(2, NULL, whole, CHARIOT_EMALFORMED); /* a pipe */
    refused(1, ring_outside, whole, CHARIOT_EMALFORMED);
    refused(1, ring_wraps, whole, CHARIOT_EMALFORMED);
    refused(1, ring_crooked, whole, CHARIOT_EMALFORMED);
    refused(1, ring_of_no_power, whole, CHARIOT_EMALFORMED);
    refused(1, board_outside, whole, CHARIOT_EMALFORMED);
    refused(1, larger_heap, whole, CHARIOT_EMALFORMED);
}

static void a_second_one_of_the_same_name_is_refused(void) {
    struct scene scene;
    meet(&scene);
    int first = scene.fd;
    connect_to_it(&scene);
    say(&scene, rpc_heap_fd(scene.heap), sizeof scene.hello);
    CU_ASSERT_EQUAL(answer(&scene), CHARIOT_EEXIST);
    put_message(&scene, RPC_KIND_FIRST_USER, 10);
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.messages, 1);
    close(first);
    scene_close(&scene);
}

static void one_that_says_nothing_and_leaves_is_forgotten(void) {
    struct scene scene;
    scene_open(&scene);
    connect_to_it(&scene);
    turn(&scene);
    CU_ASSERT_EQUAL(end_of(&scene)->num_guests, 1);
    close(scene.fd);
    scene.fd = -1;
    turn(&scene);
    CU_ASSERT_EQUAL(end_of(&scene)->num_guests, 0);
    CU_ASSERT_EQUAL(scene.heard.gone, 0);
    scene_close(&scene);
}

/* ---------------------------------------------------------------- the end of a peer */

static void a_death_is_reported_behind_all_that_was_sent(void) {
    struct scene scene;
    meet(&scene);
    for (int i = 0; i < 5; i++) put_message(&scene, RPC_KIND_FIRST_USER, 10);
    void *half = rpc_ring_reserve(&scene.writer, 50, SHM_MESSAGE); /* killed before it was published */
    CU_ASSERT_PTR_NOT_NULL(half);
    close(scene.fd);
    scene.fd = -1;
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.messages, 5);
    CU_ASSERT_EQUAL(scene.heard.gone, 1);
    CU_ASSERT_EQUAL(scene.heard.error, CHARIOT_EGONE);
    struct chariot_msg *msg = rpc_msg_new(0);
    msg->kind = RPC_KIND_FIRST_USER;
    CU_ASSERT_EQUAL(rpc_node_send(&scene.node, 1, msg), CHARIOT_EGONE);
    rpc_msg_unref(msg);
    scene_close(&scene);
}

static void a_goodbye_is_no_death(void) {
    struct scene scene;
    meet(&scene);
    put_message(&scene, RPC_KIND_FIRST_USER, 10);
    rpc_ring_close(&scene.writer);
    close(scene.fd);
    scene.fd = -1;
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.messages, 1);
    CU_ASSERT_EQUAL(scene.heard.gone, 0);
    scene_close(&scene);
}

static void a_peer_that_does_not_listen_is_gone(void) {
    struct scene scene;
    scene_open(&scene);
    struct chariot_msg *msg = rpc_msg_new(0);
    msg->kind = RPC_KIND_FIRST_USER;
    close(scene.listener);
    CU_ASSERT_EQUAL(rpc_node_send(&scene.node, 1, msg), CHARIOT_EGONE);
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.gone, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene.heard.text, "cannot be connected to"));
    rpc_msg_unref(msg);
    scene_close(&scene);
}

static void a_refusal_says_why_a_peer_is_gone(void) {
    struct scene scene;
    scene_open(&scene);
    struct chariot_msg *msg = rpc_msg_new(0);
    msg->kind = RPC_KIND_FIRST_USER;
    CU_ASSERT_EQUAL(rpc_node_send(&scene.node, 1, msg), 0);
    scene.fd = accept(scene.listener, NULL, NULL);
    CU_ASSERT_EQUAL(answer(&scene), 0);
    send_refusal(scene.fd, CHARIOT_EVERSION);
    turn(&scene);
    CU_ASSERT_EQUAL(scene.heard.gone, 1);
    CU_ASSERT_EQUAL(scene.heard.error, CHARIOT_EVERSION);
    rpc_msg_unref(msg);
    scene_close(&scene);
}

/* ---------------------------------------------------------------- damage */

static void damaged(struct scene *scene, const char *text) {
    turn(scene);
    CU_ASSERT_EQUAL(scene->heard.messages, 0);
    CU_ASSERT_EQUAL(scene->heard.gone, 1);
    CU_ASSERT_EQUAL(scene->heard.error, CHARIOT_EMALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(scene->heard.text, text));
    scene_close(scene);
}

static void a_record_that_makes_no_sense_ends_that_peer_alone(void) {
    struct scene scene;
    uint8_t zeros[256] = {0};
    meet(&scene), write_record(&scene, SHM_MESSAGE, zeros, 8), damaged(&scene, "without its head");
    meet(&scene), write_record(&scene, SHM_MESSAGE, zeros, 64), damaged(&scene, "kind that does not exist");
    meet(&scene), write_record(&scene, 77, zeros, 64), damaged(&scene, "unknown type");
    meet(&scene), write_record(&scene, SHM_PART, zeros, 64), damaged(&scene, "part of nothing");
    meet(&scene), write_record(&scene, SHM_LENT, zeros, 64), damaged(&scene, "loan of the wrong size");
    meet(&scene), write_record(&scene, SHM_LENT, zeros, sizeof(struct shm_lent)),
        damaged(&scene, "outside of its heap");
    meet(&scene), write_record(&scene, SHM_FIRST_PART, zeros, 100), damaged(&scene, "too large");
    meet(&scene), atomic_store(&scene.writer.ring->tail, 1 << 30), damaged(&scene, "its end is where nothing");
}

static void loans_outside_of_the_heap_are_refused(void) {
    static const uint64_t offsets[] = {0, 8, 63, HEAP, HEAP - 64, UINT64_MAX - 63, (uint64_t)1 << 40};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct scene scene;
        meet(&scene);
        struct shm_lent lent = put_lent(&scene, 1000);
        lent.offset = offsets[i];
        write_record(&scene, SHM_LENT, &lent, sizeof lent);
        damaged(&scene, "outside of its heap");
    }
    struct scene scene;
    meet(&scene);
    struct shm_lent lent = put_lent(&scene, UINT64_MAX - 100);
    write_record(&scene, SHM_LENT, &lent, sizeof lent);
    damaged(&scene, "outside of its heap");
}

static void a_loan_is_read_where_it_lies_and_given_back(void) {
    struct scene scene;
    meet(&scene);
    memset(rpc_block_data(scene.payload) + RPC_BLOCK_PAYLOAD, 8, 90000);
    struct shm_lent lent = put_lent(&scene, 90000);
    write_record(&scene, SHM_LENT, &lent, sizeof lent);
    CU_ASSERT_EQUAL(scene.heard.messages, 1);
    CU_ASSERT_EQUAL(rpc_msg_payload(scene.heard.last)[89999], 8);
    CU_ASSERT_TRUE(rpc_msg_is_shared(scene.heard.last)); /* its owner has it still */
    _Atomic(uint32_t) *holders = rpc_block_holders(rpc_block_data(scene.payload));
    CU_ASSERT_EQUAL(atomic_load(holders), 2);
    CU_ASSERT_EQUAL(atomic_load(&scene.writer.ring->taken), 90000);
    rpc_msg_unref(scene.heard.last);
    scene.heard.last = NULL;
    CU_ASSERT_EQUAL(atomic_load(holders), 1);
    scene_close(&scene);
}

/* As a numpy array that the program keeps. */
static void a_borrowed_message_outlives_both_ends(void) {
    struct scene scene;
    meet(&scene);
    memset(rpc_block_data(scene.payload) + RPC_BLOCK_PAYLOAD, 8, 90000);
    struct shm_lent lent = put_lent(&scene, 90000);
    write_record(&scene, SHM_LENT, &lent, sizeof lent);
    struct chariot_msg *kept = scene.heard.last;
    scene.heard.last = NULL;
    scene_close(&scene);
    CU_ASSERT_EQUAL(rpc_msg_payload(kept)[89999], 8);
    rpc_msg_unref(kept);
}

UNIT_MAIN("rpc/shm_meet", UNIT(a_peer_with_the_token_is_let_in_and_heard),
          UNIT(whoever_is_not_of_the_job_is_refused_and_told_why), UNIT(a_heap_that_cannot_be_one_is_refused),
          UNIT(a_second_one_of_the_same_name_is_refused), UNIT(one_that_says_nothing_and_leaves_is_forgotten),
          UNIT(a_death_is_reported_behind_all_that_was_sent), UNIT(a_goodbye_is_no_death),
          UNIT(a_peer_that_does_not_listen_is_gone), UNIT(a_refusal_says_why_a_peer_is_gone),
          UNIT(a_record_that_makes_no_sense_ends_that_peer_alone), UNIT(loans_outside_of_the_heap_are_refused),
          UNIT(a_loan_is_read_where_it_lies_and_given_back), UNIT(a_borrowed_message_outlives_both_ends))
