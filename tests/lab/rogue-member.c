/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hostile insider for the lab: it has an invitation, so it knows the network's key and its
 * broker, and comes with a certificate that is wrong in one of several ways. It says who it is,
 * then presses everybody it sees: with its presence, with messages that offer candidates, with
 * WireGuard handshakes through the broker and straight to an address. What it says it heard back is
 * what the test looks at: nothing may be addressed to it.
 */
#include "base/error.h"
#include "io/socket.h"
#include "mesh/invitation.h"
#include "mesh/signal.h"
#include "rendezvous/rendezvous.h"
#include "tunnel/tunnel.h"
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SEC  ((gint64)G_USEC_PER_SEC)
#define HOUR (3600 * SEC)

/* What is wrong with the certificate. */
static const char *const ways[] = {
    "forged",   /* the voucher names the network, but the network never signed it */
    "foreign",  /* all is right, for another network */
    "stolen",   /* a member's own, told as ours */
    "unsigned", /* a good voucher, but not its key signed the device's */
    "late",     /* enrolled after the voucher's end */
    "used",     /* a good voucher that somebody else used */
    "garbage",  /* no certificate at all */
    NULL,
};

typedef struct {
    GMainLoop *loop;
    StileClock *clock;
    StileTimer *timer;
    StileInvitation *invitation;
    const char *how;
    StileAddress target; /* whose UDP port to press; unset for none */
    StileAddress here;   /* offered as our candidate */
    guint8 device_private[STILE_KEY_SIZE], device[STILE_KEY_SIZE];
    guint8 tunnel_private[STILE_KEY_SIZE], tunnel_public[STILE_KEY_SIZE];
    GBytes *certificate;
    StileRendezvous *rendezvous;
    StileSocket *socket;
    StileTunnel *tunnel;
    GArray *members; /* of StileMember: those that we press */
} Rogue;

static void say(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    fflush(stdout);
}

/* The certificate */

static GBytes *
own_voucher(Rogue *rogue, gboolean patched, guint8 ret_key[STILE_KEY_SIZE])
{
    guint8 network_private[STILE_KEY_SIZE];
    g_auto(StileVoucher) voucher = {.name = g_strdup("mallory")};
    GBytes *signed_voucher;
    gint64 now = stile_clock_real(rogue->clock);
    guint8 *bytes;
    gsize size;

    stile_ed25519_generate(network_private);
    stile_ed25519_generate(ret_key);
    stile_ed25519_public(ret_key, voucher.key);
    g_assert_true(stile_prefix_parse(&voucher.address4, "10.86.0.66/16", NULL));
    voucher.not_before = now - HOUR;
    voucher.not_after = now + HOUR;
    signed_voucher = stile_voucher_sign(&voucher, network_private);
    if (!patched)
        return signed_voucher;
    bytes = g_bytes_unref_to_data(signed_voucher, &size);
    memcpy(bytes + 2, rogue->invitation->network, STILE_KEY_SIZE); /* kind, version, network */
    return g_bytes_new_take(bytes, size);
}

static GBytes *
make_certificate(Rogue *rogue)
{
    g_autoptr(GBytes) voucher = NULL;
    gint64 enrolled = stile_clock_real(rogue->clock);
    guint8 key[STILE_KEY_SIZE];

    if (strcmp(rogue->how, "garbage") == 0)
        return g_bytes_new_static("let me in", 9);
    if (strcmp(rogue->how, "forged") == 0 || strcmp(rogue->how, "foreign") == 0) {
        voucher = own_voucher(rogue, strcmp(rogue->how, "forged") == 0, key);
    } else {
        voucher = g_bytes_ref(rogue->invitation->voucher);
        memcpy(key, rogue->invitation->voucher_key, STILE_KEY_SIZE);
    }
    if (strcmp(rogue->how, "unsigned") == 0)
        stile_ed25519_generate(key);
    if (strcmp(rogue->how, "late") == 0)
        enrolled += 400 * 24 * HOUR;
    return stile_certificate_sign(voucher, key, rogue->device, rogue->tunnel_public, enrolled);
}

static void
announce(Rogue *rogue)
{
    g_autoptr(GBytes) presence = NULL;
    gsize size;
    const void *data;

    if (!rogue->certificate)
        return;
    presence = stile_presence_write(rogue->certificate, NULL, NULL, 0);
    data = g_bytes_get_data(presence, &size);
    stile_rendezvous_set_presence(rogue->rendezvous, data, size);
}

/* Pressing the members */

static void
offer(Rogue *rogue, const StileMember *member)
{
    StileSignal signal = {
        .kind = STILE_SIGNAL_ICE,
        .ufrag = "mall",
        .password = "aVeryLongPasswordOfMallory",
        .complete = TRUE,
        .n_candidates = 1,
        .candidates = {{.type = STILE_CANDIDATE_HOST, .address = rogue->here}},
    };
    guint8 buffer[STILE_SIGNAL_MAX_SIZE];
    gsize size;

    signal.candidates[0].priority = stile_candidate_priority(STILE_CANDIDATE_HOST, 65535);
    stile_candidate_set_foundation(&signal.candidates[0]);
    size = stile_signal_write(&signal, buffer, sizeof buffer);
    g_assert_cmpuint(size, >, 0);
    stile_rendezvous_send(rogue->rendezvous, member, buffer, size);
}

static void
set_table(Rogue *rogue)
{
    g_autoptr(StileTable) table = stile_table_new();

    for (guint i = 0; i < rogue->members->len; i++) {
        const StileMember *member = &g_array_index(rogue->members, StileMember, i);
        StileTablePeer *peer = stile_table_add(table, member->tunnel, NULL);

        peer->path.kind = STILE_ENDPOINT_CARRIED;
        if (stile_address_is_set(&rogue->target)) {
            peer->second_path.kind = STILE_ENDPOINT_UDP;
            peer->second_path.remote = rogue->target;
        }
    }
    stile_tunnel_set_table(rogue->tunnel, table, stile_clock_now(rogue->clock));
}

static void
on_timer(gpointer user_data)
{
    Rogue *rogue = user_data;
    gint64 now = stile_clock_now(rogue->clock);

    announce(rogue);
    stile_tunnel_tick(rogue->tunnel, now);
    for (guint i = 0; i < rogue->members->len; i++) {
        const StileMember *member = &g_array_index(rogue->members, StileMember, i);

        offer(rogue, member);
        stile_tunnel_handshake(rogue->tunnel, stile_tunnel_find(rogue->tunnel, member->tunnel),
                               now);
    }
    say("pressed %u\n", rogue->members->len);
    stile_timer_set_after(rogue->timer, SEC);
}

static void
on_send(gpointer user_data, StileTunnelPeer *peer, const StileEndpoint *endpoint,
        const guint8 *message, gsize size)
{
    Rogue *rogue = user_data;

    if (endpoint->kind == STILE_ENDPOINT_UDP)
        stile_socket_send(rogue->socket, NULL, &endpoint->remote, message, size);
    for (guint i = 0; endpoint->kind == STILE_ENDPOINT_CARRIED && i < rogue->members->len; i++) {
        const StileMember *member = &g_array_index(rogue->members, StileMember, i);

        if (memcmp(member->tunnel, stile_tunnel_peer_key(peer), STILE_KEY_SIZE) == 0)
            stile_rendezvous_send_packet(rogue->rendezvous, member, message, size);
    }
}

static const StileTunnelOps tunnel_ops = {.send = on_send};

/* What comes */

static void
on_state(gpointer user_data, const char *url, gboolean connected, const char *reason)
{
    say("broker %s\n", reason);
}

static void
on_presence(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
            gsize size)
{
    Rogue *rogue = user_data;
    g_auto(StileCertificate) certificate = {0};
    StilePresence presence;
    StileMember member;

    if (!payload || !stile_presence_parse(&presence, payload, size, NULL) ||
        !stile_certificate_parse(&certificate, rogue->invitation->network, presence.certificate,
                                 presence.certificate_size, NULL))
        return;
    memcpy(member.device, certificate.device, STILE_KEY_SIZE);
    memcpy(member.tunnel, certificate.tunnel, STILE_KEY_SIZE);
    for (guint i = 0; i < rogue->members->len; i++)
        if (memcmp(&g_array_index(rogue->members, StileMember, i), &member, sizeof member) == 0)
            return;
    g_array_append_val(rogue->members, member);
    stile_rendezvous_add_member(rogue->rendezvous, &member);
    set_table(rogue);
    say("member %s\n", certificate.voucher.name);
    if (strcmp(rogue->how, "stolen") == 0 && !rogue->certificate) {
        rogue->certificate = g_bytes_new(presence.certificate, presence.certificate_size);
        announce(rogue);
    }
}

static void
on_roster_complete(gpointer user_data, const char *url)
{
}

static void
on_message(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size)
{
    say("heard a message\n");
}

static void
on_packet(gpointer user_data, const guint8 *data, gsize size)
{
    say("heard a packet\n");
}

static const StileRendezvousOps rendezvous_ops = {
    .state = on_state,
    .presence = on_presence,
    .roster_complete = on_roster_complete,
    .message = on_message,
    .packet = on_packet,
};

/* Beginning and end */

static gboolean
on_signal(gpointer user_data)
{
    g_main_loop_quit(user_data);
    return G_SOURCE_REMOVE;
}

static gboolean
rogue_init(Rogue *rogue, const char *file, const char *target, const char *here, GError **error)
{
    g_autofree char *text = NULL;
    gsize size;

    rogue->clock = stile_clock_new(NULL);
    if (!g_file_get_contents(file, &text, &size, error) ||
        !(rogue->invitation = stile_invitation_parse(text, size, stile_clock_real(rogue->clock),
                                                     error)) ||
        (target && !stile_address_parse(&rogue->target, target, 0, error)) ||
        !(rogue->socket = stile_socket_new(AF_INET, 0, error)) ||
        !stile_address_parse(&rogue->here, here, stile_socket_port(rogue->socket), error))
        return FALSE;
    stile_ed25519_generate(rogue->device_private);
    stile_ed25519_public(rogue->device_private, rogue->device);
    stile_x25519_generate(rogue->tunnel_private);
    stile_x25519_public(rogue->tunnel_private, rogue->tunnel_public);
    rogue->members = g_array_new(FALSE, TRUE, sizeof(StileMember));
    rogue->timer = stile_timer_new(rogue->clock, on_timer, rogue);
    rogue->tunnel = stile_tunnel_new(rogue->clock, rogue->tunnel_private, &tunnel_ops, rogue);
    rogue->rendezvous = stile_rendezvous_new(rogue->clock, rogue->invitation->network_key,
                                             rogue->device_private, rogue->tunnel_private,
                                             &rendezvous_ops, rogue);
    return stile_rendezvous_add_server(rogue->rendezvous, rogue->invitation->servers->rendezvous[0],
                                       error);
}

static void
rogue_clear(Rogue *rogue)
{
    g_clear_pointer(&rogue->rendezvous, stile_rendezvous_free);
    g_clear_pointer(&rogue->tunnel, stile_tunnel_free);
    g_clear_pointer(&rogue->timer, stile_timer_free);
    g_clear_pointer(&rogue->socket, stile_socket_unref);
    g_clear_pointer(&rogue->members, g_array_unref);
    g_clear_pointer(&rogue->certificate, g_bytes_unref);
    g_clear_pointer(&rogue->invitation, stile_invitation_free);
    g_clear_pointer(&rogue->clock, stile_clock_unref);
}

static void
press(Rogue *rogue)
{
    g_autofree char *id = stile_key_to_string(rogue->device);

    say("device %s\n", id);
    if (strcmp(rogue->how, "stolen") != 0)
        rogue->certificate = make_certificate(rogue);
    stile_timer_set_after(rogue->timer, SEC);
    g_main_loop_run(rogue->loop);
}

int
main(int argc, char **argv)
{
    g_autofree char *how = NULL, *file = NULL, *target = NULL, *here = NULL;
    const GOptionEntry options[] = {
        {"how", 0, 0, G_OPTION_ARG_STRING, &how, "What is wrong with the certificate", "WORD"},
        {"invitation", 0, 0, G_OPTION_ARG_FILENAME, &file, "One of the network", "FILE"},
        {"target", 0, 0, G_OPTION_ARG_STRING, &target, "A member's UDP port", "IP:PORT"},
        {"here", 0, 0, G_OPTION_ARG_STRING, &here, "Our own address", "IP"},
        G_OPTION_ENTRY_NULL};
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Rogue rogue = {.loop = loop};
    gboolean begun;

    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !file || !here || !how ||
        !g_strv_contains(ways, how)) {
        g_printerr("rogue-member: %s\n",
                   error ? error->message : "--how, --invitation and --here are needed");
        return 2;
    }
    rogue.how = how;
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    begun = rogue_init(&rogue, file, target, here, &error);
    if (begun)
        press(&rogue);
    else
        g_printerr("rogue-member: %s\n", error->message);
    rogue_clear(&rogue);
    return begun ? 0 : 1;
}
