// A yardstick for the fan-out and for reconnection: the least that a coordinator has to do, in one thread with epoll
// and BoringSSL. It takes TLS 1.3 connections with client certificates, answers Hello with Welcome, sends one prepared
// question to all, and counts who ended it. It neither decodes nor merges answers.
//
//   yardstick PORT CERTIFICATE KEY CA AGENTS ROUNDS
//
// Prints "listening", then "online MS" when all agents are there (milliseconds since the first one came), then
// for each round the milliseconds from the first byte sent until all had answered, then "cpu MICROSECONDS" of all
// rounds and "rss KB" of the whole.
#define _GNU_SOURCE
#include <CNIOBoringSSL.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 1 << 20, OUT_MAX = 4096 };

typedef struct {
    SSL *tls;
    int fd, secured, welcomed, waiting;
    unsigned long long sequence;
    unsigned char *in;
    size_t in_count, in_capacity;
    unsigned char out[OUT_MAX];
    size_t out_count;
} Peer;

static int poller, agents_online, answers_missing;
static double first_online;

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what) {
    fprintf(stderr, "yardstick: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static size_t put_varint(unsigned char *to, unsigned long long value) {
    size_t count = 0;
    for (; value > 0x7F; value >>= 7) to[count++] = (value & 0x7F) | 0x80;
    to[count++] = value;
    return count;
}

static size_t put_bytes(unsigned char *to, unsigned field, const void *bytes, size_t count) {
    size_t used = put_varint(to, field << 3 | 2);
    used += put_varint(to + used, count);
    memcpy(to + used, bytes, count);
    return used + count;
}

static size_t put_number(unsigned char *to, unsigned field, unsigned long long value) {
    size_t used = put_varint(to, field << 3);
    return used + put_varint(to + used, value);
}

static void watch(Peer *peer, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &event);
}

static void lose(Peer *peer) {
    if (peer->welcomed) agents_online--;
    if (peer->waiting) answers_missing--;
    SSL_free(peer->tls);
    close(peer->fd);
    free(peer->in);
    // The place itself stays until the end: the list of all still names it.
    memset(peer, 0, sizeof *peer);
}

static void flush(Peer *peer) {
    while (peer->out_count) {
        int written = SSL_write(peer->tls, peer->out, peer->out_count);
        if (written <= 0) {
            watch(peer, EPOLLIN | EPOLLOUT);
            return;
        }
        memmove(peer->out, peer->out + written, peer->out_count - written);
        peer->out_count -= written;
    }
}

// Sends an envelope with one message in it.
static void send_message(Peer *peer, unsigned field, const void *message, size_t count) {
    if (peer->out_count + count + 32 > OUT_MAX) return;
    unsigned char *start = peer->out + peer->out_count, *body = start + 4;
    size_t used = put_number(body, 1, ++peer->sequence);
    used += put_bytes(body + used, field, message, count);
    unsigned length = htonl(used);
    memcpy(start, &length, 4);
    peer->out_count += used + 4;
    flush(peer);
}

static void welcome(Peer *peer) {
    X509 *certificate = SSL_get_peer_certificate(peer->tls);
    unsigned char *key = NULL, digest[32], message[256];
    int count = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key) : 0;
    if (count <= 0) fail("a certificate without a key");
    SHA256(key, count, digest);
    OPENSSL_free(key);
    X509_free(certificate);
    char identity[65];
    for (int index = 0; index < 32; index++) sprintf(identity + 2 * index, "%02x", digest[index]);
    size_t used = put_bytes(message, 1, "0", 1);
    used += put_bytes(message + used, 2, identity, 64);
    used += put_number(message + used, 3, 300000);
    peer->welcomed = 1;
    if (!agents_online++ && !first_online) first_online = now_ms();
    send_message(peer, 31, message, used);
}

// The field of the message in an envelope: the first one that is bytes.
static unsigned field_of(const unsigned char *body, size_t count) {
    size_t at = 0;
    while (at < count) {
        unsigned long long tag = 0;
        for (int shift = 0; at < count; shift += 7) {
            tag |= (unsigned long long)(body[at] & 0x7F) << shift;
            if (!(body[at++] & 0x80)) break;
        }
        if ((tag & 7) == 2) return tag >> 3;
        while (at < count && body[at] & 0x80) at++;
        at++;
    }
    return 0;
}

static void receive(Peer *peer) {
    for (;;) {
        if (peer->in_capacity - peer->in_count < 4096) {
            peer->in_capacity = peer->in_capacity ? peer->in_capacity * 2 : 4096;
            if (peer->in_capacity > 2 * FRAME_MAX) return lose(peer);
            peer->in = realloc(peer->in, peer->in_capacity);
        }
        int count = SSL_read(peer->tls, peer->in + peer->in_count, peer->in_capacity - peer->in_count);
        if (count <= 0) {
            int error = SSL_get_error(peer->tls, count);
            if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return lose(peer);
            break;
        }
        peer->in_count += count;
    }
    size_t at = 0;
    while (peer->in_count - at >= 4) {
        unsigned length;
        memcpy(&length, peer->in + at, 4);
        length = ntohl(length);
        if (length > FRAME_MAX) return lose(peer);
        if (peer->in_count - at - 4 < length) break;
        unsigned field = field_of(peer->in + at + 4, length);
        if (field == 11 && !peer->welcomed) welcome(peer);
        if (field == 14 && peer->waiting) {
            peer->waiting = 0;
            answers_missing--;
        }
        at += 4 + length;
    }
    if (at == peer->in_count) {
        free(peer->in);
        peer->in = NULL;
        peer->in_count = peer->in_capacity = 0;
    } else {
        memmove(peer->in, peer->in + at, peer->in_count - at);
        peer->in_count -= at;
    }
}

static void ready(Peer *peer) {
    if (!peer->secured) {
        int done = SSL_accept(peer->tls);
        if (done != 1) {
            int error = SSL_get_error(peer->tls, done);
            if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) lose(peer);
            return;
        }
        peer->secured = 1;
    }
    if (peer->out_count) {
        watch(peer, EPOLLIN);
        flush(peer);
    }
    receive(peer);
}

static int choose_protocol(SSL *tls, const unsigned char **out, unsigned char *count, const unsigned char *in,
                           unsigned in_count, void *nothing) {
    static const unsigned char ours[] = "\x08muster/1";
    return SSL_select_next_proto((unsigned char **)out, count, ours, 9, in, in_count) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static Peer **peers;
static size_t peers_count, peers_capacity;

static void take_connections(int port, SSL_CTX *context) {
    int fd;
    while ((fd = accept4(port, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Peer *peer = calloc(1, sizeof *peer);
        peer->fd = fd;
        peer->tls = SSL_new(context);
        SSL_set_fd(peer->tls, fd);
        SSL_set_accept_state(peer->tls);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) fail("epoll_ctl");
        if (peers_count == peers_capacity) {
            peers_capacity = peers_capacity ? 2 * peers_capacity : 1024;
            peers = realloc(peers, peers_capacity * sizeof *peers);
        }
        peers[peers_count++] = peer;
    }
}

static void turn(int port, SSL_CTX *context, int wait_ms) {
    struct epoll_event events[512];
    int count = epoll_wait(poller, events, 512, wait_ms);
    for (int index = 0; index < count; index++) {
        if (events[index].data.ptr) ready(events[index].data.ptr);
        else take_connections(port, context);
    }
}

static double cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static long resident_kb(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1) pages = 0;
    if (file) fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(int count, char **arguments) {
    if (count != 7) {
        fprintf(stderr, "usage: yardstick PORT CERTIFICATE KEY CA AGENTS ROUNDS\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int agents = atoi(arguments[5]), rounds = atoi(arguments[6]);
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!SSL_CTX_use_certificate_chain_file(context, arguments[2]) ||
        !SSL_CTX_use_PrivateKey_file(context, arguments[3], SSL_FILETYPE_PEM) ||
        !SSL_CTX_load_verify_locations(context, arguments[4], NULL))
        fail("certificates");
    int port = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(port, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(port, (struct sockaddr *)&address, sizeof address) || listen(port, 4096)) fail("listen");
    poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(poller, EPOLL_CTL_ADD, port, &event);
    printf("listening\n");

    while (agents_online < agents) turn(port, context, 1000);
    printf("online %.1f\n", now_ms() - first_online);
    if (!rounds) return 0;
    for (double until = now_ms() + 3000; now_ms() < until;) turn(port, context, 100);

    // A question for processes, with an id like the coordinator's.
    unsigned char question[256];
    size_t used = put_bytes(question, 1, "01a213da-fed8-71b5-aca4-cf7bcaef6a46", 36);
    used += put_number(question + used, 2, 5000);
    used += put_number(question + used, 3, 8 << 20);
    used += put_number(question + used, 4, 10000);
    used += put_bytes(question + used, 13, "", 0);
    double cpu = 0;
    for (int round = 0; round < rounds; round++) {
        double began = now_ms(), cpu_began = cpu_us();
        for (size_t index = 0; index < peers_count; index++) {
            if (!peers[index]->welcomed) continue;
            peers[index]->waiting = 1;
            answers_missing++;
            send_message(peers[index], 32, question, used);
        }
        while (answers_missing > 0 && now_ms() - began < 10000) turn(port, context, 1000);
        if (answers_missing) fail("not all agents answered");
        printf("round %.2f\n", now_ms() - began);
        cpu += cpu_us() - cpu_began;
        for (double until = now_ms() + 300; now_ms() < until;) turn(port, context, 50);
    }
    printf("cpu %.0f\nrss %ld\n", cpu / rounds / agents, resident_kb());
    return 0;
}
