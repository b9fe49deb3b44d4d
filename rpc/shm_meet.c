/* rpc/shm_meet.c: how two PEs of one host find each other, and notice each other's end.
 *
 * Whoever sends first connects to the other's socket and says hello: who it is, the job's token, its heap (as a
 * descriptor), and where in it the other's ring lies. It may write at once. The other checks, maps the heap, and says
 * hello in turn, or why not. Both may connect at the same time; then there are two sockets, and the hellos say the same
 * twice. From then on a socket carries bells, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/error.h"
#include "rpc/log.h"
#include "rpc/shm_impl.h"
#include "rpc/version.h"

enum { EVENTS = 16, OURS = 0, THEIRS = 1 };

/* ---------------------------------------------------------------- sockets */

static bool name_socket(struct sockaddr_un *address, const char *dir, uint32_t pe) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/%u.shm", dir, pe);
    return length > 0 && (size_t)length < sizeof address->sun_path;
}

static int socket_new(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int rpc_shm_listen(const char *dir, uint32_t pe) {
    struct sockaddr_un address;
    if (!name_socket(&address, dir, pe)) return CHARIOT_ETOOBIG;
    int fd = socket_new();
    if (fd < 0) return CHARIOT_EIO;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return CHARIOT_EIO;
}

static int watch(struct rpc_shm *shm, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(shm->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : CHARIOT_ENOMEM;
}

/* ---------------------------------------------------------------- packets */

static int send_hello(struct rpc_shm *shm, int fd, const struct shm_peer *peer) {
    struct shm_hello hello = {.packet = SHM_HELLO,
                              .version = RPC_PROTOCOL_VERSION,
                              .pe = shm->base.pe,
                              .num_pes = shm->base.num_pes,
                              .ring_size = (uint32_t)peer->writer.size,
                              .heap_size = rpc_heap_size(shm->heap),
                              .board = (uint64_t)((uint8_t *)shm->board - rpc_heap_base(shm->heap)),
                              .ring = (uint64_t)((uint8_t *)peer->writer.ring - rpc_heap_base(shm->heap))};
    memcpy(hello.token, shm->token, sizeof hello.token);
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec data = {&hello, sizeof hello};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    int heap = rpc_heap_fd(shm->heap);
    memcpy(CMSG_DATA(rights), &heap, sizeof heap);
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)sizeof hello ? 0 : CHARIOT_EGONE;
}

static void send_refusal(int fd, int error) {
    struct shm_hello refusal = {.packet = SHM_REFUSED, .version = RPC_PROTOCOL_VERSION, .error = error};
    ssize_t sent = send(fd, &refusal, sizeof refusal, MSG_NOSIGNAL);
    (void)sent; /* it sees the end anyway */
}

void rpc_shm_ring_bell(struct shm_peer *peer) {
    if (peer->board == NULL) return; /* our hello has woken it, and our first look at its own rings once more */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&peer->board->asleep, memory_order_relaxed) == 0) return;
    if (atomic_exchange(&peer->board->asleep, 0) == 0) return;
    const uint32_t bell = SHM_BELL;
    int fd = peer->sockets[OURS] >= 0 ? peer->sockets[OURS] : peer->sockets[THEIRS];
    ssize_t sent = send(fd, &bell, sizeof bell, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* full: it has bells to hear already; ended: that is noticed elsewhere */
}

/* A packet, and the descriptor that came along (-1: none), which the caller closes. Size 0: the end; negative: nothing
 * there, or something that is no packet. */
static ssize_t receive(int fd, struct shm_hello *packet, int *heap) {
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {packet, sizeof *packet};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    *heap = -1;
    memset(packet, 0, sizeof *packet);
    ssize_t size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(heap, CMSG_DATA(rights), sizeof *heap);
    return size;
}

/* ---------------------------------------------------------------- their heap */

void rpc_shm_mapping_unref(struct shm_mapping *mapping) {
    if (mapping == NULL || atomic_fetch_sub(&mapping->refs, 1) != 1) return;
    munmap(mapping->base, mapping->size);
    free(mapping);
}

static bool is_within(uint64_t offset, uint64_t size, uint64_t all) {
    return offset % 64 == 0 && offset <= all && size <= all - offset;
}

/* A file that nobody can shrink under us, and places in it that exist. */
static bool is_heap(const struct shm_hello *hello, int fd) {
    struct stat st;
    int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(fd, &st) == 0 && st.st_size >= 0 &&
           (uint64_t)st.st_size == hello->heap_size &&
           is_within(hello->board, sizeof(struct shm_board), hello->heap_size) &&
           hello->ring_size >= RPC_RING_SMALLEST && (hello->ring_size & (hello->ring_size - 1)) == 0 &&
           is_within(hello->ring, rpc_ring_bytes(hello->ring_size), hello->heap_size);
}

static struct shm_mapping *map(const struct shm_hello *hello, int fd) {
    struct shm_mapping *mapping = malloc(sizeof *mapping);
    if (mapping == NULL) return NULL;
    void *base = mmap(NULL, hello->heap_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) {
        free(mapping);
        return NULL;
    }
    atomic_init(&mapping->refs, 1);
    mapping->base = base;
    mapping->size = hello->heap_size;
    return mapping;
}

/* What a peer says of itself; said twice, the first time counts. */
static int learn(struct shm_peer *peer, const struct shm_hello *hello, int fd) {
    if (peer->mapping != NULL) return 0;
    if (!is_heap(hello, fd)) return CHARIOT_EMALFORMED;
    peer->mapping = map(hello, fd);
    if (peer->mapping == NULL) return CHARIOT_ENOMEM;
    peer->board = (struct shm_board *)(void *)(peer->mapping->base + hello->board);
    rpc_ring_reader_init(&peer->reader, peer->mapping->base + hello->ring, hello->ring_size);
    rpc_shm_ring_bell(peer); /* what we have written before we could see that it sleeps */
    return 0;
}

/* ---------------------------------------------------------------- peers */

void rpc_shm_hang_up(struct shm_peer *peer) {
    for (int i = 0; i < 2; i++) {
        if (peer->sockets[i] >= 0) close(peer->sockets[i]);
        peer->sockets[i] = -1;
    }
}

void rpc_shm_peer_free(struct shm_peer *peer) {
    rpc_shm_hang_up(peer);
    rpc_shm_drop_queue(peer);
    rpc_msg_unref(peer->parts);
    rpc_credit_unref(peer->credit);
    rpc_shm_mapping_unref(peer->mapping);
    if (peer->ring_block != NULL) rpc_block_drop(peer->ring_block);
    free(peer);
}

static int ring_new(struct rpc_shm *shm, struct shm_peer *peer) {
    size_t size = shm->limits.ring_bytes;
    peer->ring_block = rpc_block_new(shm->heap, rpc_ring_bytes(size));
    if (peer->ring_block == NULL) return CHARIOT_ENOMEM;
    memset(rpc_block_data(peer->ring_block), 0, sizeof(struct rpc_ring));
    rpc_ring_writer_init(&peer->writer, rpc_block_data(peer->ring_block), size);
    return 0;
}

static int peer_of(struct rpc_shm *shm, uint32_t pe, struct shm_peer **out) {
    *out = shm->peers[pe];
    if (*out != NULL) return 0;
    struct shm_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) return CHARIOT_ENOMEM;
    peer->shm = shm;
    peer->pe = pe;
    peer->sockets[OURS] = peer->sockets[THEIRS] = -1;
    peer->credit = rpc_credit_new();
    if (peer->credit == NULL || ring_new(shm, peer) != 0) {
        rpc_shm_peer_free(peer);
        return CHARIOT_ENOMEM;
    }
    peer->next = shm->first;
    shm->first = shm->peers[pe] = *out = peer;
    return 0;
}

/* 1: as many wait to be let in as the system allows. */
static int call(struct rpc_shm *shm, struct shm_peer *peer, int fd) {
    struct sockaddr_un address;
    if (!name_socket(&address, shm->dir, peer->pe)) return CHARIOT_ETOOBIG;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) return errno == EAGAIN ? 1 : CHARIOT_EGONE;
    if (send_hello(shm, fd, peer) != 0) return CHARIOT_EGONE;
    return watch(shm, fd);
}

void rpc_shm_connect(struct shm_peer *peer) {
    int fd = socket_new();
    int outcome = fd < 0 ? CHARIOT_ENOMEM : call(peer->shm, peer, fd);
    peer->uncalled = outcome > 0;
    if (outcome == 0) {
        peer->sockets[OURS] = fd;
        return;
    }
    if (outcome < 0) rpc_shm_fail(peer, outcome, "it cannot be connected to: %s", strerror(errno));
    if (fd >= 0) close(fd);
}

/* One that still starts has its socket from the launcher. */
int rpc_shm_meet(struct rpc_shm *shm, uint32_t pe, struct shm_peer **out) {
    int error = peer_of(shm, pe, out);
    if (error == 0) rpc_shm_connect(*out);
    return error;
}

/* ---------------------------------------------------------------- guests */

static bool same_token(const uint8_t *a, const uint8_t *b) {
    uint8_t differs = 0;
    for (size_t i = 0; i < 32; i++) differs |= a[i] ^ b[i];
    return differs == 0;
}

/* Token, then version, then who it is. */
static int check_hello(const struct rpc_shm *shm, const struct shm_hello *hello, ssize_t size) {
    if (size != (ssize_t)sizeof *hello || hello->packet != SHM_HELLO) return CHARIOT_EMALFORMED;
    if (!same_token(hello->token, shm->token)) return CHARIOT_EAUTH;
    if (hello->version != RPC_PROTOCOL_VERSION) return CHARIOT_EVERSION;
    if (hello->pe >= shm->base.num_pes || hello->pe == shm->base.pe || hello->num_pes != shm->base.num_pes)
        return CHARIOT_EMALFORMED;
    return 0;
}

static int welcome(struct rpc_shm *shm, int fd, const struct shm_hello *hello, int heap) {
    struct shm_peer *peer;
    int error = peer_of(shm, hello->pe, &peer);
    if (error == 0 && (peer->gone || peer->sockets[THEIRS] >= 0)) error = CHARIOT_EEXIST;
    if (error == 0) error = learn(peer, hello, heap);
    if (error != 0) return error;
    peer->sockets[THEIRS] = fd;
    peer->uncalled = false;
    if (send_hello(shm, fd, peer) != 0) peer->ended = true;
    return 0;
}

static void guest_forget(struct rpc_shm *shm, size_t i) {
    shm->guests[i] = shm->guests[--shm->num_guests];
}

static void guest_speaks(struct rpc_shm *shm, size_t i) {
    struct shm_hello hello;
    int fd = shm->guests[i], heap;
    ssize_t size = receive(fd, &hello, &heap);
    if (size < 0) return;
    guest_forget(shm, i);
    int error = size == 0 ? CHARIOT_EGONE : check_hello(shm, &hello, size);
    if (error == 0) error = welcome(shm, fd, &hello, heap);
    if (heap >= 0) close(heap);
    if (error == 0) return;
    if (size != 0) {
        send_refusal(fd, error);
        rpc_log(shm->node->log, RPC_LOG_WARNING, "RPC-PEER-REFUSED", "claims-pe=%u transport=shm error=%s", hello.pe,
                chariot_error_name(error));
    }
    close(fd);
}

static void accept_all(struct rpc_shm *shm) {
    for (;;) {
        int fd = accept4(shm->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) return;
        int *guests = realloc(shm->guests, (shm->num_guests + 1) * sizeof *guests);
        if (guests == NULL || watch(shm, fd) != 0) {
            if (guests != NULL) shm->guests = guests;
            close(fd);
            continue;
        }
        shm->guests = guests;
        shm->guests[shm->num_guests++] = fd;
    }
}

/* ---------------------------------------------------------------- what happens on sockets */

static void socket_ended(struct shm_peer *peer, int which) {
    close(peer->sockets[which]);
    peer->sockets[which] = -1;
    peer->ended = true;
}

static void peer_speaks(struct shm_peer *peer, int which) {
    struct shm_hello packet;
    int heap, error = 0;
    ssize_t size;
    while (error == 0 && peer->sockets[which] >= 0 && (size = receive(peer->sockets[which], &packet, &heap)) >= 0) {
        if (size == 0)
            socket_ended(peer, which);
        else if (packet.packet == SHM_HELLO)
            error = which == OURS ? check_hello(peer->shm, &packet, size) : 0;
        else if (packet.packet == SHM_REFUSED)
            rpc_shm_fail(peer, packet.error < 0 ? packet.error : CHARIOT_EMALFORMED, "it refuses this PE: %s",
                         chariot_error_text(packet.error));
        if (size > 0 && packet.packet == SHM_HELLO && error == 0) error = learn(peer, &packet, heap);
        if (heap >= 0) close(heap);
    }
    if (error != 0) rpc_shm_fail(peer, error, "its hello cannot be used: %s", chariot_error_text(error));
}

static void attend_to(struct rpc_shm *shm, int fd) {
    for (size_t i = 0; i < shm->num_guests; i++) {
        if (shm->guests[i] != fd) continue;
        guest_speaks(shm, i);
        return;
    }
    for (struct shm_peer *peer = shm->first; peer != NULL; peer = peer->next) {
        for (int which = 0; which < 2; which++) {
            if (peer->sockets[which] != fd) continue;
            peer_speaks(peer, which);
            return;
        }
    }
}

int rpc_shm_attend(struct rpc_shm *shm) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(shm->epoll, events, EVENTS, 0);
    for (int i = 0; i < count; i++) {
        if (events[i].data.fd == shm->listener)
            accept_all(shm);
        else
            attend_to(shm, events[i].data.fd);
    }
    return count > 0 ? count : 0;
}
