/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef NATBOX_TABLE_H
#define NATBOX_TABLE_H

/* Mappings and their sessions. A mapping is an outside endpoint that an inside one has; a session
 * is one remote endpoint it talks to: what the filter lets in, what has a lifetime, and what fills
 * the tables of routers. A mapping lives as long as it has a session. */

#include "natbox-packet.h"

/* Each has one lifetime, so that the sessions of one are sorted by when they end. */
typedef enum {
    NATBOX_LIFETIME_UDP,
    NATBOX_LIFETIME_ICMP,
    NATBOX_LIFETIME_TCP_OPENING,
    NATBOX_LIFETIME_TCP,
    NATBOX_LIFETIME_TCP_CLOSING,
    NATBOX_N_LIFETIMES
} NatboxLifetime;

typedef struct {
    guint8 protocol;
    gboolean fixed; /* a forwarded port: never ends, and is no mapping for outbound packets */
    NatboxEndpoint inside;
    NatboxEndpoint remote; /* zeroes in what the mapping does not depend on */
    NatboxEndpoint outside;
    GHashTable *sessions;  /* NatboxEndpoint of the remote -> NatboxSession */
    GHashTable *addresses; /* remote address -> number of sessions */
} NatboxMapping;

typedef struct {
    NatboxMapping *mapping;
    NatboxEndpoint remote;
    NatboxLifetime lifetime;
    gint64 used; /* when last refreshed */
    GList link;
    guint8 syn; /* who sent one: bit 0 outbound, bit 1 inbound */
    guint8 fin;
} NatboxSession;

typedef struct NatboxTable NatboxTable;

/* @lifetimes: µs; @limit: sessions, 0 for none; @evict: the one longest unused makes room */
NatboxTable *natbox_table_new(const gint64 lifetimes[NATBOX_N_LIFETIMES], guint limit,
                              gboolean evict);
void natbox_table_free(NatboxTable *table);
void natbox_table_clear(NatboxTable *table);

/* Ends all sessions whose time is over. Called before every packet, it is cheap. */
void natbox_table_expire(NatboxTable *table, gint64 now);

NatboxMapping *natbox_table_find_inside(NatboxTable *table, guint8 protocol, NatboxEndpoint inside,
                                        NatboxEndpoint remote);
NatboxMapping *natbox_table_find_outside(NatboxTable *table, guint8 protocol,
                                         NatboxEndpoint outside);
/* A new mapping, which must get its first session at once; owned by the table. */
NatboxMapping *natbox_table_add(NatboxTable *table, guint8 protocol, NatboxEndpoint inside,
                                NatboxEndpoint remote, NatboxEndpoint outside);
NatboxMapping *natbox_table_add_fixed(NatboxTable *table, guint8 protocol, NatboxEndpoint inside,
                                      NatboxEndpoint outside);
void natbox_table_forget_if_unused(NatboxTable *table, NatboxMapping *mapping);

NatboxSession *natbox_mapping_find(const NatboxMapping *mapping, NatboxEndpoint remote);
gboolean natbox_mapping_knows_address(const NatboxMapping *mapping, guint32 address);
/* Returns: NULL when the table is full */
NatboxSession *natbox_table_open(NatboxTable *table, NatboxMapping *mapping, NatboxEndpoint remote,
                                 NatboxLifetime lifetime, gint64 now);
void natbox_table_refresh(NatboxTable *table, NatboxSession *session, NatboxLifetime lifetime,
                          gint64 now);
guint natbox_table_count(const NatboxTable *table);

/* One line for each session: protocol, inside, outside, remote. Transfer full. */
char *natbox_table_describe(NatboxTable *table);

#endif
