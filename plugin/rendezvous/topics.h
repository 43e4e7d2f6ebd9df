/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "crypto/keys.h"

G_BEGIN_DECLS

/*
 * Where things are on a broker: `stile/1/NETWORK/KIND/TAG`. NETWORK and TAG are derived from the
 * network's symmetric key, so that the broker learns neither the network's id nor the members'
 * keys, and cannot tell that one device is in two networks.
 */

#define STILE_TAG_SIZE 23 /* 16 bytes in base64url, and a NUL */

typedef enum {
    STILE_TOPIC_PRESENCE = 'p', /* retained; TAG: whose it is */
    STILE_TOPIC_INBOX = 'i',    /* messages to TAG */
    STILE_TOPIC_PACKETS = 'd',  /* WireGuard's messages to TAG */
    STILE_TOPIC_ECHO = 'e',     /* to ourselves; TAG: of one connection */
} StileTopicKind;

typedef struct {
    guint8 key[STILE_KEY_SIZE];
    char prefix[8 + STILE_TAG_SIZE + 1]; /* `stile/1/NETWORK/` */
} StileTopics;

typedef struct {
    char text[STILE_TAG_SIZE];
} StileTag;

/** @network_key: the network's symmetric key */
void stile_topics_init(StileTopics *topics, const guint8 network_key[STILE_KEY_SIZE]);
/** @device: Ed25519 public key */
void stile_topics_tag(const StileTopics *topics, const guint8 device[STILE_KEY_SIZE],
                      StileTag *ret);
/** A tag for 16 bytes that mean nothing. */
void stile_tag_from_bytes(StileTag *ret, const guint8 bytes[16]);

/** Returns: (transfer full): @tag: a tag or, in a filter, `+` */
char *stile_topics_make(const StileTopics *topics, StileTopicKind kind, const char *tag);
/**
 * stile_topics_parse:
 *
 * Returns: %FALSE when @topic is not one of this network; @ret_kind and @ret_tag are untouched then
 */
gboolean stile_topics_parse(const StileTopics *topics, const char *topic, StileTopicKind *ret_kind,
                            StileTag *ret_tag);

G_END_DECLS
