/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/rendezvous.h"

#include "crypto/aead.h"
#include "rendezvous/attendance.h"
#include "rendezvous/broker.h"
#include "rendezvous/envelope.h"
#include "rendezvous/freshness.h"
#include "rendezvous/lan.h"
#include "rendezvous/url.h"
#include <string.h>

#define UNSENT_LIMIT (64 * 1024)
/* After a broker has lost its memory every member is back within its longest pause. */
#define SETTLE_AFTER (75 * G_USEC_PER_SEC)
/* Somebody else writes to our presence topic: do not race with it. */
#define MEND_AFTER (1 * G_USEC_PER_SEC)
/* The local network is the first of the servers in what attendance.h keeps. */
#define LAN_INDEX 0

typedef struct {
    StileRendezvous *rendezvous;
    guint index; /* in the attendance */
    StileBroker *broker;
    guint64 epoch; /* of this connection */
    gboolean has_will;
    guint64 published; /* the sequence of our presence there; 0: none */
    StileTimer *mend;
    StileTimer *settle;
} Server;

/* A sender of messages. Stays when the member goes, so that its old messages stay out if it comes
 * again. */
typedef struct {
    StileMember member;
    gboolean is_member;
    StileFreshness freshness;
} Sender;

struct _StileRendezvous {
    guint refs; /* the owner's, and one while callbacks run one after another */
    gboolean freed;
    StileClock *clock;
    guint8 network_key[STILE_KEY_SIZE];
    guint8 device_key[STILE_KEY_SIZE];
    guint8 tunnel_key[STILE_KEY_SIZE];
    guint8 device[STILE_KEY_SIZE];
    StileEnvelopes envelopes;
    StileTag self;
    const StileRendezvousOps *ops;
    gpointer user_data;

    GPtrArray *servers;
    StileLan *lan;        /* NULL: not looked for */
    guint64 lan_arrivals; /* stands for the epoch there: what comes is new */
    StileAttendance *attendance;
    GHashTable *senders; /* by tunnel key, of Sender */
    GHashTable *erased;  /* device keys */

    guint64 latest_epoch; /* given out or seen as ours */
    guint64 life;
    guint64 sequence; /* of our presence */
    guint64 counter;  /* of our messages */
    GBytes *presence; /* the last one; NULL: none yet */
    gboolean present; /* or only listening */
};

static guint64
next_epoch(StileRendezvous *rendezvous)
{
    guint64 real = (guint64)MAX(stile_clock_real(rendezvous->clock), 1);

    rendezvous->latest_epoch = MAX(real, rendezvous->latest_epoch + 1);
    return rendezvous->latest_epoch;
}

static void
unref(StileRendezvous *rendezvous)
{
    if (--rendezvous->refs > 0)
        return;
    stile_clock_unref(rendezvous->clock);
    g_free(rendezvous);
}

/*
 * Our presence
 */
static GByteArray *
seal_presence(StileRendezvous *rendezvous, const StileEnvelopes *envelopes, guint64 epoch,
              guint64 sequence, gboolean gone)
{
    StilePresenceStamp presence = {
        .epoch = epoch,
        .life = rendezvous->life,
        .sequence = sequence,
        .gone = gone,
    };
    gsize size;
    const guint8 *payload = g_bytes_get_data(rendezvous->presence, &size);
    guint8 random[STILE_XAEAD_NONCE_SIZE];

    memcpy(presence.device, rendezvous->device, STILE_KEY_SIZE);
    stile_clock_random(rendezvous->clock, random, sizeof random);
    return stile_envelope_seal_presence(envelopes, &presence, rendezvous->device_key, random,
                                        payload, size);
}

static void
publish(Server *server)
{
    StileRendezvous *rendezvous = server->rendezvous;
    g_autoptr(GByteArray) sealed = seal_presence(rendezvous, &rendezvous->envelopes, server->epoch,
                                                 rendezvous->sequence, !rendezvous->present);

    if (stile_broker_publish(server->broker, STILE_TOPIC_PRESENCE, &rendezvous->self, sealed->data,
                             sealed->len, 1, TRUE))
        server->published = rendezvous->sequence;
}

static void
publish_presence(Server *server)
{
    StileRendezvous *rendezvous = server->rendezvous;

    if (!stile_broker_is_open(server->broker))
        return;
    if (!rendezvous->present && !server->published)
        return;
    if (rendezvous->present && !server->has_will) {
        /* A presence without a will would outlive us. */
        stile_broker_begin_again(server->broker, FALSE);
        return;
    }
    publish(server);
}

static void
on_mend(gpointer user_data)
{
    publish_presence(user_data);
}

static void
mend_soon(Server *server)
{
    if (server->published && !stile_timer_is_set(server->mend))
        stile_timer_set_after(server->mend, MEND_AFTER);
}

/* A presence of ours from the future: our clock was ahead then, or is behind now. What we publish
 * would be old to everybody, so everything of ours begins anew, later than that. */
static void
begin_later(StileRendezvous *rendezvous, const StilePresenceStamp *seen)
{
    rendezvous->latest_epoch = MAX(rendezvous->latest_epoch,
                                   MIN(MAX(seen->epoch, seen->life), G_MAXUINT64 - G_MAXUINT32));
    rendezvous->life = next_epoch(rendezvous);
    for (guint i = 0; i < rendezvous->servers->len; i++) {
        Server *server = rendezvous->servers->pdata[i];

        if (stile_broker_is_open(server->broker))
            stile_broker_begin_again(server->broker, TRUE);
    }
}

/* We hear our own presence topic, too: a last will of an earlier connection may come late, and
 * anybody who may publish may overwrite what is retained there. */
static void
take_own_presence(Server *server, const guint8 *data, gsize size)
{
    StileRendezvous *rendezvous = server->rendezvous;
    g_auto(StileOpened) opened = {0};
    StilePresenceStamp presence;

    if (!stile_envelope_open_presence(&rendezvous->envelopes, &rendezvous->self, data, size,
                                      &presence, &opened, NULL)) {
        mend_soon(server);
        return;
    }
    if (presence.life == rendezvous->life && presence.epoch == server->epoch &&
        presence.sequence == server->published) {
        stile_timer_stop(server->mend);
        return;
    }
    if (presence.life != rendezvous->life &&
        (presence.life > rendezvous->life || presence.epoch > server->epoch))
        begin_later(rendezvous, &presence);
    else
        mend_soon(server);
}

/*
 * What comes
 */
static gboolean
is_carried_by(Server *server, const guint8 device[STILE_KEY_SIZE], guint64 *ret_life)
{
    return stile_broker_is_connected(server->broker) &&
           stile_attendance_is_at(server->rendezvous->attendance, device, server->index, ret_life);
}

static Server *
find_carrier(StileRendezvous *rendezvous, const guint8 device[STILE_KEY_SIZE], guint64 *ret_life)
{
    for (guint i = 0; i < rendezvous->servers->len; i++)
        if (is_carried_by(rendezvous->servers->pdata[i], device, ret_life))
            return rendezvous->servers->pdata[i];
    return NULL;
}

static void
take_news(StileRendezvous *rendezvous, guint index, const StilePresenceStamp *presence,
          const StileOpened *opened)
{
    gboolean carried = stile_rendezvous_carries(rendezvous, presence->device);

    switch (stile_attendance_update(rendezvous->attendance, index, presence)) {
    case STILE_NEWS_PRESENT:
        rendezvous->ops->presence(rendezvous->user_data, presence->device, opened->payload,
                                  opened->size);
        break;
    case STILE_NEWS_GONE:
        rendezvous->ops->presence(rendezvous->user_data, presence->device, NULL, 0);
        break;
    case STILE_NEWS_ABSENT:
        if (rendezvous->ops->absent && opened)
            rendezvous->ops->absent(rendezvous->user_data, presence->device, opened->payload,
                                    opened->size);
        break;
    case STILE_NEWS_OLD:
        if (rendezvous->ops->carries &&
            carried != stile_rendezvous_carries(rendezvous, presence->device))
            rendezvous->ops->carries(rendezvous->user_data, presence->device);
        break;
    }
}

static void
take_presence(Server *server, const StileTag *tag, const guint8 *data, gsize size)
{
    StileRendezvous *rendezvous = server->rendezvous;
    g_auto(StileOpened) opened = {0};
    g_autoptr(GError) error = NULL;
    StilePresenceStamp presence;

    /* Nothing retained any more: erased. By whom, it does not say, so it means nothing to us. */
    if (size == 0)
        return;
    if (!stile_envelope_open_presence(&rendezvous->envelopes, tag, data, size, &presence, &opened,
                                      &error)) {
        g_debug("rendezvous: %s", error->message);
        return;
    }
    take_news(rendezvous, server->index, &presence, &opened);
}

static void
take_message(StileRendezvous *rendezvous, const guint8 *data, gsize size)
{
    g_auto(StileOpened) opened = {0};
    g_autoptr(GError) error = NULL;
    StileMessageStamp message;
    StileMember from;
    Sender *sender;

    if (!stile_envelope_open_message(&rendezvous->envelopes, &rendezvous->self,
                                     rendezvous->tunnel_key, data, size, &message, &opened,
                                     &error)) {
        g_debug("rendezvous: %s", error->message);
        return;
    }
    sender = g_hash_table_lookup(rendezvous->senders, message.sender);
    if (!sender || !sender->is_member || message.recipient_life != rendezvous->life ||
        !stile_freshness_accept(&sender->freshness, message.life, message.counter)) {
        g_debug("rendezvous: a message of a stranger, or an old one");
        return;
    }
    from = sender->member;
    rendezvous->ops->message(rendezvous->user_data, &from, opened.payload, opened.size);
}

static void
take_packet(StileRendezvous *rendezvous, const guint8 *data, gsize size)
{
    g_auto(StileOpened) opened = {0};

    if (stile_envelope_open_packet(&rendezvous->envelopes, &rendezvous->self, data, size, &opened,
                                   NULL))
        rendezvous->ops->packet(rendezvous->user_data, opened.payload, opened.size);
}

static void
on_message(gpointer user_data, StileTopicKind kind, const StileTag *tag, const guint8 *payload,
           gsize size)
{
    Server *server = user_data;
    StileRendezvous *rendezvous = server->rendezvous;

    if (kind == STILE_TOPIC_INBOX)
        take_message(rendezvous, payload, size);
    else if (kind == STILE_TOPIC_PACKETS)
        take_packet(rendezvous, payload, size);
    else if (g_str_equal(tag->text, rendezvous->self.text))
        take_own_presence(server, payload, size);
    else
        take_presence(server, tag, payload, size);
}

/*
 * A server
 */
static void
on_state(gpointer user_data, gboolean connected, const char *reason)
{
    Server *server = user_data;
    StileRendezvous *rendezvous = server->rendezvous;

    if (!connected) {
        stile_timer_stop(server->settle);
        stile_attendance_lost(rendezvous->attendance, server->index);
    }
    rendezvous->ops->state(rendezvous->user_data, stile_broker_url(server->broker), connected,
                           reason);
}

static GByteArray *
on_will(gpointer user_data)
{
    Server *server = user_data;

    StileRendezvous *rendezvous = server->rendezvous;

    server->epoch = next_epoch(rendezvous);
    server->published = 0;
    stile_timer_stop(server->mend);
    /* Who only listens leaves nothing behind. */
    server->has_will = rendezvous->present;
    return server->has_will
               ? seal_presence(rendezvous, &rendezvous->envelopes, server->epoch, G_MAXUINT64, TRUE)
               : NULL;
}

static void
erase(Server *server, const guint8 device[STILE_KEY_SIZE])
{
    StileTag tag;

    stile_topics_tag(&server->rendezvous->envelopes.topics, device, &tag);
    stile_broker_publish(server->broker, STILE_TOPIC_PRESENCE, &tag, NULL, 0, 1, TRUE);
}

static void
on_entered(gpointer user_data)
{
    Server *server = user_data;
    GHashTableIter iter;
    gpointer device;

    stile_attendance_begin(server->rendezvous->attendance, server->index);
    publish_presence(server);
    g_hash_table_iter_init(&iter, server->rendezvous->erased);
    while (g_hash_table_iter_next(&iter, &device, NULL))
        erase(server, device);
}

static void
on_complete(gpointer user_data)
{
    Server *server = user_data;
    StileRendezvous *rendezvous = server->rendezvous;

    stile_timer_set_after(server->settle, SETTLE_AFTER);
    rendezvous->ops->roster_complete(rendezvous->user_data, stile_broker_url(server->broker));
}

static void
tell_gone(const guint8 device[STILE_KEY_SIZE], gpointer user_data)
{
    StileRendezvous *rendezvous = user_data;

    if (!rendezvous->freed)
        rendezvous->ops->presence(rendezvous->user_data, device, NULL, 0);
}

static void
on_settle(gpointer user_data)
{
    Server *server = user_data;
    StileRendezvous *rendezvous = server->rendezvous;
    guint index = server->index;

    rendezvous->refs++;
    stile_attendance_settle(rendezvous->attendance, index, tell_gone, rendezvous);
    unref(rendezvous);
}

static const StileBrokerOps broker_ops = {
    .state = on_state,
    .will = on_will,
    .entered = on_entered,
    .complete = on_complete,
    .message = on_message,
};

static void
server_free(gpointer data)
{
    Server *server = data;

    stile_broker_free(server->broker);
    stile_timer_free(server->mend);
    stile_timer_free(server->settle);
    g_free(server);
}

gboolean
stile_rendezvous_add_server(StileRendezvous *rendezvous, const char *url, GError **error)
{
    g_auto(StileBrokerUrl) parsed = {0};
    Server *server;

    if (!stile_broker_url_parse(&parsed, url, error))
        return FALSE;
    server = g_new0(Server, 1);
    server->rendezvous = rendezvous;
    server->index = LAN_INDEX + 1 + rendezvous->servers->len;
    server->mend = stile_timer_new(rendezvous->clock, on_mend, server);
    server->settle = stile_timer_new(rendezvous->clock, on_settle, server);
    server->broker = stile_broker_new(rendezvous->clock, &parsed, &rendezvous->envelopes.topics,
                                      &rendezvous->self, &broker_ops, server);
    g_ptr_array_add(rendezvous->servers, server);
    return TRUE;
}

/*
 * The local network
 */
static void
on_lan_state(gpointer user_data, gboolean up, const char *reason)
{
    StileRendezvous *rendezvous = user_data;

    rendezvous->ops->state(rendezvous->user_data, STILE_RENDEZVOUS_LAN_URL, up, reason);
}

static GByteArray *
on_lan_seal(gpointer user_data, const StileEnvelopes *envelopes)
{
    StileRendezvous *rendezvous = user_data;

    return rendezvous->present
               ? seal_presence(rendezvous, envelopes, rendezvous->life, rendezvous->sequence, FALSE)
               : NULL;
}

static void
on_lan_presence(gpointer user_data, const StilePresenceStamp *presence, const StileOpened *opened)
{
    StileRendezvous *rendezvous = user_data;
    StilePresenceStamp now = *presence;

    now.epoch = ++rendezvous->lan_arrivals;
    take_news(rendezvous, LAN_INDEX, &now, opened);
}

static void
on_lan_left(gpointer user_data, const StilePresenceStamp *last)
{
    StileRendezvous *rendezvous = user_data;
    StilePresenceStamp gone = *last;

    gone.epoch = ++rendezvous->lan_arrivals;
    gone.gone = TRUE;
    take_news(rendezvous, LAN_INDEX, &gone, NULL);
}

static void
on_lan_message(gpointer user_data, const guint8 *data, gsize size)
{
    take_message(user_data, data, size);
}

static const StileLanOps lan_ops = {
    .state = on_lan_state,
    .seal = on_lan_seal,
    .presence = on_lan_presence,
    .left = on_lan_left,
    .message = on_lan_message,
};

void
stile_rendezvous_set_lan(StileRendezvous *rendezvous, gboolean lan)
{
    g_autoptr(GError) error = NULL;

    if (lan == (rendezvous->lan != NULL))
        return;
    stile_attendance_begin(rendezvous->attendance, LAN_INDEX);
    if (lan) {
        rendezvous->lan = stile_lan_new(rendezvous->clock, rendezvous->network_key,
                                        &rendezvous->envelopes, rendezvous->device, &lan_ops,
                                        rendezvous, &error);
        if (!rendezvous->lan)
            on_lan_state(rendezvous, FALSE, error->message);
        return;
    }
    g_clear_pointer(&rendezvous->lan, stile_lan_free);
    rendezvous->refs++;
    stile_attendance_settle(rendezvous->attendance, LAN_INDEX, tell_gone, rendezvous);
    if (!rendezvous->freed)
        on_lan_state(rendezvous, FALSE, "switched off");
    unref(rendezvous);
}

void
stile_rendezvous_reconnect(StileRendezvous *rendezvous)
{
    for (guint i = 0; i < rendezvous->servers->len; i++)
        stile_broker_try_now(((Server *)rendezvous->servers->pdata[i])->broker);
}

gboolean
stile_rendezvous_connected(StileRendezvous *rendezvous)
{
    for (guint i = 0; i < rendezvous->servers->len; i++)
        if (stile_broker_is_connected(((Server *)rendezvous->servers->pdata[i])->broker))
            return TRUE;
    return FALSE;
}

StileRendezvous *
stile_rendezvous_new(StileClock *clock, const guint8 network_key[STILE_KEY_SIZE],
                     const guint8 device_key[STILE_KEY_SIZE],
                     const guint8 tunnel_key[STILE_KEY_SIZE], const StileRendezvousOps *ops,
                     gpointer user_data)
{
    StileRendezvous *rendezvous = g_new0(StileRendezvous, 1);

    rendezvous->refs = 1;
    rendezvous->clock = stile_clock_ref(clock);
    memcpy(rendezvous->network_key, network_key, STILE_KEY_SIZE);
    memcpy(rendezvous->device_key, device_key, STILE_KEY_SIZE);
    memcpy(rendezvous->tunnel_key, tunnel_key, STILE_KEY_SIZE);
    stile_ed25519_public(device_key, rendezvous->device);
    stile_envelopes_init(&rendezvous->envelopes, network_key);
    stile_topics_tag(&rendezvous->envelopes.topics, rendezvous->device, &rendezvous->self);
    rendezvous->ops = ops;
    rendezvous->user_data = user_data;
    rendezvous->servers = g_ptr_array_new_with_free_func(server_free);
    rendezvous->attendance = stile_attendance_new();
    rendezvous->senders = g_hash_table_new_full(stile_key_hash, stile_key_equal, NULL, g_free);
    rendezvous->erased = g_hash_table_new_full(stile_key_hash, stile_key_equal, g_free, NULL);
    rendezvous->life = next_epoch(rendezvous);
    return rendezvous;
}

void
stile_rendezvous_free(StileRendezvous *rendezvous)
{
    if (!rendezvous)
        return;
    g_clear_pointer(&rendezvous->lan, stile_lan_free);
    stile_rendezvous_set_presence(rendezvous, NULL, 0);
    g_ptr_array_unref(rendezvous->servers);
    g_clear_pointer(&rendezvous->presence, g_bytes_unref);
    stile_attendance_free(rendezvous->attendance);
    g_hash_table_unref(rendezvous->senders);
    g_hash_table_unref(rendezvous->erased);
    stile_memory_wipe(rendezvous->network_key, STILE_KEY_SIZE);
    stile_memory_wipe(rendezvous->device_key, STILE_KEY_SIZE);
    stile_memory_wipe(rendezvous->tunnel_key, STILE_KEY_SIZE);
    stile_memory_wipe(&rendezvous->envelopes, sizeof rendezvous->envelopes);
    rendezvous->freed = TRUE;
    unref(rendezvous);
}

void
stile_rendezvous_set_presence(StileRendezvous *rendezvous, const guint8 *payload, gsize size)
{
    g_return_if_fail(size <= STILE_PRESENCE_MAX);
    if (payload) {
        g_clear_pointer(&rendezvous->presence, g_bytes_unref);
        rendezvous->presence = g_bytes_new(payload, size);
    }
    rendezvous->present = payload != NULL;
    rendezvous->sequence++;
    for (guint i = 0; i < rendezvous->servers->len; i++)
        publish_presence(rendezvous->servers->pdata[i]);
    if (rendezvous->lan)
        stile_lan_announce(rendezvous->lan);
}

void
stile_rendezvous_leave_word(StileRendezvous *rendezvous, const guint8 *payload, gsize size)
{
    g_return_if_fail(payload && size <= STILE_PRESENCE_MAX && !rendezvous->present);
    g_clear_pointer(&rendezvous->presence, g_bytes_unref);
    rendezvous->presence = g_bytes_new(payload, size);
    rendezvous->sequence++;
    for (guint i = 0; i < rendezvous->servers->len; i++) {
        Server *server = rendezvous->servers->pdata[i];

        /* It needs no last will: it says itself that we are not there. */
        if (stile_broker_is_open(server->broker))
            publish(server);
    }
}

void
stile_rendezvous_erase_presence(StileRendezvous *rendezvous, const guint8 device[STILE_KEY_SIZE])
{
    g_hash_table_add(rendezvous->erased, g_memdup2(device, STILE_KEY_SIZE));
    for (guint i = 0; i < rendezvous->servers->len; i++)
        erase(rendezvous->servers->pdata[i], device);
}

/*
 * Members
 */
void
stile_rendezvous_add_member(StileRendezvous *rendezvous, const StileMember *member)
{
    Sender *sender = g_hash_table_lookup(rendezvous->senders, member->tunnel);

    if (!sender) {
        sender = g_new0(Sender, 1);
        sender->member = *member;
        g_hash_table_insert(rendezvous->senders, sender->member.tunnel, sender);
    }
    memcpy(sender->member.device, member->device, STILE_KEY_SIZE);
    sender->is_member = TRUE;
    stile_attendance_keep(rendezvous->attendance, member->device, TRUE);
}

void
stile_rendezvous_remove_member(StileRendezvous *rendezvous, const StileMember *member)
{
    Sender *sender = g_hash_table_lookup(rendezvous->senders, member->tunnel);

    if (sender)
        sender->is_member = FALSE;
    stile_attendance_keep(rendezvous->attendance, member->device, FALSE);
}

static gboolean
is_near(StileRendezvous *rendezvous, const guint8 device[STILE_KEY_SIZE], guint64 *ret_life)
{
    return rendezvous->lan && stile_lan_reaches(rendezvous->lan, device) &&
           stile_attendance_is_at(rendezvous->attendance, device, LAN_INDEX, ret_life);
}

gboolean
stile_rendezvous_send(StileRendezvous *rendezvous, const StileMember *to, const guint8 *payload,
                      gsize size)
{
    StileMessageStamp message = {.life = rendezvous->life};
    g_autoptr(GByteArray) sealed = NULL;
    gboolean near, sent = FALSE;
    StileTag tag;

    g_return_val_if_fail(size <= STILE_MESSAGE_MAX, FALSE);
    near = is_near(rendezvous, to->device, &message.recipient_life);
    if (!near && !find_carrier(rendezvous, to->device, &message.recipient_life))
        return FALSE;
    message.counter = ++rendezvous->counter;
    stile_topics_tag(&rendezvous->envelopes.topics, to->device, &tag);
    sealed = stile_envelope_seal_message(&rendezvous->envelopes, &message, &tag,
                                         rendezvous->tunnel_key, to->tunnel, payload, size);
    if (!sealed)
        return FALSE;
    if (near)
        sent = stile_lan_send(rendezvous->lan, to->device, sealed->data, sealed->len);
    for (guint i = 0; i < rendezvous->servers->len; i++) {
        Server *server = rendezvous->servers->pdata[i];

        if (is_carried_by(server, to->device, NULL) &&
            stile_broker_publish(server->broker, STILE_TOPIC_INBOX, &tag, sealed->data, sealed->len,
                                 1, FALSE))
            sent = TRUE;
    }
    return sent;
}

gboolean
stile_rendezvous_carries(StileRendezvous *rendezvous, const guint8 device[STILE_KEY_SIZE])
{
    return find_carrier(rendezvous, device, NULL) != NULL;
}

/* The nearest broker that @to is on and that is not congested. */
static Server *
best_server(StileRendezvous *rendezvous, const StileMember *to)
{
    Server *best = NULL;
    gint64 best_rtt = 0;

    for (guint i = 0; i < rendezvous->servers->len; i++) {
        Server *server = rendezvous->servers->pdata[i];
        gint64 rtt = stile_broker_rtt(server->broker);

        if (is_carried_by(server, to->device, NULL) &&
            stile_broker_unsent(server->broker) <= UNSENT_LIMIT && (!best || rtt < best_rtt)) {
            best = server;
            best_rtt = rtt;
        }
    }
    return best;
}

gboolean
stile_rendezvous_send_packet(StileRendezvous *rendezvous, const StileMember *to, const guint8 *data,
                             gsize size)
{
    Server *server = best_server(rendezvous, to);
    g_autoptr(GByteArray) sealed = NULL;
    guint8 random[STILE_XAEAD_NONCE_SIZE];
    StileTag tag;

    if (!server || size > STILE_PACKET_MAX)
        return FALSE;
    stile_topics_tag(&rendezvous->envelopes.topics, to->device, &tag);
    stile_clock_random(rendezvous->clock, random, sizeof random);
    sealed = stile_envelope_seal_packet(&rendezvous->envelopes, &tag, random, data, size);
    return stile_broker_publish(server->broker, STILE_TOPIC_PACKETS, &tag, sealed->data,
                                sealed->len, 0, FALSE);
}
