/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "io/socket.h"

#include "base/error.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* The kernel takes at most 64 segments in one send (UDP_MAX_SEGMENTS of older kernels). */
#define MAX_SEGMENTS 64
/* A UDP payload with its headers must fit the 16-bit length of an IPv4 packet. */
#define MAX_SEND 65507
/* How many sends go one by one after the kernel refused segments, before they are tried again: the
 * route may have moved to a device that can. */
#define REFUSED_SENDS 4096
/* The kernel doubles it: room for what a fast sender sends while we wait some milliseconds for a
 * processor. Everything waits here in one order, so more would be a standing queue for all. */
#define RECEIVE_BYTES (1024 * 1024)
/* What the device has not taken yet waits here, in one order. The kernel doubles it, and calls the
 * socket writable while less than this is waiting: who asks before each 64 KiB loses nothing. */
#define SEND_BYTES (256 * 1024)

struct _StileSocket {
    gatomicrefcount refs;
    int fd;
    int family;
    guint16 port;
    /* Segments of this size and above are refused; and for so many more sends. Relaxed atomics: a
     * race costs one needless system call. */
    guint refused_segment;
    guint refused_left;
};

#define CONTROL_SIZE                                                                               \
    (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)) +              \
     CMSG_SPACE(sizeof(int)))

typedef union {
    struct cmsghdr align;
    guint8 bytes[CONTROL_SIZE];
} Control;

struct _StileReceiveBuffers {
    struct mmsghdr messages[STILE_SOCKET_MAX_BATCH];
    struct iovec vectors[STILE_SOCKET_MAX_BATCH];
    StileAddress names[STILE_SOCKET_MAX_BATCH];
    Control controls[STILE_SOCKET_MAX_BATCH];
    guint8 data[STILE_SOCKET_MAX_BATCH][STILE_SOCKET_MAX_PAYLOAD + 1];
};

static gboolean
set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static void
set_buffer(int fd, int forced, int normal, int size)
{
    /* The forced kind, for root alone, goes past the system's limit. */
    if (!set_option(fd, SOL_SOCKET, forced, size))
        set_option(fd, SOL_SOCKET, normal, size);
}

static gboolean
set_options(int fd, int family)
{
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_BYTES);
    set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BYTES);
    set_option(fd, SOL_UDP, UDP_GRO, 1);
    /* Fragments rather than silence: a message that does not fit the path is then cut up by us or
     * by a router. With DF set it would vanish wherever ICMP is filtered, which is common, and
     * believing ICMP would let a stranger lower our path MTU. */
    if (family == AF_INET)
        return set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT) &&
               set_option(fd, IPPROTO_IP, IP_RECVERR, 0) &&
               set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
    return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
           set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT) &&
           set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 0) &&
           set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

StileSocket *
stile_socket_new(int family, guint16 port, GError **error)
{
    static const guint8 wildcard[16] = {0};
    StileAddress address = stile_address_from_ip(family, wildcard, port);
    socklen_t size = sizeof address;
    StileSocket *self;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);

    if (fd < 0 || !set_options(fd, family) ||
        bind(fd, &address.sa, stile_address_sockaddr_size(&address)) < 0 ||
        getsockname(fd, &address.sa, &size) < 0) {
        int code = errno;

        g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED,
                    "Opening an %s socket for UDP on port %u failed: %s",
                    family == AF_INET ? "IPv4" : "IPv6", port, g_strerror(code));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    self = g_new0(StileSocket, 1);
    g_atomic_ref_count_init(&self->refs);
    self->fd = fd;
    self->family = family;
    self->port = stile_address_port(&address);
    return self;
}

StileSocket *
stile_socket_ref(StileSocket *self)
{
    g_atomic_ref_count_inc(&self->refs);
    return self;
}

void
stile_socket_unref(StileSocket *self)
{
    if (!g_atomic_ref_count_dec(&self->refs))
        return;
    close(self->fd);
    g_free(self);
}

int
stile_socket_fd(StileSocket *self)
{
    return self->fd;
}

int
stile_socket_family(StileSocket *self)
{
    return self->family;
}

guint16
stile_socket_port(StileSocket *self)
{
    return self->port;
}

StileReceiveBuffers *
stile_receive_buffers_new(void)
{
    /* Not zeroed: pages that no datagram ever needs never become resident. */
    StileReceiveBuffers *buffers = g_new(StileReceiveBuffers, 1);

    for (guint i = 0; i < STILE_SOCKET_MAX_BATCH; i++) {
        struct msghdr *header = &buffers->messages[i].msg_hdr;

        buffers->vectors[i].iov_base = buffers->data[i];
        buffers->vectors[i].iov_len = sizeof buffers->data[i];
        *header = (struct msghdr){
            .msg_name = &buffers->names[i],
            .msg_iov = &buffers->vectors[i],
            .msg_iovlen = 1,
            .msg_control = &buffers->controls[i],
        };
    }
    return buffers;
}

void
stile_receive_buffers_free(StileReceiveBuffers *buffers)
{
    g_free(buffers);
}

static StileAddress
link_scoped(StileAddress address, guint ifindex)
{
    /* A link-local address says nothing without its link. */
    if (stile_address_family(&address) == AF_INET6 &&
        stile_address_scope(&address) == STILE_ADDRESS_LINK_LOCAL)
        address.in6.sin6_scope_id = ifindex;
    return address;
}

static void
read_control(StileSocket *self, struct msghdr *header, StileDatagram *datagram)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            datagram->local = stile_address_from_ip(AF_INET, &info.ipi_spec_dst, self->port);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            datagram->local = link_scoped(
                stile_address_from_ip(AF_INET6, &info.ipi6_addr, self->port), info.ipi6_ifindex);
        } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int segment;

            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            if (segment > 0 && (gsize)segment < datagram->size)
                datagram->segment = (gsize)segment;
        }
    }
}

guint
stile_socket_receive(StileSocket *self, StileReceiveBuffers *buffers, StileDatagram *ret, guint max)
{
    guint n = 0;
    int got;

    max = MIN(max, STILE_SOCKET_MAX_BATCH);
    for (guint i = 0; i < max; i++) {
        buffers->messages[i].msg_hdr.msg_namelen = sizeof buffers->names[i];
        buffers->messages[i].msg_hdr.msg_controllen = sizeof buffers->controls[i];
    }
    /* An error of an earlier send is reported once, in place of data: ask past it. */
    for (guint tries = 0; tries < 4; tries++) {
        got = recvmmsg(self->fd, buffers->messages, max, MSG_DONTWAIT, NULL);
        if (got >= 0 || errno == EAGAIN || errno == EBADF || errno == ENOTSOCK)
            break;
    }
    for (int i = 0; i < got; i++) {
        struct msghdr *header = &buffers->messages[i].msg_hdr;
        StileDatagram *datagram = &ret[n];

        /* What was cut off is of no use to any protocol here. */
        if (header->msg_flags & MSG_TRUNC)
            continue;
        *datagram = (StileDatagram){.data = buffers->data[i], .size = buffers->messages[i].msg_len};
        datagram->segment = datagram->size;
        if (!stile_address_from_sockaddr(&datagram->remote, &buffers->names[i].sa,
                                         header->msg_namelen))
            continue;
        read_control(self, header, datagram);
        n++;
    }
    return n;
}

/* Fills in all of a message but its data. */
static void
address_message(StileSocket *self, struct msghdr *header, Control *control,
                const StileAddress *local, const StileAddress *remote, guint16 segment)
{
    gsize used = 0;
    struct cmsghdr *c = &control->align;

    *header = (struct msghdr){
        .msg_name = (void *)&remote->sa,
        .msg_namelen = stile_address_sockaddr_size(remote),
    };
    memset(control, 0, sizeof *control);
    if (local && stile_address_family(local) == self->family) {
        if (self->family == AF_INET) {
            struct in_pktinfo info = {.ipi_spec_dst = local->in.sin_addr};

            c->cmsg_level = IPPROTO_IP;
            c->cmsg_type = IP_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(c), &info, sizeof info);
            used = CMSG_SPACE(sizeof info);
        } else {
            struct in6_pktinfo info = {
                .ipi6_addr = local->in6.sin6_addr,
                .ipi6_ifindex = local->in6.sin6_scope_id,
            };

            c->cmsg_level = IPPROTO_IPV6;
            c->cmsg_type = IPV6_PKTINFO;
            c->cmsg_len = CMSG_LEN(sizeof info);
            memcpy(CMSG_DATA(c), &info, sizeof info);
            used = CMSG_SPACE(sizeof info);
        }
    }
    if (segment > 0) {
        c = (struct cmsghdr *)(void *)(control->bytes + used);
        c->cmsg_level = SOL_UDP;
        c->cmsg_type = UDP_SEGMENT;
        c->cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(c), &segment, sizeof segment);
        used += CMSG_SPACE(sizeof segment);
    }
    if (used > 0) {
        header->msg_control = control;
        header->msg_controllen = used;
    }
}

static int
send_errno(const StileAddress *local)
{
    /* IPv4 says EINVAL for a source address that is not (any longer) ours. */
    if (errno == EINVAL && local && stile_address_is_set(local))
        return EADDRNOTAVAIL;
    return errno == EWOULDBLOCK || errno == ENOBUFS ? EAGAIN : errno;
}

static int
send_one(StileSocket *self, const StileAddress *local, const StileAddress *remote, const void *data,
         gsize size, guint16 segment)
{
    struct iovec vector = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr header;
    Control control;

    if (stile_address_family(remote) != self->family)
        return EAFNOSUPPORT;
    address_message(self, &header, &control, local, remote, segment);
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    while (sendmsg(self->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return 0;
}

int
stile_socket_send(StileSocket *self, const StileAddress *local, const StileAddress *remote,
                  const void *data, gsize size)
{
    errno = send_one(self, local, remote, data, size, 0);
    return errno == 0 ? 0 : send_errno(local);
}

/* One datagram each, in few system calls. The first error stops: what is left shares its fate. */
static int
send_each(StileSocket *self, const StileAddress *local, const StileAddress *remote,
          const guint8 *data, gsize size, gsize segment)
{
    struct mmsghdr messages[MAX_SEGMENTS];
    struct iovec vectors[MAX_SEGMENTS];
    struct msghdr header;
    Control control;

    if (stile_address_family(remote) != self->family)
        return EAFNOSUPPORT;
    address_message(self, &header, &control, local, remote, 0);
    while (size > 0) {
        guint n = 0;
        int sent;

        for (gsize at = 0; at < size && n < MAX_SEGMENTS; at += segment, n++) {
            vectors[n].iov_base = (void *)(data + at);
            vectors[n].iov_len = MIN(segment, size - at);
            messages[n].msg_hdr = header;
            messages[n].msg_hdr.msg_iov = &vectors[n];
            messages[n].msg_hdr.msg_iovlen = 1;
        }
        sent = sendmmsg(self->fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return errno;
        data += MIN(size, (gsize)sent * segment);
        size -= MIN(size, (gsize)sent * segment);
    }
    return 0;
}

/* Whether the kernel refused lately to cut segments of this size. */
static gboolean
is_refused(StileSocket *self, gsize segment)
{
    guint left = __atomic_load_n(&self->refused_left, __ATOMIC_RELAXED);

    if (left == 0 || segment < __atomic_load_n(&self->refused_segment, __ATOMIC_RELAXED))
        return FALSE;
    __atomic_store_n(&self->refused_left, left - 1, __ATOMIC_RELAXED);
    return TRUE;
}

static void
set_refused(StileSocket *self, gsize segment)
{
    __atomic_store_n(&self->refused_segment, (guint)segment, __ATOMIC_RELAXED);
    __atomic_store_n(&self->refused_left, REFUSED_SENDS, __ATOMIC_RELAXED);
}

/* One system call for at most MAX_SEGMENTS segments. */
static int
send_group(StileSocket *self, const StileAddress *local, const StileAddress *remote,
           const guint8 *data, gsize size, gsize segment)
{
    int code, each;

    if (is_refused(self, segment))
        return send_each(self, local, remote, data, size, segment);
    code = send_one(self, local, remote, data, size, (guint16)segment);
    /* EIO: the device computes no checksums, so never. EINVAL, EMSGSIZE: a segment is longer than
     * the path takes in one piece, or the source address is gone; ENOPROTOOPT: an old kernel. */
    if (code != EIO && code != EINVAL && code != EMSGSIZE && code != ENOPROTOOPT)
        return code;
    each = send_each(self, local, remote, data, size, segment);
    if (each == 0) {
        set_refused(self, code == EIO || code == ENOPROTOOPT ? 0 : segment);
        g_debug("segments of %zu bytes are refused: %s", segment, g_strerror(code));
    }
    return each;
}

int
stile_socket_send_segments(StileSocket *self, const StileAddress *local, const StileAddress *remote,
                           const void *data, gsize size, gsize segment)
{
    const guint8 *at = data;
    gsize group, most;

    g_return_val_if_fail(segment > 0 && segment <= MAX_SEND, EMSGSIZE);
    group = MIN(MAX_SEGMENTS, MAX_SEND / segment) * segment;
    most = MIN(MAX_SEGMENTS * segment, MAX_SEND);
    while (size > 0) {
        /* The last may be short, and so fit where a whole one would not. */
        gsize part = size <= most ? size : group;

        errno = part > segment ? send_group(self, local, remote, at, part, segment)
                               : send_one(self, local, remote, at, part, 0);
        if (errno != 0)
            return send_errno(local);
        at += part;
        size -= part;
    }
    return 0;
}
