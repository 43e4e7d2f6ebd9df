/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/topics.h"

#include "crypto/hash.h"
#include <string.h>

#define CONTEXT "Stile topics 1"
#define ROOT    "stile/1/"

G_STATIC_ASSERT(STILE_MAC_SIZE == 16);

void
stile_tag_from_bytes(StileTag *ret, const guint8 bytes[16])
{
    g_autofree char *text = g_base64_encode(bytes, 16);

    /* base64url: `+` and `/` mean something in a topic (RFC 4648 §5, MQTT §4.7.1) */
    for (gsize i = 0; i < STILE_TAG_SIZE - 1; i++)
        ret->text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    ret->text[STILE_TAG_SIZE - 1] = '\0';
}

static void
tag(const StileTopics *topics, const void *data, gsize size, StileTag *ret)
{
    guint8 mac[STILE_MAC_SIZE];

    stile_blake2s_mac(topics->key, sizeof topics->key, data, size, mac);
    stile_tag_from_bytes(ret, mac);
}

void
stile_topics_init(StileTopics *topics, const guint8 network_key[STILE_KEY_SIZE])
{
    const StilePart context = {CONTEXT, strlen(CONTEXT)};
    guint8 salt[STILE_BLAKE2S_SIZE];
    StileTag network;

    stile_blake2s(&context, 1, salt);
    stile_kdf(salt, network_key, STILE_KEY_SIZE, 1, topics->key);
    tag(topics, "network", strlen("network"), &network); /* a device key is longer */
    g_snprintf(topics->prefix, sizeof topics->prefix, ROOT "%s/", network.text);
}

void
stile_topics_tag(const StileTopics *topics, const guint8 device[STILE_KEY_SIZE], StileTag *ret)
{
    tag(topics, device, STILE_KEY_SIZE, ret);
}

char *
stile_topics_make(const StileTopics *topics, StileTopicKind kind, const char *name)
{
    return g_strdup_printf("%s%c/%s", topics->prefix, (char)kind, name);
}

gboolean
stile_topics_parse(const StileTopics *topics, const char *topic, StileTopicKind *ret_kind,
                   StileTag *ret_tag)
{
    const char *at = topic + strlen(topics->prefix);

    if (!g_str_has_prefix(topic, topics->prefix) || strlen(at) != 2 + STILE_TAG_SIZE - 1)
        return FALSE;
    if (!strchr("pide", at[0]) || at[1] != '/' || strchr(at + 2, '/'))
        return FALSE;
    *ret_kind = (StileTopicKind)at[0];
    memcpy(ret_tag->text, at + 2, STILE_TAG_SIZE);
    return TRUE;
}
