/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/identity.h"

#include "base/error.h"
#include "crypto/hash.h"
#include <string.h>

#define SUBNET6_CONTEXT "stile subnet6 1"
#define SUBNET6_LENGTH  64
/* The clocks of two machines differ; a voucher is good a little before it was made. */
#define HOUR        (60 * 60 * (gint64)G_USEC_PER_SEC)
#define CLOCK_SLACK HOUR
#define VALID_MAX   (366 * 24 * HOUR)
/* The list of revocations is in every presence, which has 16 KiB. */
#define RETIRED_MAX 256

static gboolean
set_error(GError **error, StileError code, const char *sentence)
{
    g_set_error_literal(error, STILE_ERROR, code, sentence);
    return FALSE;
}

/* RFC 4193: fd, 40 bits, and the subnet 0. From the network's id, so that all know it. */
static StilePrefix
subnet6_of(const guint8 network[STILE_KEY_SIZE])
{
    const StilePart parts[] = {{SUBNET6_CONTEXT, sizeof SUBNET6_CONTEXT},
                               {network, STILE_KEY_SIZE}};
    guint8 hash[STILE_BLAKE2S_SIZE], ip[16] = {0xfd};

    stile_blake2s(parts, G_N_ELEMENTS(parts), hash);
    memcpy(ip + 1, hash, 5);
    return (StilePrefix){stile_address_from_ip(AF_INET6, ip, 0), SUBNET6_LENGTH};
}

/* The address of host number @host, which is at least 1. */
static StilePrefix
host_in(const StilePrefix *subnet, guint32 host)
{
    guint8 ip[16];
    gsize size;
    const guint8 *network = stile_address_ip(&subnet->address, &size);

    memcpy(ip, network, size);
    for (gsize i = 1; i <= sizeof host; i++, host >>= 8)
        ip[size - i] |= (guint8)host;
    return (StilePrefix){stile_address_from_ip(stile_address_family(&subnet->address), ip, 0),
                         subnet->length};
}

static guint32
host_number(const StilePrefix *prefix)
{
    guint32 ip = GUINT32_FROM_BE(prefix->address.in.sin_addr.s_addr);

    return ip & (G_MAXUINT32 >> prefix->length);
}

static gint64
whole_seconds(gint64 time)
{
    return time / G_USEC_PER_SEC * G_USEC_PER_SEC;
}

/* Returns: the signed bytes; @ret_key: the voucher's private key */
static GBytes *
issue(const StileNetworkState *state, const char *name, guint32 host, gint64 now, gint64 not_after,
      guint8 ret_key[STILE_KEY_SIZE])
{
    g_auto(StileVoucher) voucher = {0};

    stile_ed25519_generate(ret_key);
    stile_ed25519_public(ret_key, voucher.key);
    voucher.name = g_strdup(name);
    voucher.address4 = host_in(&state->subnet4, host);
    voucher.address6 = host_in(&state->subnet6, host);
    voucher.not_before = MAX(0, whole_seconds(now - CLOCK_SLACK));
    voucher.not_after = not_after;
    return stile_voucher_sign(&voucher, state->network_private);
}

/* Makes the device's keys and its certificate. */
static void
enrol(StileNetworkState *state, GBytes *voucher, const guint8 voucher_key[STILE_KEY_SIZE],
      gint64 now)
{
    guint8 device[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE];

    stile_ed25519_generate(state->device_private);
    stile_ed25519_public(state->device_private, device);
    stile_x25519_generate(state->tunnel_private);
    stile_x25519_public(state->tunnel_private, tunnel);
    state->certificate = stile_certificate_sign(voucher, voucher_key, device, tunnel, now);
}

static gboolean
check_subnet(const StilePrefix *subnet4, GError **error)
{
    StilePrefix network = stile_prefix_network(subnet4);
    StileAddressScope scope = stile_address_scope(&network.address);

    if (stile_address_family(&subnet4->address) != AF_INET)
        return set_error(error, STILE_ERROR_INVALID_ARGUMENT, "The subnet is not an IPv4 network");
    if (subnet4->length < 8 || subnet4->length > 30)
        return set_error(error, STILE_ERROR_INVALID_ARGUMENT,
                         "The subnet must be between a /8 and a /30");
    if (scope != STILE_ADDRESS_PRIVATE && scope != STILE_ADDRESS_SHARED &&
        scope != STILE_ADDRESS_GLOBAL)
        return set_error(error, STILE_ERROR_INVALID_ARGUMENT,
                         "The subnet has addresses that no machine can have");
    return TRUE;
}

StileNetworkState *
stile_identity_create(StileClock *clock, const char *name, const char *member,
                      const StilePrefix *subnet4, const StileServers *servers, GError **error)
{
    g_autoptr(StileNetworkState) state = NULL;
    gint64 now = stile_clock_real(clock);
    guint8 voucher_key[STILE_KEY_SIZE];
    GBytes *voucher;

    if (!stile_name_check(name, error) || !stile_name_check(member, error) ||
        !check_subnet(subnet4, error) || !stile_servers_check(servers, error))
        return NULL;
    state = stile_network_state_new();
    state->name = g_strdup(name);
    stile_ed25519_generate(state->network_private);
    stile_ed25519_public(state->network_private, state->id);
    stile_clock_random(clock, state->network_key, sizeof state->network_key);
    state->subnet4 = stile_prefix_network(subnet4);
    state->subnet6 = subnet6_of(state->id);
    stile_servers_free(state->servers);
    state->servers = stile_servers_copy(servers);
    voucher = issue(state, member, 1, now, now, voucher_key);
    g_ptr_array_add(state->vouchers, voucher);
    enrol(state, voucher, voucher_key, now);
    stile_memory_wipe(voucher_key, sizeof voucher_key);
    return g_steal_pointer(&state);
}

/* What the vouchers issued so far hold: names and host numbers. */
typedef struct {
    GHashTable *names;      /* of live vouchers, folded for comparison */
    GHashTable *hosts;      /* of all vouchers */
    GHashTable *live_hosts; /* of live ones */
} Holdings;

static void
holdings_clear(Holdings *holdings)
{
    g_clear_pointer(&holdings->names, g_hash_table_unref);
    g_clear_pointer(&holdings->hosts, g_hash_table_unref);
    g_clear_pointer(&holdings->live_hosts, g_hash_table_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Holdings, holdings_clear)

/* “Laptop” and “laptop” are one name to people, and so are two ways to write “é”. */
static char *
fold_name(const char *name)
{
    g_autofree char *folded = g_utf8_casefold(name, -1);

    return g_utf8_normalize(folded, -1, G_NORMALIZE_ALL);
}

static gboolean
load_revocations(const StileNetworkState *state, StileRevocations *ret, GError **error)
{
    gsize size;
    const void *data;

    if (!state->revocations)
        return TRUE;
    data = g_bytes_get_data(state->revocations, &size);
    return stile_revocations_parse(ret, state->id, data, size, error);
}

/* Returns: (transfer full): voucher key in base64 -> the device that used it, in base64 */
static GHashTable *
used_vouchers(const StileNetworkState *state)
{
    GHashTable *used = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    GHashTableIter members;
    gpointer device, certificate;

    g_hash_table_iter_init(&members, state->members);
    while (g_hash_table_iter_next(&members, &device, &certificate)) {
        g_auto(StileCertificate) parsed = {0};
        gsize size;
        const void *data = g_bytes_get_data(certificate, &size);

        if (stile_certificate_read(&parsed, data, size, NULL))
            g_hash_table_insert(used, stile_key_to_string(parsed.voucher.key), g_strdup(device));
    }
    return used;
}

/* Whether a member has it, or may still come with it. The first voucher is our own. */
static gboolean
is_live(const StileVoucher *voucher, gboolean own, GHashTable *used,
        const StileRevocations *revocations, gint64 now)
{
    g_autofree char *key = stile_key_to_string(voucher->key);
    const char *text = g_hash_table_lookup(used, key);
    guint8 device[STILE_KEY_SIZE];

    if (own)
        return TRUE;
    if (text && stile_key_parse(device, text, NULL))
        return !stile_revocations_contain(revocations, device);
    return now <= voucher->not_after;
}

static gboolean
take_stock(const StileNetworkState *state, gint64 now, Holdings *ret, GError **error)
{
    g_auto(StileRevocations) revocations = {0};
    g_autoptr(GHashTable) used = used_vouchers(state);

    if (!load_revocations(state, &revocations, error))
        return FALSE;
    ret->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ret->hosts = g_hash_table_new(NULL, NULL);
    ret->live_hosts = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < state->vouchers->len; i++) {
        g_auto(StileVoucher) voucher = {0};
        gsize size;
        const void *data = g_bytes_get_data(state->vouchers->pdata[i], &size);
        gpointer host;

        if (!stile_voucher_read(&voucher, data, size, error))
            return FALSE;
        host = GUINT_TO_POINTER(host_number(&voucher.address4));
        g_hash_table_add(ret->hosts, host);
        if (is_live(&voucher, i == 0, used, &revocations, now)) {
            g_hash_table_add(ret->names, fold_name(voucher.name));
            g_hash_table_add(ret->live_hosts, host);
        }
    }
    return TRUE;
}

/* Returns: the lowest number that @taken does not have; 0 when there is none */
static guint32
lowest_free(const StilePrefix *subnet4, GHashTable *taken)
{
    guint32 last = (G_MAXUINT32 >> subnet4->length) - 1; /* the next is broadcast */

    for (guint32 host = 1; host <= last; host++)
        if (!g_hash_table_contains(taken, GUINT_TO_POINTER(host)))
            return host;
    return 0;
}

static gboolean
check_invite(const StileNetworkState *state, const char *name, gint64 valid, GError **error)
{
    if (!stile_network_state_is_creator(state))
        return set_error(error, STILE_ERROR_NOT_AUTHORIZED,
                         "Only the device that created the network can invite others into it");
    if (valid < G_USEC_PER_SEC || valid > VALID_MAX)
        return set_error(error, STILE_ERROR_INVALID_ARGUMENT,
                         "An invitation is good for a second at least and a year at most");
    return stile_name_check(name, error) && stile_servers_check(state->servers, error);
}

StileInvitation *
stile_identity_invite(StileClock *clock, StileNetworkState *state, const char *name, gint64 valid,
                      GError **error)
{
    StileInvitation *invitation;
    g_auto(Holdings) holdings = {0};
    g_autofree char *folded = NULL;
    gint64 now = stile_clock_real(clock);
    guint32 host;

    if (!check_invite(state, name, valid, error) || !take_stock(state, now, &holdings, error))
        return NULL;
    folded = fold_name(name);
    if (g_hash_table_contains(holdings.names, folded)) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS,
                    "The name “%s” is taken by a member or by another invitation", name);
        return NULL;
    }
    if ((host = lowest_free(&state->subnet4, holdings.hosts)) == 0 &&
        (host = lowest_free(&state->subnet4, holdings.live_hosts)) == 0) {
        set_error(error, STILE_ERROR_FAILED, "The subnet of the network has no address left");
        return NULL;
    }
    invitation = g_new0(StileInvitation, 1);
    memcpy(invitation->network, state->id, STILE_KEY_SIZE);
    invitation->network_name = g_strdup(state->name);
    memcpy(invitation->network_key, state->network_key, STILE_KEY_SIZE);
    invitation->voucher = issue(state, name, host, now, whole_seconds(now + valid),
                                invitation->voucher_key);
    invitation->servers = stile_servers_copy(state->servers);
    stile_invitation_sign(invitation, state->network_private);
    g_ptr_array_add(state->vouchers, g_bytes_ref(invitation->voucher));
    return invitation;
}

StileNetworkState *
stile_identity_join(StileClock *clock, const StileInvitation *invitation, GError **error)
{
    g_autoptr(StileNetworkState) state = NULL;
    g_auto(StileVoucher) voucher = {0};
    gint64 now = stile_clock_real(clock);
    gsize size;
    const void *data = g_bytes_get_data(invitation->voucher, &size);

    if (!stile_voucher_parse(&voucher, invitation->network, data, size, error))
        return NULL;
    if (now < voucher.not_before || now > voucher.not_after) {
        set_error(error, STILE_ERROR_EXPIRED, "The invitation is not good at this time");
        return NULL;
    }
    state = stile_network_state_new();
    memcpy(state->id, invitation->network, STILE_KEY_SIZE);
    state->name = g_strdup(invitation->network_name);
    memcpy(state->network_key, invitation->network_key, STILE_KEY_SIZE);
    state->subnet4 = stile_prefix_network(&voucher.address4);
    if (stile_address_is_set(&voucher.address6.address))
        state->subnet6 = stile_prefix_network(&voucher.address6);
    stile_servers_free(state->servers);
    state->servers = stile_servers_copy(invitation->servers);
    enrol(state, invitation->voucher, invitation->voucher_key, now);
    return g_steal_pointer(&state);
}

/* The revoked device still has its invitation, and could enrol once more with other keys. */
static void
add_voucher(const StileNetworkState *state, const guint8 device[STILE_KEY_SIZE],
            StileRevocations *revocations)
{
    g_autofree char *id = stile_key_to_string(device);
    GBytes *bytes = g_hash_table_lookup(state->members, id);
    g_auto(StileCertificate) certificate = {0};
    gsize size;
    const void *data;

    if (!bytes || revocations->devices->len == STILE_REVOCATIONS_MAX)
        return;
    data = g_bytes_get_data(bytes, &size);
    if (stile_certificate_parse(&certificate, state->id, data, size, NULL))
        g_array_append_vals(revocations->devices, certificate.voucher.key, 1);
}

static void
sign_revocations(StileNetworkState *state, StileRevocations *revocations)
{
    revocations->serial++;
    g_clear_pointer(&state->revocations, g_bytes_unref);
    state->revocations = stile_revocations_sign(revocations, state->network_private);
}

gboolean
stile_identity_revoke(StileNetworkState *state, const guint8 device[STILE_KEY_SIZE], GError **error)
{
    g_auto(StileRevocations) revocations = {0};
    guint8 own[STILE_KEY_SIZE];

    if (!stile_network_state_is_creator(state))
        return set_error(error, STILE_ERROR_NOT_AUTHORIZED,
                         "Only the device that created the network can take a membership back");
    stile_ed25519_public(state->device_private, own);
    if (stile_memory_equal(own, device, STILE_KEY_SIZE))
        return set_error(error, STILE_ERROR_INVALID_ARGUMENT,
                         "The device that created the network cannot be revoked");
    if (!load_revocations(state, &revocations, error))
        return FALSE;
    if (stile_revocations_contain(&revocations, device))
        return set_error(error, STILE_ERROR_EXISTS, "The membership was taken back before");
    if (!revocations.devices)
        revocations.devices = g_array_new(FALSE, FALSE, STILE_KEY_SIZE);
    if (revocations.devices->len == STILE_REVOCATIONS_MAX)
        return set_error(error, STILE_ERROR_FAILED, "The list of revoked devices is full");
    g_array_append_vals(revocations.devices, device, 1);
    add_voucher(state, device, &revocations);
    sign_revocations(state, &revocations);
    return TRUE;
}

gboolean
stile_identity_retire_vouchers(StileClock *clock, StileNetworkState *state)
{
    gint64 latest = stile_clock_real(clock) - CLOCK_SLACK;
    g_auto(StileRevocations) revocations = {0};
    g_autoptr(GHashTable) used = NULL;
    gboolean changed = FALSE;

    if (!stile_network_state_is_creator(state) || !load_revocations(state, &revocations, NULL))
        return FALSE;
    if (!revocations.devices)
        revocations.devices = g_array_new(FALSE, FALSE, STILE_KEY_SIZE);
    used = used_vouchers(state);
    for (guint i = 1; i < state->vouchers->len; i++) { /* the first is our own */
        g_auto(StileVoucher) voucher = {0};
        g_autofree char *key = NULL;
        gsize size;
        const void *data = g_bytes_get_data(state->vouchers->pdata[i], &size);

        if (!stile_voucher_read(&voucher, data, size, NULL) || voucher.not_after >= latest)
            continue;
        key = stile_key_to_string(voucher.key);
        if (g_hash_table_contains(used, key) ||
            stile_revocations_contain(&revocations, voucher.key) ||
            revocations.devices->len >= RETIRED_MAX)
            continue;
        g_array_append_vals(revocations.devices, voucher.key, 1);
        changed = TRUE;
    }
    if (changed)
        sign_revocations(state, &revocations);
    return changed;
}
