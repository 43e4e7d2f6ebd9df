/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is accepted as a member: a right chain for the device that sent it, a voucher once, a name
 * and an address once, nobody who is revoked, nobody through a revoked member's invitation. */
#include "base/error.h"
#include "mesh/identity.h"
#include "mesh/roster.h"
#include <string.h>

#define HOUR ((gint64)3600 * 1000000)

typedef struct {
    StileClock *clock;
    StileNetworkState *home; /* the creator's */
    StileRoster *roster;
} Fixture;

static StileNetworkState *
create(StileClock *clock, const char *name)
{
    g_autoptr(StileServers) servers = stile_servers_new();
    g_autoptr(GError) error = NULL;
    StileNetworkState *state;
    StilePrefix subnet;

    g_assert_true(stile_prefix_parse(&subnet, "10.86.0.0/16", NULL));
    state = stile_identity_create(clock, name, "desk", &subnet, servers, &error);
    g_assert_no_error(error);
    return state;
}

static void
set_up(Fixture *fixture, gconstpointer data)
{
    fixture->clock = stile_clock_new_virtual(HOUR, 1);
    stile_clock_set_real(fixture->clock, 1000 * HOUR);
    fixture->home = create(fixture->clock, "home");
    fixture->roster = stile_roster_new(fixture->home);
}

static void
tear_down(Fixture *fixture, gconstpointer data)
{
    stile_roster_free(fixture->roster);
    stile_network_state_free(fixture->home);
    stile_clock_unref(fixture->clock);
}

static StileInvitation *
invite(Fixture *fixture, const char *name)
{
    g_autoptr(GError) error = NULL;
    StileInvitation *invitation = stile_identity_invite(fixture->clock, fixture->home, name, HOUR,
                                                        &error);

    g_assert_no_error(error);
    return invitation;
}

static StileNetworkState *
join(Fixture *fixture, const StileInvitation *invitation)
{
    g_autoptr(GError) error = NULL;
    StileNetworkState *state = stile_identity_join(fixture->clock, invitation, &error);

    g_assert_no_error(error);
    return state;
}

static void
device_of(const StileNetworkState *state, guint8 device[STILE_KEY_SIZE])
{
    stile_ed25519_public(state->device_private, device);
}

static const StileCertificate *
accept_from(Fixture *fixture, const StileNetworkState *member, const guint8 *device,
            gboolean *changed, GError **error)
{
    gsize size;
    const void *data = g_bytes_get_data(member->certificate, &size);

    return stile_roster_accept(fixture->roster, device, data, size, changed, error);
}

static const StileCertificate *
accept_member(Fixture *fixture, const StileNetworkState *member, gboolean *changed, GError **error)
{
    guint8 device[STILE_KEY_SIZE];

    device_of(member, device);
    return accept_from(fixture, member, device, changed, error);
}

static void
test_accept(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileInvitation) invitation = invite(fixture, "laptop");
    g_autoptr(StileNetworkState) laptop = join(fixture, invitation);
    g_autoptr(StileRoster) again = NULL;
    g_autoptr(GPtrArray) members = NULL;
    const StileCertificate *member;
    gboolean changed;

    member = accept_member(fixture, laptop, &changed, NULL);
    g_assert_nonnull(member);
    g_assert_true(changed);
    g_assert_cmpstr(member->voucher.name, ==, "laptop");
    g_assert_true(accept_member(fixture, laptop, &changed, NULL) == member);
    g_assert_false(changed);
    /* What is remembered is enough to know the member after a restart. */
    again = stile_roster_new(fixture->home);
    members = stile_roster_members(again);
    g_assert_cmpuint(members->len, ==, 1);
    g_assert_cmpstr(stile_roster_self(again)->voucher.name, ==, "desk");
}

static void
test_other_network(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileNetworkState) other = create(fixture->clock, "other");
    g_autoptr(GError) error = NULL;
    gboolean changed;

    g_assert_null(accept_member(fixture, other, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
    g_assert_false(changed);
    g_assert_cmpuint(g_hash_table_size(fixture->home->members), ==, 0);
}

static void
test_other_keys(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileInvitation) invitation = invite(fixture, "laptop");
    g_autoptr(StileNetworkState) laptop = join(fixture, invitation);
    g_autoptr(GError) error = NULL;
    guint8 private_key[STILE_KEY_SIZE], thief[STILE_KEY_SIZE];
    gboolean changed;

    stile_ed25519_generate(private_key);
    stile_ed25519_public(private_key, thief);
    g_assert_null(accept_from(fixture, laptop, thief, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_NOT_AUTHORIZED);
}

static void
test_voucher_once(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileInvitation) invitation = invite(fixture, "laptop");
    g_autoptr(StileNetworkState) first = join(fixture, invitation);
    g_autoptr(StileNetworkState) second = join(fixture, invitation);
    g_autoptr(GError) error = NULL;
    gboolean changed;

    g_assert_nonnull(accept_member(fixture, first, &changed, NULL));
    g_assert_null(accept_member(fixture, second, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
    g_assert_false(changed);
    g_assert_nonnull(accept_member(fixture, first, &changed, NULL));
}

static void
test_revoked(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileInvitation) invitation = invite(fixture, "laptop");
    g_autoptr(StileNetworkState) laptop = join(fixture, invitation);
    g_autoptr(StileNetworkState) again = join(fixture, invitation);
    g_autoptr(GBytes) list = NULL;
    g_autoptr(GError) error = NULL;
    guint8 device[STILE_KEY_SIZE];
    gboolean changed;
    gsize size;
    const void *bytes;

    device_of(laptop, device);
    g_assert_nonnull(accept_member(fixture, laptop, &changed, NULL));
    g_assert_true(stile_identity_revoke(fixture->home, device, &error));
    g_assert_no_error(error);
    list = g_bytes_ref(fixture->home->revocations);
    bytes = g_bytes_get_data(list, &size);
    g_assert_true(stile_roster_update_revocations(fixture->roster, bytes, size));
    g_assert_false(stile_roster_update_revocations(fixture->roster, bytes, size));
    g_assert_null(stile_roster_find(fixture->roster, device));
    g_assert_null(accept_member(fixture, laptop, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_REVOKED);
    g_clear_error(&error);
    /* The same invitation must not be the way back in. */
    g_assert_null(accept_member(fixture, again, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_REVOKED);
}

static void
test_late(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileInvitation) used = invite(fixture, "laptop"), unused = invite(fixture, "phone");
    g_autoptr(StileNetworkState) laptop = join(fixture, used);
    g_autoptr(StileNetworkState) late = join(fixture, unused); /* its date says: in time */
    g_autoptr(GError) error = NULL;
    gboolean changed;

    g_assert_nonnull(accept_member(fixture, laptop, &changed, NULL));
    g_assert_false(stile_identity_retire_vouchers(fixture->clock, fixture->home));
    stile_clock_advance(fixture->clock, 3 * HOUR);
    g_assert_true(stile_identity_retire_vouchers(fixture->clock, fixture->home));
    g_assert_false(stile_identity_retire_vouchers(fixture->clock, fixture->home));
    stile_roster_load_revocations(fixture->roster);
    g_assert_null(accept_member(fixture, late, &changed, &error));
    g_assert_error(error, STILE_ERROR, STILE_ERROR_REVOKED);
    g_assert_nonnull(accept_member(fixture, laptop, &changed, NULL));
    /* Only the creator can. */
    g_assert_false(stile_identity_retire_vouchers(fixture->clock, laptop));
}

static void
test_forged_revocations(Fixture *fixture, gconstpointer data)
{
    g_autoptr(StileNetworkState) other = create(fixture->clock, "other");
    g_autoptr(GBytes) list = NULL;
    StileRevocations revocations = {.serial = 99};
    gsize size;
    const void *bytes;

    revocations.devices = g_array_new(FALSE, FALSE, STILE_KEY_SIZE);
    list = stile_revocations_sign(&revocations, other->network_private);
    stile_revocations_clear(&revocations);
    bytes = g_bytes_get_data(list, &size);
    g_assert_false(stile_roster_update_revocations(fixture->roster, bytes, size));
    g_assert_null(fixture->home->revocations);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/roster/accept", test_accept);
    ADD("/roster/other-network", test_other_network);
    ADD("/roster/other-keys", test_other_keys);
    ADD("/roster/voucher-once", test_voucher_once);
    ADD("/roster/revoked", test_revoked);
    ADD("/roster/late", test_late);
    ADD("/roster/forged-revocations", test_forged_revocations);
    return g_test_run();
}
