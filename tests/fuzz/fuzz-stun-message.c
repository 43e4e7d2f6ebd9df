/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes: parsed or refused without reading past them; what was parsed and fits is built again
 * from its attributes and parses to the same. */
#include "stun/message.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare(const StileStunMessage *message, const StileStunMessage *again)
{
    g_assert(message->class == again->class && message->method == again->method);
    g_assert(memcmp(message->id, again->id, sizeof message->id) == 0);
    g_assert(message->n_attributes == again->n_attributes);
    g_assert(message->n_unknown == again->n_unknown);
    for (guint i = 0; i < message->n_attributes; i++) {
        g_assert(message->attributes[i].type == again->attributes[i].type);
        g_assert(message->attributes[i].size == again->attributes[i].size);
        /* Padding behind the values is not kept, so what is computed over it differs. */
        if (message->attributes[i].type != STILE_STUN_FINGERPRINT)
            g_assert(message->attributes[i].size == 0 ||
                     memcmp(message->attributes[i].value, again->attributes[i].value,
                            message->attributes[i].size) == 0);
    }
}

static void
rebuild(const StileStunMessage *message)
{
    StileStunMessage again;
    StileStunBuilder builder;
    gsize size;

    stile_stun_builder_init(&builder, message->class, message->method, message->id);
    for (guint i = 0; i < message->n_attributes; i++) {
        if (message->attributes[i].type == STILE_STUN_FINGERPRINT)
            stile_stun_builder_fingerprint(&builder);
        else
            stile_stun_builder_bytes(&builder, message->attributes[i].type,
                                     message->attributes[i].value, message->attributes[i].size);
    }
    size = stile_stun_builder_finish(&builder);
    if (size == 0) {
        g_assert(message->size > STILE_STUN_MAX_SIZE);
        return;
    }
    g_assert(stile_stun_message_parse(&again, builder.data, size, NULL));
    compare(message, &again);
}

/* An address that was read is written as it stood, unless it was an IPv4 address in IPv6. */
static void
rewrite_address(const StileStunMessage *message, StileStunAttribute type)
{
    StileAddress address, again;
    StileStunMessage other;
    StileStunBuilder builder;
    gsize size;

    if (!stile_stun_message_address(message, type, &address))
        return;
    stile_stun_builder_init(&builder, message->class, message->method, message->id);
    stile_stun_builder_address(&builder, type, &address);
    size = stile_stun_builder_finish(&builder);
    g_assert(stile_stun_message_parse(&other, builder.data, size, NULL));
    g_assert(stile_stun_message_address(&other, type, &again));
    g_assert(stile_address_equal(&address, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *reason = NULL, *realm = NULL;
    StileStunMessage message;
    guint32 number;
    guint64 tie_breaker;
    guint code;

    if (!stile_stun_message_parse(&message, data, size, NULL))
        return 0;
    g_assert(stile_stun_looks_like(data, size));
    rebuild(&message);
    rewrite_address(&message, STILE_STUN_XOR_MAPPED_ADDRESS);
    rewrite_address(&message, STILE_STUN_XOR_PEER_ADDRESS);
    rewrite_address(&message, STILE_STUN_ALTERNATE_SERVER);
    stile_stun_message_u32(&message, STILE_STUN_PRIORITY, &number);
    stile_stun_message_u64(&message, STILE_STUN_ICE_CONTROLLED, &tie_breaker);
    code = stile_stun_message_error(&message, &reason);
    g_assert(code == 0 || (code >= 300 && code <= 699));
    g_assert(!reason || g_utf8_validate(reason, -1, NULL));
    realm = stile_stun_message_string(&message, STILE_STUN_REALM);
    g_assert(!realm || g_utf8_validate(realm, -1, NULL));
    g_assert(!stile_stun_message_check(&message, "no such key", 11));
    return 0;
}
