/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network comes to be, invites, is joined, takes memberships back: who may do what, which names
 * and addresses go to whom, and that keys and certificates of both sides belong together. */
#include "base/error.h"
#include "mesh/identity.h"
#include <string.h>

#define NOW  G_GINT64_CONSTANT(1800000000000000)
#define HOUR (3600 * (gint64)G_USEC_PER_SEC)
#define DAY  (24 * HOUR)

static StileClock *
make_clock(void)
{
    StileClock *clock = stile_clock_new_virtual(0, 1);

    stile_clock_set_real(clock, NOW);
    return clock;
}

static StileNetworkState *
create(StileClock *clock, const char *subnet, GError **error)
{
    g_autoptr(StileServers) servers = stile_servers_new();
    StilePrefix prefix;

    g_assert_true(stile_prefix_parse(&prefix, subnet, NULL));
    return stile_identity_create(clock, "home", "desktop", &prefix, servers, error);
}

static void
parse_own(const StileNetworkState *state, StileCertificate *ret)
{
    g_autoptr(GError) error = NULL;
    guint8 device[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE];
    gsize size;
    const void *data = g_bytes_get_data(state->certificate, &size);

    g_assert_true(stile_certificate_parse(ret, state->id, data, size, &error));
    g_assert_no_error(error);
    stile_ed25519_public(state->device_private, device);
    stile_x25519_public(state->tunnel_private, tunnel);
    g_assert_cmpmem(ret->device, STILE_KEY_SIZE, device, STILE_KEY_SIZE);
    g_assert_cmpmem(ret->tunnel, STILE_KEY_SIZE, tunnel, STILE_KEY_SIZE);
}

static void
assert_address(const StilePrefix *prefix, const char *expected)
{
    g_autofree char *text = stile_prefix_to_string(prefix);

    g_assert_cmpstr(text, ==, expected);
}

/* Invites, joins, and lets the creator know the new member. */
static StileNetworkState *
add_member(StileClock *clock, StileNetworkState *creator, const char *name,
           const char *expected_address)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(StileInvitation)
        invitation = stile_identity_invite(clock, creator, name, DAY, &error);
    g_auto(StileCertificate) certificate = {0};
    StileNetworkState *state;

    g_assert_no_error(error);
    state = stile_identity_join(clock, invitation, &error);
    g_assert_no_error(error);
    parse_own(state, &certificate);
    g_assert_cmpstr(certificate.voucher.name, ==, name);
    assert_address(&certificate.voucher.address4, expected_address);
    g_hash_table_insert(creator->members, stile_key_to_string(certificate.device),
                        g_bytes_ref(state->certificate));
    return state;
}

static void
take_back(StileNetworkState *creator, StileNetworkState *member)
{
    guint8 device[STILE_KEY_SIZE];

    stile_ed25519_public(member->device_private, device);
    g_assert_true(stile_identity_revoke(creator, device, NULL));
}

static void
test_create(void)
{
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(GError) error = NULL;
    g_autoptr(StileNetworkState) state = create(clock, "10.86.7.9/16", &error);
    g_autoptr(StileNetworkState) other = create(clock, "10.86.0.0/16", NULL);
    g_auto(StileCertificate) certificate = {0};
    guint8 id[STILE_KEY_SIZE];
    g_autofree char *subnet6 = NULL;
    g_autofree char *address6 = NULL;

    g_assert_no_error(error);
    g_assert_cmpstr(state->name, ==, "home");
    g_assert_true(stile_network_state_is_creator(state));
    stile_ed25519_public(state->network_private, id);
    g_assert_cmpmem(state->id, STILE_KEY_SIZE, id, STILE_KEY_SIZE);
    assert_address(&state->subnet4, "10.86.0.0/16");
    parse_own(state, &certificate);
    g_assert_cmpstr(certificate.voucher.name, ==, "desktop");
    g_assert_cmpint(certificate.enrolled, ==, NOW);
    assert_address(&certificate.voucher.address4, "10.86.0.1/16");

    /* fdXX:XXXX:XXXX::/64, and ::1 in it; another network, another prefix */
    g_assert_cmpuint(state->subnet6.length, ==, 64);
    subnet6 = stile_address_ip_to_string(&state->subnet6.address);
    g_assert_true(g_str_has_prefix(subnet6, "fd"));
    g_assert_true(g_str_has_suffix(subnet6, "::"));
    g_assert_cmpint(stile_address_scope(&state->subnet6.address), ==, STILE_ADDRESS_PRIVATE);
    address6 = stile_prefix_to_string(&certificate.voucher.address6);
    g_assert_true(g_str_has_prefix(address6, subnet6));
    g_assert_true(g_str_has_suffix(address6, "::1/64"));
    g_assert_false(stile_prefix_equal(&state->subnet6, &other->subnet6));
    g_assert_false(stile_memory_equal(state->id, other->id, STILE_KEY_SIZE));
    g_assert_false(stile_memory_equal(state->network_key, other->network_key, STILE_KEY_SIZE));
}

static void
test_create_refused(void)
{
    static const char *const subnets[] = {
        "10.0.0.0/7",  "10.86.0.0/31", "10.86.0.1/32",   "127.0.0.0/8",
        "224.0.0.0/8", "0.0.0.0/8",    "169.254.0.0/16", "fd00::/64",
    };
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileServers) servers = stile_servers_new();
    StilePrefix subnet;

    for (gsize i = 0; i < G_N_ELEMENTS(subnets); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(create(clock, subnets[i], &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
    }
    g_assert_true(stile_prefix_parse(&subnet, "10.86.0.0/16", NULL));
    g_assert_null(stile_identity_create(clock, "", "desktop", &subnet, servers, NULL));
    g_assert_null(stile_identity_create(clock, "home", "a b", &subnet, servers, NULL));
    g_ptr_array_add(servers->turn, stile_turn_server_new("turn:a", "b", NULL));
    g_assert_null(stile_identity_create(clock, "home", "desktop", &subnet, servers, NULL));
}

static void
test_join(void)
{
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileInvitation) invitation = NULL;
    g_autoptr(StileNetworkState) first = NULL;
    g_autoptr(StileNetworkState) again = NULL;
    g_auto(StileCertificate) one = {0};
    g_auto(StileCertificate) two = {0};

    g_strfreev(creator->servers->stun);
    creator->servers->stun = g_strsplit("192.0.2.1:3478", " ", -1);
    invitation = stile_identity_invite(clock, creator, "laptop", DAY, NULL);
    g_assert_cmpuint(creator->vouchers->len, ==, 2);
    first = stile_identity_join(clock, invitation, NULL);
    g_assert_false(stile_network_state_is_creator(first));
    g_assert_cmpstr(first->name, ==, "home");
    g_assert_cmpmem(first->id, STILE_KEY_SIZE, creator->id, STILE_KEY_SIZE);
    g_assert_cmpmem(first->network_key, STILE_KEY_SIZE, creator->network_key, STILE_KEY_SIZE);
    g_assert_cmpstrv(first->servers->stun, creator->servers->stun);
    g_assert_true(stile_prefix_equal(&first->subnet4, &creator->subnet4));
    g_assert_true(stile_prefix_equal(&first->subnet6, &creator->subnet6));
    g_assert_cmpuint(first->vouchers->len, ==, 0);

    /* Used twice: other keys, by which members know the second from the first, one voucher. */
    again = stile_identity_join(clock, invitation, NULL);
    parse_own(first, &one);
    parse_own(again, &two);
    g_assert_cmpmem(one.voucher.key, STILE_KEY_SIZE, two.voucher.key, STILE_KEY_SIZE);
    g_assert_false(stile_memory_equal(one.device, two.device, STILE_KEY_SIZE));
    g_assert_false(stile_memory_equal(one.tunnel, two.tunnel, STILE_KEY_SIZE));
}

static void
test_join_refused(void)
{
    const gint64 times[] = {NOW - HOUR - 1, NOW + DAY + 1};
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileNetworkState) other = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileInvitation)
        invitation = stile_identity_invite(clock, creator, "laptop", DAY, NULL);
    g_autoptr(GError) foreign = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autoptr(GError) error = NULL;

        stile_clock_set_real(clock, times[i]);
        g_assert_null(stile_identity_join(clock, invitation, &error));
        g_assert_error(error, STILE_ERROR, STILE_ERROR_EXPIRED);
    }
    stile_clock_set_real(clock, NOW);
    memcpy(invitation->network, other->id, STILE_KEY_SIZE);
    g_assert_null(stile_identity_join(clock, invitation, &foreign));
    g_assert_error(foreign, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
}

static void
test_invite_refused(void)
{
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileNetworkState) member = add_member(clock, creator, "laptop", "10.86.0.2/16");
    const struct {
        StileNetworkState *state;
        const char *name;
        gint64 valid;
        StileError code;
    } cases[] = {
        {member, "phone", DAY, STILE_ERROR_NOT_AUTHORIZED},
        {creator, "laptop", DAY, STILE_ERROR_EXISTS},
        {creator, "LAPTOP", DAY, STILE_ERROR_EXISTS},
        {creator, "desktop", DAY, STILE_ERROR_EXISTS},
        {creator, "a b", DAY, STILE_ERROR_INVALID_ARGUMENT},
        {creator, "phone", 0, STILE_ERROR_INVALID_ARGUMENT},
        {creator, "phone", -DAY, STILE_ERROR_INVALID_ARGUMENT},
        {creator, "phone", 367 * DAY, STILE_ERROR_INVALID_ARGUMENT},
        {creator, "phone", G_MAXINT64, STILE_ERROR_INVALID_ARGUMENT},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint before = cases[i].state->vouchers->len;

        g_assert_null(
            stile_identity_invite(clock, cases[i].state, cases[i].name, cases[i].valid, &error));
        g_assert_error(error, STILE_ERROR, (int)cases[i].code);
        g_assert_cmpuint(cases[i].state->vouchers->len, ==, before);
    }
}

static void
test_names_return(void)
{
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileNetworkState) lost = add_member(clock, creator, "laptop", "10.86.0.2/16");
    g_autoptr(StileNetworkState) tablet = add_member(clock, creator, "tablet", "10.86.0.3/16");
    g_autoptr(StileInvitation) unused = stile_identity_invite(clock, creator, "phone", DAY, NULL);
    g_autoptr(StileNetworkState) found = NULL;
    g_autoptr(StileNetworkState) phone = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(unused);
    g_assert_nonnull(tablet);
    take_back(creator, lost);
    found = add_member(clock, creator, "laptop", "10.86.0.5/16");

    g_assert_null(stile_identity_invite(clock, creator, "phone", DAY, NULL));
    stile_clock_set_real(clock, NOW + 2 * DAY);
    phone = add_member(clock, creator, "phone", "10.86.0.6/16");
    /* A member stays, however old its invitation. */
    g_assert_null(stile_identity_invite(clock, creator, "tablet", DAY, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
    g_clear_error(&error);
    g_assert_null(stile_identity_invite(clock, creator, "desktop", DAY, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
}

/* 10.86.0.0/29 has six addresses. */
static void
test_full_subnet(void)
{
    static const char *const names[] = {"b", "c", "d", "e", "f"};
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.8/29", NULL);
    g_autoptr(GPtrArray)
        members = g_ptr_array_new_with_free_func((GDestroyNotify)stile_network_state_free);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *address = g_strdup_printf("10.86.0.%u/29", 10 + i);

        g_ptr_array_add(members, add_member(clock, creator, names[i], address));
    }
    g_assert_null(stile_identity_invite(clock, creator, "g", DAY, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    take_back(creator, members->pdata[2]);
    g_ptr_array_add(members, add_member(clock, creator, "g", "10.86.0.12/29"));
    g_assert_null(stile_identity_invite(clock, creator, "h", DAY, NULL));
}

static void
test_revoke(void)
{
    g_autoptr(StileClock) clock = make_clock();
    g_autoptr(StileNetworkState) creator = create(clock, "10.86.0.0/16", NULL);
    g_autoptr(StileNetworkState) member = add_member(clock, creator, "laptop", "10.86.0.2/16");
    guint8 own[STILE_KEY_SIZE], device[STILE_KEY_SIZE];

    stile_ed25519_public(creator->device_private, own);
    for (guint serial = 1; serial <= 3; serial++) {
        g_auto(StileRevocations) list = {0};
        g_autoptr(GError) error = NULL;

        stile_clock_random(clock, device, sizeof device);
        g_assert_true(stile_identity_revoke(creator, device, &error));
        g_assert_no_error(error);
        g_assert_true(stile_revocations_parse(&list, creator->id,
                                              g_bytes_get_data(creator->revocations, NULL),
                                              g_bytes_get_size(creator->revocations), &error));
        g_assert_no_error(error);
        g_assert_cmpuint(list.serial, ==, serial);
        g_assert_cmpuint(list.devices->len, ==, serial);
        g_assert_true(stile_revocations_contain(&list, device));
    }
    {
        g_autoptr(GError) again = NULL;
        g_autoptr(GError) self = NULL;
        g_autoptr(GError) powerless = NULL;

        g_assert_false(stile_identity_revoke(creator, device, &again));
        g_assert_error(again, STILE_ERROR, STILE_ERROR_EXISTS);
        g_assert_false(stile_identity_revoke(creator, own, &self));
        g_assert_error(self, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
        g_assert_false(stile_identity_revoke(member, own, &powerless));
        g_assert_error(powerless, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
        g_assert_null(member->revocations);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/identity/create", test_create);
    g_test_add_func("/identity/create-refused", test_create_refused);
    g_test_add_func("/identity/join", test_join);
    g_test_add_func("/identity/join-refused", test_join_refused);
    g_test_add_func("/identity/invite-refused", test_invite_refused);
    g_test_add_func("/identity/names-return", test_names_return);
    g_test_add_func("/identity/full-subnet", test_full_subnet);
    g_test_add_func("/identity/revoke", test_revoke);
    return g_test_run();
}
