/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/roster.h"

#include "base/error.h"
#include <string.h>

struct _StileRoster {
    StileNetworkState *state;
    StileCertificate self;
    gboolean has_self;
    GHashTable *members; /* device key -> StileCertificate, which owns the key */
    /* Who has what; keys and values belong to the members. */
    GHashTable *vouchers;
    GHashTable *names;
    GHashTable *addresses;
    GHashTable *tunnels;
    StileRevocations revocations;
};

static void
free_certificate(gpointer certificate)
{
    stile_certificate_clear(certificate);
    g_free(certificate);
}

static StileCertificate *
parse(StileRoster *roster, const void *data, gsize size, GError **error)
{
    g_autofree StileCertificate *certificate = g_new0(StileCertificate, 1);

    if (!stile_certificate_parse(certificate, roster->state->id, data, size, error))
        return NULL;
    return g_steal_pointer(&certificate);
}

/* A revoked member's invitation must not let another device in, so both keys count. */
static gboolean
is_revoked(StileRoster *roster, const StileCertificate *certificate)
{
    return roster->revocations.devices &&
           (stile_revocations_contain(&roster->revocations, certificate->device) ||
            stile_revocations_contain(&roster->revocations, certificate->voucher.key));
}

static void
remember(StileRoster *roster, StileCertificate *member)
{
    g_hash_table_insert(roster->members, member->device, member);
    g_hash_table_insert(roster->vouchers, member->voucher.key, member);
    g_hash_table_insert(roster->names, member->voucher.name, member);
    g_hash_table_insert(roster->addresses, &member->voucher.address4.address, member);
    g_hash_table_insert(roster->tunnels, member->tunnel, member);
}

static void
forget(StileRoster *roster, StileCertificate *member)
{
    g_hash_table_remove(roster->vouchers, member->voucher.key);
    g_hash_table_remove(roster->names, member->voucher.name);
    g_hash_table_remove(roster->addresses, &member->voucher.address4.address);
    g_hash_table_remove(roster->tunnels, member->tunnel);
    g_hash_table_remove(roster->members, member->device);
}

static gboolean
check_clash(StileRoster *roster, const StileCertificate *new, GError **error)
{
    const struct {
        GHashTable *taken;
        gconstpointer key;
        const char *what;
    } rules[] = {
        {roster->vouchers, new->voucher.key, "invitation"},
        {roster->names, new->voucher.name, "name"},
        {roster->addresses, &new->voucher.address4.address, "address"},
        {roster->tunnels, new->tunnel, "tunnel key"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        const StileCertificate *owner = g_hash_table_lookup(rules[i].taken, rules[i].key);

        if (owner && !stile_key_equal(owner->device, new->device)) {
            g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS,
                        "The %s of “%s” is already used by “%s”", rules[i].what, new->voucher.name,
                        owner->voucher.name);
            return FALSE;
        }
    }
    return TRUE;
}

static void
forget_revoked(StileRoster *roster)
{
    g_autoptr(GPtrArray) members = stile_roster_members(roster);

    for (guint i = 0; i < members->len; i++)
        if (is_revoked(roster, members->pdata[i]))
            forget(roster, members->pdata[i]);
}

void
stile_roster_load_revocations(StileRoster *roster)
{
    gsize size;
    const void *data;

    stile_revocations_clear(&roster->revocations);
    if (!roster->state->revocations)
        return;
    data = g_bytes_get_data(roster->state->revocations, &size);
    stile_revocations_parse(&roster->revocations, roster->state->id, data, size, NULL);
    forget_revoked(roster);
}

static void
load_members(StileRoster *roster)
{
    GHashTableIter iter;
    GBytes *bytes;

    g_hash_table_iter_init(&iter, roster->state->members);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&bytes)) {
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        StileCertificate *member = parse(roster, data, size, NULL);

        if (!member)
            continue;
        if (is_revoked(roster, member) || !check_clash(roster, member, NULL))
            free_certificate(member);
        else
            remember(roster, member);
    }
}

StileRoster *
stile_roster_new(StileNetworkState *state)
{
    StileRoster *roster = g_new0(StileRoster, 1);

    roster->state = state;
    roster->members = g_hash_table_new_full(stile_key_hash, stile_key_equal, NULL,
                                            free_certificate);
    roster->vouchers = g_hash_table_new(stile_key_hash, stile_key_equal);
    roster->names = g_hash_table_new(g_str_hash, g_str_equal);
    roster->addresses = g_hash_table_new(stile_address_hash, stile_address_equal);
    roster->tunnels = g_hash_table_new(stile_key_hash, stile_key_equal);
    stile_roster_load_revocations(roster);
    if (state->certificate) {
        gsize size;
        const void *data = g_bytes_get_data(state->certificate, &size);

        roster->has_self = stile_certificate_parse(&roster->self, state->id, data, size, NULL);
    }
    if (roster->has_self) {
        /* We take part in the clashes, but are no member to connect to. */
        g_hash_table_insert(roster->vouchers, roster->self.voucher.key, &roster->self);
        g_hash_table_insert(roster->names, roster->self.voucher.name, &roster->self);
        g_hash_table_insert(roster->addresses, &roster->self.voucher.address4.address,
                            &roster->self);
        g_hash_table_insert(roster->tunnels, roster->self.tunnel, &roster->self);
    }
    load_members(roster);
    return roster;
}

void
stile_roster_free(StileRoster *roster)
{
    if (!roster)
        return;
    g_hash_table_unref(roster->vouchers);
    g_hash_table_unref(roster->names);
    g_hash_table_unref(roster->addresses);
    g_hash_table_unref(roster->tunnels);
    g_hash_table_unref(roster->members);
    stile_certificate_clear(&roster->self);
    stile_revocations_clear(&roster->revocations);
    g_free(roster);
}

const StileCertificate *
stile_roster_accept(StileRoster *roster, const guint8 device[STILE_KEY_SIZE],
                    const void *certificate, gsize size, gboolean *ret_changed, GError **error)
{
    StileCertificate *known = g_hash_table_lookup(roster->members, device), *new;
    g_autofree char *id = stile_key_to_string(device);
    GBytes *old = g_hash_table_lookup(roster->state->members, id);

    *ret_changed = FALSE;
    /* Presences come again and again; what was checked once is not checked again. */
    if (known && old && g_bytes_get_size(old) == size &&
        memcmp(g_bytes_get_data(old, NULL), certificate, size) == 0)
        return known;
    if (!(new = parse(roster, certificate, size, error)))
        return NULL;
    if (!stile_key_equal(new->device, device)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED,
                    "The certificate of “%s” belongs to another device", new->voucher.name);
        goto refused;
    }
    if (is_revoked(roster, new)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_REVOKED, "The membership of “%s” was revoked",
                    new->voucher.name);
        goto refused;
    }
    if (!check_clash(roster, new, error))
        goto refused;
    if (known)
        forget(roster, known);
    remember(roster, new);
    g_hash_table_insert(roster->state->members, g_steal_pointer(&id),
                        g_bytes_new(certificate, size));
    *ret_changed = TRUE;
    return new;
refused:
    free_certificate(new);
    return NULL;
}

const StileCertificate *
stile_roster_find(StileRoster *roster, const guint8 device[STILE_KEY_SIZE])
{
    return g_hash_table_lookup(roster->members, device);
}

const StileCertificate *
stile_roster_self(StileRoster *roster)
{
    return roster->has_self ? &roster->self : NULL;
}

GPtrArray *
stile_roster_members(StileRoster *roster)
{
    GPtrArray *members = g_ptr_array_new();
    GHashTableIter iter;
    gpointer member;

    g_hash_table_iter_init(&iter, roster->members);
    while (g_hash_table_iter_next(&iter, NULL, &member))
        g_ptr_array_add(members, member);
    return members;
}

gboolean
stile_roster_update_revocations(StileRoster *roster, const void *data, gsize size)
{
    g_auto(StileRevocations) theirs = {0};

    if (!stile_revocations_parse(&theirs, roster->state->id, data, size, NULL) ||
        (roster->revocations.devices && roster->revocations.serial >= theirs.serial))
        return FALSE;
    g_clear_pointer(&roster->state->revocations, g_bytes_unref);
    roster->state->revocations = g_bytes_new(data, size);
    stile_revocations_clear(&roster->revocations);
    roster->revocations = theirs;
    memset(&theirs, 0, sizeof theirs); /* handed over */
    forget_revoked(roster);
    return TRUE;
}
