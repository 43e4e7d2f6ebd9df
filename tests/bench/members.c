/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many members of a real network, as its broker shows them: each with keys, a certificate that the
 * network signed, and a retained presence. Nobody is behind them: what they cost is what a peer at
 * rest costs.
 *
 *   members FIRST COUNT STATE-DIR URL here|away
 *       STATE-DIR is that of the service that made the network, and has only this one; members are
 *       numbered from FIRST, which is at least 2: the creator is the first. A number is always the
 *       same member with the same certificate
 */
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "mesh/signal.h"
#include "mesh/store.h"
#include "rendezvous/envelope.h"
#include "rendezvous/mqtt-client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * (gint64)G_USEC_PER_SEC)
/* The last of them comes back to us: then the broker has them all. */
#define DONE "stile-bench/done"

typedef struct {
    GMainLoop *loop;
    StileClock *clock;
    const StileNetworkState *state;
    gint64 founded;
    guint first, count;
    gboolean away;
    StileMqttClient *client;
    int status;
} Crowd;

static StilePrefix
address_of(const StilePrefix *subnet, guint number)
{
    guint8 ip[16];
    gsize size;

    memcpy(ip, stile_address_ip(&subnet->address, &size), sizeof ip);
    ip[size - 2] |= (guint8)(number >> 8);
    ip[size - 1] |= (guint8)number;
    return (StilePrefix){stile_address_from_ip(stile_address_family(&subnet->address), ip, 0),
                         subnet->length};
}

/* Secret to nobody. */
static void
key_of(const char *what, guint number, guint8 ret[STILE_KEY_SIZE])
{
    const StilePart parts[] = {{what, strlen(what)}, {&number, sizeof number}};

    stile_blake2s(parts, G_N_ELEMENTS(parts), ret);
}

static GBytes *
enrol(Crowd *crowd, guint number, const guint8 device[STILE_KEY_SIZE])
{
    guint8 voucher_private[STILE_KEY_SIZE], tunnel_private[STILE_KEY_SIZE], tunnel[STILE_KEY_SIZE];
    g_auto(StileVoucher) voucher = {.name = g_strdup_printf("member-%u", number)};
    g_autoptr(GBytes) signed_voucher = NULL;

    key_of("voucher", number, voucher_private);
    stile_ed25519_public(voucher_private, voucher.key);
    key_of("tunnel", number, tunnel_private);
    stile_x25519_public(tunnel_private, tunnel);
    voucher.address4 = address_of(&crowd->state->subnet4, number);
    voucher.address6 = address_of(&crowd->state->subnet6, number);
    voucher.not_before = crowd->founded;
    voucher.not_after = crowd->founded + HOUR;
    signed_voucher = stile_voucher_sign(&voucher, crowd->state->network_private);
    return stile_certificate_sign(signed_voucher, voucher_private, device, tunnel, crowd->founded);
}

static gboolean
publish(Crowd *crowd, const StileEnvelopes *envelopes, guint number)
{
    guint64 now = (guint64)stile_clock_real(crowd->clock);
    StilePresenceStamp stamp = {.epoch = now, .life = now, .sequence = 1, .gone = crowd->away};
    guint8 private[STILE_KEY_SIZE], random[STILE_XAEAD_NONCE_SIZE];
    g_autoptr(GBytes) certificate = NULL, presence = NULL;
    g_autoptr(GByteArray) sealed = NULL;
    g_autofree char *topic = NULL;
    const guint8 *payload;
    gsize size;
    StileTag tag;

    key_of("device", number, private);
    stile_ed25519_public(private, stamp.device);
    stile_clock_random(crowd->clock, random, sizeof random);
    certificate = enrol(crowd, number, stamp.device);
    presence = stile_presence_write(certificate, NULL, NULL, 0);
    payload = g_bytes_get_data(presence, &size);
    sealed = stile_envelope_seal_presence(envelopes, &stamp, private, random, payload, size);
    stile_topics_tag(&envelopes->topics, stamp.device, &tag);
    topic = stile_topics_make(&envelopes->topics, STILE_TOPIC_PRESENCE, tag.text);
    return stile_mqtt_client_publish(crowd->client, topic, sealed->data, sealed->len, 0, TRUE);
}

static void
end(Crowd *crowd, int status)
{
    crowd->status = status;
    g_main_loop_quit(crowd->loop);
}

static void
on_reached(gpointer user_data)
{
    Crowd *crowd = user_data;
    const StileMqttConnect connect = {.client_id = "stile-bench", .keepalive = 60};

    stile_mqtt_client_connect(crowd->client, &connect);
}

static void
on_opened(gpointer user_data)
{
    Crowd *crowd = user_data;
    const StileMqttFilter filter = {.filter = DONE};

    stile_mqtt_client_subscribe(crowd->client, &filter, 1);
}

static void
on_subscribed(gpointer user_data)
{
    Crowd *crowd = user_data;
    StileEnvelopes envelopes;
    gboolean sent = TRUE;

    stile_envelopes_init(&envelopes, crowd->state->network_key);
    for (guint i = 0; sent && i < crowd->count; i++)
        sent = publish(crowd, &envelopes, crowd->first + i);
    if (!sent || !stile_mqtt_client_publish(crowd->client, DONE, NULL, 0, 0, FALSE))
        end(crowd, 1);
}

static void
on_message(gpointer user_data, const char *topic, const guint8 *payload, gsize size)
{
    end(user_data, 0);
}

static void
on_closed(gpointer user_data, const GError *error)
{
    fprintf(stderr, "members: %s\n", error->message);
    end(user_data, 1);
}

static StileNetworkState *
load(const char *directory, GError **error)
{
    g_autoptr(StileStore) store = stile_store_open(directory, error);
    g_autoptr(GPtrArray) states = NULL;
    StileNetworkState *state = NULL;

    if (!store)
        return NULL;
    states = stile_store_load(store, NULL);
    if (states->len == 1 && stile_network_state_is_creator(states->pdata[0]))
        state = g_ptr_array_steal_index(states, 0);
    else
        g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                            "One network is needed, made there");
    return state;
}

static gboolean
read_certificate(StileCertificate *ret, const StileNetworkState *state, GError **error)
{
    gsize size;
    const void *data = g_bytes_get_data(state->certificate, &size);

    return stile_certificate_read(ret, data, size, error);
}

int
main(int argc, char **argv)
{
    static const StileMqttClientOps ops = {
        .reached = on_reached,
        .opened = on_opened,
        .subscribed = on_subscribed,
        .message = on_message,
        .closed = on_closed,
    };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(StileClock) clock = stile_clock_new(NULL);
    g_autoptr(StileNetworkState) state = NULL;
    g_auto(StileBrokerUrl) url = {0};
    g_autoptr(GError) error = NULL;
    g_auto(StileCertificate) founder = {0};
    Crowd crowd = {.loop = loop, .clock = clock};

    if (argc != 6) {
        fprintf(stderr, "members: FIRST COUNT STATE-DIR URL here|away are needed\n");
        return 2;
    }
    crowd.first = (guint)atoi(argv[1]);
    crowd.count = (guint)atoi(argv[2]);
    crowd.away = strcmp(argv[5], "away") == 0;
    if (!(crowd.state = state = load(argv[3], &error)) ||
        !read_certificate(&founder, state, &error) ||
        !stile_broker_url_parse(&url, argv[4], &error)) {
        fprintf(stderr, "members: %s\n", error->message);
        return 1;
    }
    crowd.founded = founder.enrolled;
    crowd.client = stile_mqtt_client_new(clock, &url, &ops, &crowd);
    g_main_loop_run(loop);
    if (crowd.status == 0)
        stile_mqtt_client_disconnect(crowd.client);
    stile_mqtt_client_free(crowd.client);
    return crowd.status;
}
