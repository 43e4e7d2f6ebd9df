/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>

G_BEGIN_DECLS

/**
 * StileAddress:
 *
 * An IP address and a port, IPv4 or IPv6, as the value type that all of Stile passes around; the
 * kernel's own structures, so that it goes into system calls as it is. All zeros (family 0) is "no
 * address". IPv4-mapped IPv6 addresses never stand in one: stile_address_from_sockaddr() unmaps.
 */
typedef union {
    struct sockaddr sa;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
} StileAddress;

/**
 * StileAddressScope:
 *
 * What an address is good for.
 *
 * @STILE_ADDRESS_SHARED: carrier-grade NAT space, 100.64.0.0/10 (RFC 6598)
 * @STILE_ADDRESS_PRIVATE: RFC 1918 and IPv6 unique local addresses (RFC 4193)
 * @STILE_ADDRESS_RESERVED: documentation, benchmarking, 0/8, 240/4 and the like: never a peer
 */
typedef enum {
    STILE_ADDRESS_UNSPECIFIED,
    STILE_ADDRESS_LOOPBACK,
    STILE_ADDRESS_LINK_LOCAL,
    STILE_ADDRESS_PRIVATE,
    STILE_ADDRESS_SHARED,
    STILE_ADDRESS_MULTICAST,
    STILE_ADDRESS_BROADCAST,
    STILE_ADDRESS_RESERVED,
    STILE_ADDRESS_GLOBAL,
} StileAddressScope;

/**
 * stile_address_parse:
 * @ret: (out): set only on success
 * @text: `192.0.2.1`, `192.0.2.1:3478`, `2001:db8::1`, `[2001:db8::1]:3478`, with `%scope` or not
 * @default_port: the port when @text has none
 *
 * Numbers only; names are resolved with GResolver, elsewhere.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_address_parse(StileAddress *ret, const char *text, guint16 default_port,
                             GError **error);

/** Returns: (transfer full): `192.0.2.1:3478` or `[2001:db8::1]:3478`; `` for no address */
char *stile_address_to_string(const StileAddress *address);
/** Returns: (transfer full): the address without its port and brackets */
char *stile_address_ip_to_string(const StileAddress *address);

/**
 * stile_address_from_sockaddr:
 *
 * Returns: %FALSE when @sa is neither IPv4 nor IPv6, or shorter than that; @ret is untouched then
 */
gboolean stile_address_from_sockaddr(StileAddress *ret, const struct sockaddr *sa, gsize size);
/** Returns: what to pass as the length of &address->sa; 0 for no address */
socklen_t stile_address_sockaddr_size(const StileAddress *address);

/** @bytes: 4 (AF_INET) or 16 (AF_INET6) bytes in network order */
StileAddress stile_address_from_ip(int family, const void *bytes, guint16 port);
/** Returns: (transfer none): the 4 or 16 bytes in network order; *@ret_size is 0 for no address */
const guint8 *stile_address_ip(const StileAddress *address, gsize *ret_size);

int stile_address_family(const StileAddress *address);
guint16 stile_address_port(const StileAddress *address);
StileAddress stile_address_with_port(const StileAddress *address, guint16 port);
gboolean stile_address_is_set(const StileAddress *address);

/* With port; link-local scopes are compared, flow labels are not. For GHashTable, too. */
gboolean stile_address_equal(gconstpointer a, gconstpointer b);
guint stile_address_hash(gconstpointer address);
/* Without port. */
gboolean stile_address_equal_ip(const StileAddress *a, const StileAddress *b);

StileAddressScope stile_address_scope(const StileAddress *address);
/** Whether it only means something inside a network: private, shared (a carrier's), link-local. */
gboolean stile_address_is_inside(const StileAddress *address);

/**
 * StilePrefix:
 *
 * A network prefix, or an interface address with its prefix length (the bits behind @length are
 * kept; stile_prefix_network() clears them).
 */
typedef struct {
    StileAddress address;
    guint8 length;
} StilePrefix;

/** @text: `10.86.0.0/16`, `fd00::1/64`; without `/`, a host. Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_prefix_parse(StilePrefix *ret, const char *text, GError **error);
char *stile_prefix_to_string(const StilePrefix *prefix);
gboolean stile_prefix_contains(const StilePrefix *prefix, const StileAddress *address);
StilePrefix stile_prefix_network(const StilePrefix *prefix);
gboolean stile_prefix_equal(const StilePrefix *a, const StilePrefix *b);

G_END_DECLS
