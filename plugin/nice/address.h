/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <arpa/inet.h>
#include <glib-object.h>
#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

G_BEGIN_DECLS
#pragma GCC visibility push(default)

/* An IP address and a port, by the names of libnice 0.1.21. */

typedef struct _NiceAddress NiceAddress;

/** Anybody may look inside: a socket address of either family; AF_UNSPEC for none. */
struct _NiceAddress {
    union {
        struct sockaddr addr;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } s;
};

/* Room for any address as text, with its NUL. */
#define NICE_ADDRESS_STRING_LEN INET6_ADDRSTRLEN

#define NICE_TYPE_ADDRESS (nice_address_get_type())
GType nice_address_get_type(void);

/** Makes it no address. */
void nice_address_init(NiceAddress *addr);
/** Returns: (transfer full): no address */
NiceAddress *nice_address_new(void);
void nice_address_free(NiceAddress *addr);
/** Returns: (transfer full) */
NiceAddress *nice_address_dup(const NiceAddress *addr);

/** @addr_ipv4: in host byte order. The port becomes 0. */
void nice_address_set_ipv4(NiceAddress *addr, guint32 addr_ipv4);
/** @addr_ipv6: 16 bytes. The port becomes 0. */
void nice_address_set_ipv6(NiceAddress *addr, const guchar *addr_ipv6);
/** Does nothing to what is no address yet. */
void nice_address_set_port(NiceAddress *addr, guint port);
guint nice_address_get_port(const NiceAddress *addr);
/** Numbers only, no port. Returns: %FALSE, and @addr is as it was, for anything else */
gboolean nice_address_set_from_string(NiceAddress *addr, const gchar *str);
/** Of a family other than IPv4 and IPv6: becomes no address */
void nice_address_set_from_sockaddr(NiceAddress *addr, const struct sockaddr *sin);
/** @sin: room for the family that @addr is of */
void nice_address_copy_to_sockaddr(const NiceAddress *addr, struct sockaddr *sin);

/** Two that are no address are not equal. Zones count where both have one. */
gboolean nice_address_equal(const NiceAddress *a, const NiceAddress *b);
gboolean nice_address_equal_no_port(const NiceAddress *a, const NiceAddress *b);

/** @dst: room for %NICE_ADDRESS_STRING_LEN; gets no port */
void nice_address_to_string(const NiceAddress *addr, gchar *dst);
/** Returns: (transfer full) */
gchar *nice_address_dup_string(const NiceAddress *addr);

/** Not to be met on the internet: RFC 1918, RFC 4193, link-local, loopback */
gboolean nice_address_is_private(const NiceAddress *addr);
gboolean nice_address_is_linklocal(const NiceAddress *addr);
G_GNUC_WARN_UNUSED_RESULT gboolean nice_address_is_valid(const NiceAddress *addr);
/** Returns: 4, 6, or 0 for no address */
G_GNUC_WARN_UNUSED_RESULT int nice_address_ip_version(const NiceAddress *addr);

#pragma GCC visibility pop
G_END_DECLS
