/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "natbox-table.h"

typedef struct {
    guint64 near;
    guint64 far;
} Key;

struct NatboxTable {
    gint64 lifetimes[NATBOX_N_LIFETIMES];
    guint limit;
    gboolean evict;
    guint count;
    GHashTable *inside;  /* Key -> NatboxMapping */
    GHashTable *outside; /* Key -> NatboxMapping, owns them */
    GQueue sessions[NATBOX_N_LIFETIMES];
};

static Key
key_make(guint8 protocol, NatboxEndpoint near, NatboxEndpoint far)
{
    return (Key){(guint64)protocol << 48 | (guint64)near.address << 16 | near.port,
                 (guint64)far.address << 16 | far.port};
}

static guint
key_hash(gconstpointer data)
{
    const Key *key = data;
    guint64 mixed = (key->near ^ key->far * 0x9e3779b97f4a7c15U) * 0xff51afd7ed558ccdU;

    return (guint)(mixed >> 32);
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    const Key *one = a, *other = b;

    return one->near == other->near && one->far == other->far;
}

static guint
endpoint_hash(gconstpointer data)
{
    const NatboxEndpoint *endpoint = data;

    return (endpoint->address ^ (guint)endpoint->port << 16) * 0x9e3779b1U;
}

static gboolean
endpoint_equal(gconstpointer a, gconstpointer b)
{
    const NatboxEndpoint *one = a, *other = b;

    return one->address == other->address && one->port == other->port;
}

static void
mapping_free(gpointer data)
{
    NatboxMapping *mapping = data;

    g_hash_table_unref(mapping->sessions);
    g_hash_table_unref(mapping->addresses);
    g_free(mapping);
}

NatboxTable *
natbox_table_new(const gint64 lifetimes[NATBOX_N_LIFETIMES], guint limit, gboolean evict)
{
    NatboxTable *table = g_new0(NatboxTable, 1);

    table->limit = limit;
    table->evict = evict;
    table->inside = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
    table->outside = g_hash_table_new_full(key_hash, key_equal, g_free, mapping_free);
    for (gsize i = 0; i < NATBOX_N_LIFETIMES; i++) {
        table->lifetimes[i] = lifetimes[i];
        g_queue_init(&table->sessions[i]);
    }
    return table;
}

void
natbox_table_clear(NatboxTable *table)
{
    g_hash_table_remove_all(table->inside);
    g_hash_table_remove_all(table->outside);
    for (gsize i = 0; i < NATBOX_N_LIFETIMES; i++)
        g_queue_init(&table->sessions[i]);
    table->count = 0;
}

void
natbox_table_free(NatboxTable *table)
{
    natbox_table_clear(table);
    g_hash_table_unref(table->inside);
    g_hash_table_unref(table->outside);
    g_free(table);
}

static NatboxMapping *
add(NatboxTable *table, NatboxMapping values)
{
    static const NatboxEndpoint none = {0};
    NatboxMapping *mapping = g_memdup2(&values, sizeof values);
    Key outside = key_make(values.protocol, values.outside, none);

    mapping->sessions = g_hash_table_new_full(endpoint_hash, endpoint_equal, NULL, g_free);
    mapping->addresses = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(table->outside, g_memdup2(&outside, sizeof outside), mapping);
    return mapping;
}

NatboxMapping *
natbox_table_add(NatboxTable *table, guint8 protocol, NatboxEndpoint inside, NatboxEndpoint remote,
                 NatboxEndpoint outside)
{
    NatboxMapping *mapping = add(
        table, (NatboxMapping){
                   .protocol = protocol, .inside = inside, .remote = remote, .outside = outside});
    Key key = key_make(protocol, inside, remote);

    g_hash_table_insert(table->inside, g_memdup2(&key, sizeof key), mapping);
    return mapping;
}

NatboxMapping *
natbox_table_add_fixed(NatboxTable *table, guint8 protocol, NatboxEndpoint inside,
                       NatboxEndpoint outside)
{
    return add(
        table,
        (NatboxMapping){.protocol = protocol, .fixed = TRUE, .inside = inside, .outside = outside});
}

void
natbox_table_forget_if_unused(NatboxTable *table, NatboxMapping *mapping)
{
    static const NatboxEndpoint none = {0};
    Key inside = key_make(mapping->protocol, mapping->inside, mapping->remote);
    Key outside = key_make(mapping->protocol, mapping->outside, none);

    if (mapping->fixed || g_hash_table_size(mapping->sessions) > 0)
        return;
    g_hash_table_remove(table->inside, &inside);
    g_hash_table_remove(table->outside, &outside);
}

static void
close_session(NatboxTable *table, NatboxSession *session)
{
    NatboxMapping *mapping = session->mapping;
    gpointer address = GUINT_TO_POINTER(session->remote.address);
    guint left = GPOINTER_TO_UINT(g_hash_table_lookup(mapping->addresses, address)) - 1;

    if (left > 0)
        g_hash_table_insert(mapping->addresses, address, GUINT_TO_POINTER(left));
    else
        g_hash_table_remove(mapping->addresses, address);
    g_queue_unlink(&table->sessions[session->lifetime], &session->link);
    table->count--;
    g_hash_table_remove(mapping->sessions, &session->remote);
    natbox_table_forget_if_unused(table, mapping);
}

void
natbox_table_expire(NatboxTable *table, gint64 now)
{
    for (gsize i = 0; i < NATBOX_N_LIFETIMES; i++) {
        NatboxSession *session;

        while ((session = g_queue_peek_head(&table->sessions[i])) &&
               now - session->used >= table->lifetimes[i])
            close_session(table, session);
    }
}

NatboxMapping *
natbox_table_find_inside(NatboxTable *table, guint8 protocol, NatboxEndpoint inside,
                         NatboxEndpoint remote)
{
    Key key = key_make(protocol, inside, remote);

    return g_hash_table_lookup(table->inside, &key);
}

NatboxMapping *
natbox_table_find_outside(NatboxTable *table, guint8 protocol, NatboxEndpoint outside)
{
    static const NatboxEndpoint none = {0};
    Key key = key_make(protocol, outside, none);

    return g_hash_table_lookup(table->outside, &key);
}

NatboxSession *
natbox_mapping_find(const NatboxMapping *mapping, NatboxEndpoint remote)
{
    return g_hash_table_lookup(mapping->sessions, &remote);
}

gboolean
natbox_mapping_knows_address(const NatboxMapping *mapping, guint32 address)
{
    return g_hash_table_contains(mapping->addresses, GUINT_TO_POINTER(address));
}

/* The session that was unused for longest, but none of @keep: it is about to get one. */
static gboolean
make_room(NatboxTable *table, const NatboxMapping *keep)
{
    NatboxSession *oldest = NULL;

    for (gsize i = 0; i < NATBOX_N_LIFETIMES; i++) {
        for (GList *l = table->sessions[i].head; l; l = l->next) {
            NatboxSession *session = l->data;

            if (session->mapping == keep && g_hash_table_size(keep->sessions) == 1)
                continue;
            if (!oldest || session->used < oldest->used)
                oldest = session;
            break;
        }
    }
    if (oldest)
        close_session(table, oldest);
    return oldest != NULL;
}

NatboxSession *
natbox_table_open(NatboxTable *table, NatboxMapping *mapping, NatboxEndpoint remote,
                  NatboxLifetime lifetime, gint64 now)
{
    NatboxSession *session;
    gpointer address = GUINT_TO_POINTER(remote.address);
    guint known;

    if (table->limit && table->count >= table->limit &&
        !(table->evict && make_room(table, mapping)))
        return NULL;
    session = g_new0(NatboxSession, 1);
    session->mapping = mapping;
    session->remote = remote;
    session->lifetime = lifetime;
    session->used = now;
    session->link.data = session;
    g_hash_table_insert(mapping->sessions, &session->remote, session);
    known = GPOINTER_TO_UINT(g_hash_table_lookup(mapping->addresses, address));
    g_hash_table_insert(mapping->addresses, address, GUINT_TO_POINTER(known + 1));
    g_queue_push_tail_link(&table->sessions[lifetime], &session->link);
    table->count++;
    return session;
}

void
natbox_table_refresh(NatboxTable *table, NatboxSession *session, NatboxLifetime lifetime,
                     gint64 now)
{
    g_queue_unlink(&table->sessions[session->lifetime], &session->link);
    session->lifetime = lifetime;
    session->used = now;
    g_queue_push_tail_link(&table->sessions[lifetime], &session->link);
}

guint
natbox_table_count(const NatboxTable *table)
{
    return table->count;
}

static void
append_endpoint(GString *text, NatboxEndpoint endpoint)
{
    g_string_append_printf(text, " %u.%u.%u.%u:%u", endpoint.address >> 24,
                           endpoint.address >> 16 & 255, endpoint.address >> 8 & 255,
                           endpoint.address & 255, endpoint.port);
}

char *
natbox_table_describe(NatboxTable *table)
{
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < NATBOX_N_LIFETIMES; i++) {
        for (GList *l = table->sessions[i].head; l; l = l->next) {
            const NatboxSession *session = l->data;
            const NatboxMapping *mapping = session->mapping;

            g_string_append(text, mapping->protocol == IPPROTO_UDP   ? "udp"
                                  : mapping->protocol == IPPROTO_TCP ? "tcp"
                                                                     : "icmp");
            append_endpoint(text, mapping->inside);
            append_endpoint(text, mapping->outside);
            append_endpoint(text, session->remote);
            g_string_append_c(text, '\n');
        }
    }
    return g_string_free(text, FALSE);
}
