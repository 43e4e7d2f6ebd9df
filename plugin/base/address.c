/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/address.h"

#include "base/error.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

static gboolean
parse_port(const char *text, guint16 *ret)
{
    guint64 port;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &port, NULL))
        return FALSE;
    *ret = (guint16)port;
    return TRUE;
}

static gboolean
parse_ip(StileAddress *ret, const char *ip, guint16 port)
{
    g_autofree char *bare = NULL;
    const char *scope;
    guint32 index = 0;
    struct in6_addr in6;
    struct in_addr in;

    if (inet_pton(AF_INET, ip, &in) == 1) {
        *ret = stile_address_from_ip(AF_INET, &in, port);
        return TRUE;
    }
    if ((scope = strchr(ip, '%'))) {
        guint64 number;

        bare = g_strndup(ip, scope - ip);
        if (g_ascii_string_to_unsigned(scope + 1, 10, 1, G_MAXUINT32, &number, NULL))
            index = (guint32)number;
        else if ((index = if_nametoindex(scope + 1)) == 0)
            return FALSE;
        ip = bare;
    }
    if (inet_pton(AF_INET6, ip, &in6) != 1)
        return FALSE;
    *ret = stile_address_from_ip(AF_INET6, &in6, port);
    if (ret->sa.sa_family == AF_INET6)
        ret->in6.sin6_scope_id = index;
    return TRUE;
}

gboolean
stile_address_parse(StileAddress *ret, const char *text, guint16 default_port, GError **error)
{
    g_autofree char *ip = NULL;
    const char *port_text = NULL;
    guint16 port = default_port;
    const char *colon = strrchr(text, ':');

    if (text[0] == '[') {
        const char *end = strchr(text, ']');

        if (!end || (end[1] != '\0' && end[1] != ':'))
            goto bad;
        ip = g_strndup(text + 1, end - text - 1);
        if (!strchr(ip, ':'))
            goto bad;
        port_text = end[1] == ':' ? end + 2 : NULL;
    } else if (colon && strchr(text, ':') == colon) {
        ip = g_strndup(text, colon - text);
        port_text = colon + 1;
    } else {
        ip = g_strdup(text);
    }
    if (port_text && !parse_port(port_text, &port))
        goto bad;
    if (parse_ip(ret, ip, port))
        return TRUE;
bad:
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT, "“%s” is not an IP address",
                text);
    return FALSE;
}

char *
stile_address_ip_to_string(const StileAddress *address)
{
    char text[INET6_ADDRSTRLEN];
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (size == 0)
        return g_strdup("");
    inet_ntop(address->sa.sa_family, ip, text, sizeof text);
    if (address->sa.sa_family == AF_INET6 && address->in6.sin6_scope_id != 0)
        return g_strdup_printf("%s%%%u", text, address->in6.sin6_scope_id);
    return g_strdup(text);
}

char *
stile_address_to_string(const StileAddress *address)
{
    g_autofree char *ip = stile_address_ip_to_string(address);

    if (address->sa.sa_family == AF_INET6)
        return g_strdup_printf("[%s]:%u", ip, stile_address_port(address));
    if (address->sa.sa_family == AF_INET)
        return g_strdup_printf("%s:%u", ip, stile_address_port(address));
    return g_steal_pointer(&ip);
}

gboolean
stile_address_from_sockaddr(StileAddress *ret, const struct sockaddr *sa, gsize size)
{
    if (size >= sizeof ret->in && sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

        *ret = stile_address_from_ip(AF_INET, &in->sin_addr, ntohs(in->sin_port));
        return TRUE;
    }
    if (size >= sizeof ret->in6 && sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

        *ret = stile_address_from_ip(AF_INET6, &in6->sin6_addr, ntohs(in6->sin6_port));
        if (ret->sa.sa_family == AF_INET6)
            ret->in6.sin6_scope_id = in6->sin6_scope_id;
        return TRUE;
    }
    return FALSE;
}

socklen_t
stile_address_sockaddr_size(const StileAddress *address)
{
    switch (address->sa.sa_family) {
    case AF_INET:
        return sizeof address->in;
    case AF_INET6:
        return sizeof address->in6;
    default:
        return 0;
    }
}

StileAddress
stile_address_from_ip(int family, const void *bytes, guint16 port)
{
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};
    StileAddress address = {0};

    if (family == AF_INET6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        family = AF_INET;
        bytes = (const guint8 *)bytes + sizeof mapped;
    }
    if (family == AF_INET) {
        address.in.sin_family = AF_INET;
        address.in.sin_port = htons(port);
        memcpy(&address.in.sin_addr, bytes, 4);
    } else if (family == AF_INET6) {
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_port = htons(port);
        memcpy(&address.in6.sin6_addr, bytes, 16);
    }
    return address;
}

const guint8 *
stile_address_ip(const StileAddress *address, gsize *ret_size)
{
    switch (address->sa.sa_family) {
    case AF_INET:
        *ret_size = 4;
        return (const guint8 *)&address->in.sin_addr;
    case AF_INET6:
        *ret_size = 16;
        return (const guint8 *)&address->in6.sin6_addr;
    default:
        *ret_size = 0;
        return NULL;
    }
}

int
stile_address_family(const StileAddress *address)
{
    return address->sa.sa_family;
}

guint16
stile_address_port(const StileAddress *address)
{
    switch (address->sa.sa_family) {
    case AF_INET:
        return ntohs(address->in.sin_port);
    case AF_INET6:
        return ntohs(address->in6.sin6_port);
    default:
        return 0;
    }
}

StileAddress
stile_address_with_port(const StileAddress *address, guint16 port)
{
    StileAddress other = *address;

    if (other.sa.sa_family == AF_INET)
        other.in.sin_port = htons(port);
    else if (other.sa.sa_family == AF_INET6)
        other.in6.sin6_port = htons(port);
    return other;
}

gboolean
stile_address_is_set(const StileAddress *address)
{
    return address->sa.sa_family != 0;
}

gboolean
stile_address_equal_ip(const StileAddress *a, const StileAddress *b)
{
    gsize size, other;
    const guint8 *ip = stile_address_ip(a, &size);
    const guint8 *ip_other = stile_address_ip(b, &other);

    if (a->sa.sa_family != b->sa.sa_family)
        return FALSE;
    if (size > 0 && memcmp(ip, ip_other, size) != 0)
        return FALSE;
    return a->sa.sa_family != AF_INET6 || a->in6.sin6_scope_id == b->in6.sin6_scope_id;
}

gboolean
stile_address_equal(gconstpointer a, gconstpointer b)
{
    return stile_address_equal_ip(a, b) && stile_address_port(a) == stile_address_port(b);
}

guint
stile_address_hash(gconstpointer pointer)
{
    const StileAddress *address = pointer;
    guint hash = stile_address_port(address);
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    for (gsize i = 0; i < size; i++)
        hash = hash * 31 + ip[i];
    return hash;
}

static gboolean
in_prefix(const guint8 *ip, const guint8 *prefix, guint bits)
{
    guint whole = bits / 8, rest = bits % 8;

    if (memcmp(ip, prefix, whole) != 0)
        return FALSE;
    return rest == 0 || ((ip[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

/* The special-purpose address registries (RFC 6890 and its updates), as far as they matter to us;
 * the first match counts. */
static const struct {
    int family;
    guint8 prefix[16];
    guint8 bits;
    StileAddressScope scope;
} special[] = {
    {AF_INET, {0, 0, 0, 0}, 32, STILE_ADDRESS_UNSPECIFIED},
    {AF_INET, {0}, 8, STILE_ADDRESS_RESERVED},
    {AF_INET, {10}, 8, STILE_ADDRESS_PRIVATE},
    {AF_INET, {100, 64}, 10, STILE_ADDRESS_SHARED},
    {AF_INET, {127}, 8, STILE_ADDRESS_LOOPBACK},
    {AF_INET, {169, 254}, 16, STILE_ADDRESS_LINK_LOCAL},
    {AF_INET, {172, 16}, 12, STILE_ADDRESS_PRIVATE},
    {AF_INET, {192, 168}, 16, STILE_ADDRESS_PRIVATE},
    {AF_INET, {224}, 4, STILE_ADDRESS_MULTICAST},
    {AF_INET, {255, 255, 255, 255}, 32, STILE_ADDRESS_BROADCAST},
    {AF_INET, {240}, 4, STILE_ADDRESS_RESERVED},
    {AF_INET6, {0}, 128, STILE_ADDRESS_UNSPECIFIED},
    {AF_INET6, {[15] = 1}, 128, STILE_ADDRESS_LOOPBACK},
    {AF_INET6, {0xfe, 0x80}, 10, STILE_ADDRESS_LINK_LOCAL},
    {AF_INET6, {0xfc}, 7, STILE_ADDRESS_PRIVATE},
    {AF_INET6, {0xff}, 8, STILE_ADDRESS_MULTICAST},
    {AF_INET6, {0x01, 0x00}, 64, STILE_ADDRESS_RESERVED},
};

StileAddressScope
stile_address_scope(const StileAddress *address)
{
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (size == 0)
        return STILE_ADDRESS_UNSPECIFIED;
    for (gsize i = 0; i < G_N_ELEMENTS(special); i++)
        if (special[i].family == address->sa.sa_family &&
            in_prefix(ip, special[i].prefix, special[i].bits))
            return special[i].scope;
    return STILE_ADDRESS_GLOBAL;
}

gboolean
stile_address_is_inside(const StileAddress *address)
{
    StileAddressScope scope = stile_address_scope(address);

    return scope == STILE_ADDRESS_PRIVATE || scope == STILE_ADDRESS_SHARED ||
           scope == STILE_ADDRESS_LINK_LOCAL;
}

gboolean
stile_prefix_parse(StilePrefix *ret, const char *text, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *ip = slash ? g_strndup(text, slash - text) : g_strdup(text);
    StilePrefix prefix = {0};
    guint64 bits;

    if (!parse_ip(&prefix.address, ip, 0))
        goto bad;
    bits = prefix.address.sa.sa_family == AF_INET ? 32 : 128;
    if (slash && !g_ascii_string_to_unsigned(slash + 1, 10, 0, bits, &bits, NULL))
        goto bad;
    prefix.length = (guint8)bits;
    *ret = prefix;
    return TRUE;
bad:
    g_set_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                "“%s” is not an address with a prefix length", text);
    return FALSE;
}

char *
stile_prefix_to_string(const StilePrefix *prefix)
{
    g_autofree char *ip = stile_address_ip_to_string(&prefix->address);

    return g_strdup_printf("%s/%u", ip, prefix->length);
}

gboolean
stile_prefix_contains(const StilePrefix *prefix, const StileAddress *address)
{
    gsize size;
    const guint8 *ip = stile_address_ip(address, &size);

    if (address->sa.sa_family != prefix->address.sa.sa_family || prefix->length > size * 8)
        return FALSE;
    return in_prefix(ip, stile_address_ip(&prefix->address, &size), prefix->length);
}

StilePrefix
stile_prefix_network(const StilePrefix *prefix)
{
    guint8 network[16] = {0};
    gsize size;
    const guint8 *ip = stile_address_ip(&prefix->address, &size);

    for (gsize i = 0; i < size; i++) {
        guint bits = CLAMP((int)prefix->length - (int)i * 8, 0, 8);

        network[i] = ip[i] & (guint8)(0xff << (8 - bits));
    }
    return (StilePrefix){
        .address = stile_address_from_ip(prefix->address.sa.sa_family, network, 0),
        .length = prefix->length,
    };
}

gboolean
stile_prefix_equal(const StilePrefix *a, const StilePrefix *b)
{
    return a->length == b->length && stile_address_equal_ip(&a->address, &b->address);
}
