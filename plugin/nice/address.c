/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nice/address.h"

#include "base/address.h"
#include <string.h>

/* Both hold the kernel's structures; this is the only place that knows it. */
G_STATIC_ASSERT(sizeof(NiceAddress) == sizeof(StileAddress));

static StileAddress
to_stile(const NiceAddress *addr)
{
    StileAddress address = {0};

    stile_address_from_sockaddr(&address, &addr->s.addr, sizeof addr->s);
    return address;
}

G_DEFINE_BOXED_TYPE(NiceAddress, nice_address, nice_address_dup, nice_address_free)

void
nice_address_init(NiceAddress *addr)
{
    memset(addr, 0, sizeof *addr);
    addr->s.addr.sa_family = AF_UNSPEC;
}

NiceAddress *
nice_address_new(void)
{
    return g_new0(NiceAddress, 1);
}

void
nice_address_free(NiceAddress *addr)
{
    g_free(addr);
}

NiceAddress *
nice_address_dup(const NiceAddress *addr)
{
    return g_memdup2(addr, sizeof *addr);
}

void
nice_address_set_ipv4(NiceAddress *addr, guint32 addr_ipv4)
{
    nice_address_init(addr);
    addr->s.ip4.sin_family = AF_INET;
    addr->s.ip4.sin_addr.s_addr = htonl(addr_ipv4);
}

void
nice_address_set_ipv6(NiceAddress *addr, const guchar *addr_ipv6)
{
    nice_address_init(addr);
    addr->s.ip6.sin6_family = AF_INET6;
    memcpy(&addr->s.ip6.sin6_addr, addr_ipv6, sizeof addr->s.ip6.sin6_addr);
}

void
nice_address_set_port(NiceAddress *addr, guint port)
{
    if (addr->s.addr.sa_family == AF_INET)
        addr->s.ip4.sin_port = htons((guint16)port);
    else if (addr->s.addr.sa_family == AF_INET6)
        addr->s.ip6.sin6_port = htons((guint16)port);
}

guint
nice_address_get_port(const NiceAddress *addr)
{
    StileAddress address = to_stile(addr);

    return stile_address_port(&address);
}

gboolean
nice_address_set_from_string(NiceAddress *addr, const gchar *str)
{
    StilePrefix host; /* of all parsers the one that takes no port */

    if (strchr(str, '/') || !stile_prefix_parse(&host, str, NULL))
        return FALSE;
    nice_address_set_from_sockaddr(addr, &host.address.sa);
    return TRUE;
}

void
nice_address_set_from_sockaddr(NiceAddress *addr, const struct sockaddr *sin)
{
    nice_address_init(addr);
    if (sin->sa_family == AF_INET)
        memcpy(&addr->s.ip4, sin, sizeof addr->s.ip4);
    else if (sin->sa_family == AF_INET6)
        memcpy(&addr->s.ip6, sin, sizeof addr->s.ip6);
}

void
nice_address_copy_to_sockaddr(const NiceAddress *addr, struct sockaddr *sin)
{
    if (addr->s.addr.sa_family == AF_INET)
        memcpy(sin, &addr->s.ip4, sizeof addr->s.ip4);
    else if (addr->s.addr.sa_family == AF_INET6)
        memcpy(sin, &addr->s.ip6, sizeof addr->s.ip6);
}

gboolean
nice_address_equal(const NiceAddress *a, const NiceAddress *b)
{
    return nice_address_equal_no_port(a, b) && nice_address_get_port(a) == nice_address_get_port(b);
}

gboolean
nice_address_equal_no_port(const NiceAddress *a, const NiceAddress *b)
{
    StileAddress left = to_stile(a), right = to_stile(b);

    if (!stile_address_is_set(&left))
        return FALSE;
    if (left.sa.sa_family == AF_INET6 && right.sa.sa_family == AF_INET6 &&
        (left.in6.sin6_scope_id == 0 || right.in6.sin6_scope_id == 0))
        left.in6.sin6_scope_id = right.in6.sin6_scope_id = 0;
    return stile_address_equal_ip(&left, &right);
}

void
nice_address_to_string(const NiceAddress *addr, gchar *dst)
{
    dst[0] = '\0';
    if (addr->s.addr.sa_family == AF_INET)
        inet_ntop(AF_INET, &addr->s.ip4.sin_addr, dst, INET_ADDRSTRLEN);
    else if (addr->s.addr.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &addr->s.ip6.sin6_addr, dst, INET6_ADDRSTRLEN);
}

gchar *
nice_address_dup_string(const NiceAddress *addr)
{
    gchar text[NICE_ADDRESS_STRING_LEN];

    nice_address_to_string(addr, text);
    return g_strdup(text);
}

gboolean
nice_address_is_private(const NiceAddress *addr)
{
    StileAddress address = to_stile(addr);
    StileAddressScope scope = stile_address_scope(&address);

    return scope == STILE_ADDRESS_PRIVATE || scope == STILE_ADDRESS_LINK_LOCAL ||
           scope == STILE_ADDRESS_LOOPBACK;
}

gboolean
nice_address_is_linklocal(const NiceAddress *addr)
{
    StileAddress address = to_stile(addr);

    return stile_address_scope(&address) == STILE_ADDRESS_LINK_LOCAL;
}

gboolean
nice_address_is_valid(const NiceAddress *addr)
{
    return nice_address_ip_version(addr) != 0;
}

int
nice_address_ip_version(const NiceAddress *addr)
{
    if (addr->s.addr.sa_family == AF_INET)
        return 4;
    return addr->s.addr.sa_family == AF_INET6 ? 6 : 0;
}
