/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/lan.h"

#include "io/links.h"
#include "rendezvous/avahi.h"
#include "rendezvous/lan-link.h"
#include <string.h>

#define MAX_RECORDS            128
#define MAX_GUESTS             64
#define MAX_STRANGERS          16 /* guests that have not said who they are */
#define MAX_GUESTS_PER_ADDRESS 8
#define GREETING_TIMEOUT       (10 * G_USEC_PER_SEC)
#define SUPERFLUOUS_FOR        (5 * G_USEC_PER_SEC)
#define DIAL_TIMEOUT           5 /* seconds */
#define RENAME_EVERY           ((gint64)3600 * G_USEC_PER_SEC)
#define ACCEPT_BURST           32
#define ACCEPTS_PER_SECOND     4
/* Of two that find each other at the same time, one has the first go. */
#define SECOND_GO     (2 * G_USEC_PER_SEC)
#define FIRST_PAUSE   (2 * G_USEC_PER_SEC) /* doubles */
#define LONGEST_PAUSE (60 * G_USEC_PER_SEC)

/* A member's service at one place, as Avahi has found it. */
typedef struct {
    StileLan *lan;
    StileAvahiService service;
    char *name, *domain;
    gboolean resolving;
    GCancellable *dialling; /* NULL: not now */
    gboolean known;         /* whose it is, by having been there: */
    guint8 device[STILE_KEY_SIZE];
    StileTimer *timer;
    guint failures;
} Record;

/* Somebody that there is a connection with. */
typedef struct {
    StileLan *lan;
    StileLanLink *link;
    gboolean dialled;
    StileAddress local, remote;
    char name[STILE_LAN_NAME_SIZE]; /* under which we have found it; `` when it has found us */
    gboolean greeted;               /* we have said who we are */
    StileEnvelopes envelopes;       /* of this connection */
    gboolean known;                 /* who it is: */
    StilePresenceStamp presence;
    gboolean superfluous; /* there is another one to the same device */
    StileTimer *timer; /* ends it: nobody has said who it is; superfluous; its address has gone */
} Guest;

struct _StileLan {
    StileClock *clock;
    StileLanKeys keys;
    const StileEnvelopes *envelopes;
    guint8 device[STILE_KEY_SIZE];
    const StileLanOps *ops;
    gpointer user_data;

    StileLinks *links;
    GSocketService *listener;
    guint16 port;
    StileAvahi *avahi;
    char *place; /* the links and addresses that we have published on */
    StileTimer *rename_timer;
    GPtrArray *names;   /* our own: the one in use last, and some before it */
    GPtrArray *records; /* of Record */
    GPtrArray *guests;  /* of Guest */
    double allowance;   /* of connections to accept */
    gint64 counted;
};

#define OWN_NAMES 8

static const char *
own_name(StileLan *lan)
{
    return lan->names->len ? lan->names->pdata[lan->names->len - 1] : "";
}

static gboolean
is_own_name(StileLan *lan, const char *name)
{
    for (guint i = 0; i < lan->names->len; i++)
        if (strcmp(lan->names->pdata[i], name) == 0)
            return TRUE;
    return FALSE;
}

/*
 * Guests
 */
static void
guest_free(gpointer data)
{
    Guest *guest = data;

    stile_lan_link_free(guest->link);
    stile_timer_free(guest->timer);
    stile_memory_wipe(&guest->envelopes, sizeof guest->envelopes);
    g_free(guest);
}

static Guest *
find_guest(StileLan *lan, const guint8 device[STILE_KEY_SIZE], const Guest *but)
{
    for (guint i = 0; i < lan->guests->len; i++) {
        Guest *guest = lan->guests->pdata[i];

        if (guest != but && guest->known && !guest->superfluous &&
            stile_key_equal(guest->presence.device, device))
            return guest;
    }
    return NULL;
}

static void
try_again(Record *record)
{
    gint64 pause = record->failures < 5 ? FIRST_PAUSE << record->failures : LONGEST_PAUSE;
    guint16 random;

    record->failures++;
    stile_clock_random(record->lan->clock, &random, sizeof random);
    stile_timer_set_after(record->timer, pause + pause * random / (2 * G_MAXUINT16));
}

/* Whether the record has led to the guest, or would. */
static gboolean
leads_to(const Record *record, const Guest *guest)
{
    return strcmp(record->name, guest->name) == 0 ||
           (record->known && guest->known &&
            stile_key_equal(record->device, guest->presence.device));
}

static gboolean
is_reached(Record *record)
{
    for (guint i = 0; i < record->lan->guests->len; i++)
        if (leads_to(record, record->lan->guests->pdata[i]))
            return TRUE;
    return FALSE;
}

/* The last thing a function does: the owner may free us. */
static void
dismiss(Guest *guest)
{
    StileLan *lan = guest->lan;
    StilePresenceStamp last = guest->presence;
    gboolean known = guest->known;

    for (guint i = 0; i < lan->records->len; i++) {
        Record *record = lan->records->pdata[i];

        if (leads_to(record, guest) && !record->resolving && !record->dialling)
            try_again(record);
    }
    g_ptr_array_remove_fast(lan->guests, guest);
    if (known && !find_guest(lan, last.device, NULL))
        lan->ops->left(lan->user_data, &last);
}

static void
send_presence(Guest *guest)
{
    StileLan *lan = guest->lan;
    g_autoptr(GByteArray) sealed = lan->ops->seal(lan->user_data, &guest->envelopes);
    StileTag tag;

    guest->greeted = TRUE;
    if (!sealed)
        return;
    stile_topics_tag(&guest->envelopes.topics, lan->device, &tag);
    g_byte_array_prepend(sealed, (const guint8 *)tag.text, STILE_TAG_SIZE - 1);
    stile_lan_link_send(guest->link, STILE_LAN_PRESENCE, sealed->data, sealed->len);
}

/* Who has dialled speaks first, for it knows the name of the other; so that whoever just knocks
 * hears nothing, not even sealed. */
static void
on_link_opened(gpointer user_data, const StileLanSession *session)
{
    Guest *guest = user_data;

    stile_lan_session_envelopes(session, guest->lan->envelopes, &guest->envelopes);
    if (guest->dialled)
        send_presence(guest);
}

/* Both may have dialled at the same time: then both keep what the one with the greater key has
 * dialled, and of several, the newest. */
static Guest *
superfluous(Guest *guest, Guest *other)
{
    StileLan *lan = guest->lan;
    gboolean ours = memcmp(lan->device, guest->presence.device, STILE_KEY_SIZE) > 0;

    if (guest->dialled == other->dialled)
        return other;
    return guest->dialled == ours ? other : guest;
}

/* Not at once: the other side must hear who it has reached, or it would try again. */
static void
end_soon(Guest *guest)
{
    guest->superfluous = TRUE;
    stile_timer_set_after(guest->timer, SUPERFLUOUS_FOR);
}

static void
remember_record(Guest *guest)
{
    StileLan *lan = guest->lan;

    for (guint i = 0; i < lan->records->len; i++) {
        Record *record = lan->records->pdata[i];

        if (strcmp(record->name, guest->name) != 0)
            continue;
        record->known = TRUE;
        record->failures = 0;
        memcpy(record->device, guest->presence.device, STILE_KEY_SIZE);
    }
}

static void
take_presence(Guest *guest, const guint8 *body, gsize size)
{
    StileLan *lan = guest->lan;
    g_auto(StileOpened) opened = {0};
    StilePresenceStamp presence;
    const guint8 *envelope;
    gsize envelope_size;
    Guest *other;
    StileTag tag;

    if (!stile_lan_read_presence(body, size, &tag, &envelope, &envelope_size) ||
        !stile_envelope_open_presence(&guest->envelopes, &tag, envelope, envelope_size, &presence,
                                      &opened, NULL) ||
        presence.gone || stile_key_equal(presence.device, lan->device) ||
        (guest->known && !stile_key_equal(presence.device, guest->presence.device))) {
        g_debug("local network: a presence that cannot be");
        dismiss(guest);
        return;
    }
    guest->presence = presence;
    guest->known = TRUE;
    if (!guest->superfluous)
        stile_timer_stop(guest->timer);
    remember_record(guest);
    while (!guest->superfluous && (other = find_guest(lan, presence.device, guest)))
        end_soon(superfluous(guest, other));
    lan->ops->presence(lan->user_data, &presence, &opened);
}

static void
on_link_frame(gpointer user_data, guint8 kind, const guint8 *body, gsize size)
{
    Guest *guest = user_data;
    StileLan *lan = guest->lan;

    if (!guest->greeted)
        send_presence(guest);
    switch (kind) {
    case STILE_LAN_PRESENCE:
        take_presence(guest, body, size);
        break;
    case STILE_LAN_MESSAGE:
        if (guest->known)
            lan->ops->message(lan->user_data, body, size);
        break;
    default: /* of a later version */
        break;
    }
}

static void
on_link_closed(gpointer user_data)
{
    dismiss(user_data);
}

static const StileLanLinkOps link_ops = {
    .opened = on_link_opened,
    .frame = on_link_frame,
    .closed = on_link_closed,
};

static void
on_guest_timer(gpointer user_data)
{
    dismiss(user_data);
}

static gboolean
get_address(GSocketConnection *connection, gboolean remote, StileAddress *ret)
{
    g_autoptr(GSocketAddress)
        address = remote ? g_socket_connection_get_remote_address(connection, NULL)
                         : g_socket_connection_get_local_address(connection, NULL);
    struct sockaddr_storage storage;
    gssize size = address ? g_socket_address_get_native_size(address) : -1;

    return size > 0 && (gsize)size <= sizeof storage &&
           g_socket_address_to_native(address, &storage, sizeof storage, NULL) &&
           stile_address_from_sockaddr(ret, (const struct sockaddr *)&storage, (gsize)size);
}

static gboolean
has_room(StileLan *lan, const StileAddress *remote)
{
    guint strangers = 0, same = 0;

    for (guint i = 0; i < lan->guests->len; i++) {
        const Guest *guest = lan->guests->pdata[i];

        strangers += !guest->known;
        same += stile_address_equal_ip(&guest->remote, remote);
    }
    return lan->guests->len < MAX_GUESTS && strangers < MAX_STRANGERS &&
           same < MAX_GUESTS_PER_ADDRESS;
}

/* @connection: (transfer none) @name: under which it was found
 * Returns: whether it may stay */
static gboolean
welcome(StileLan *lan, GSocketConnection *connection, gboolean dialled, const char *name)
{
    Guest *guest;
    StileAddress local, remote;

    if (!get_address(connection, FALSE, &local) || !get_address(connection, TRUE, &remote) ||
        !stile_links_on_lan(stile_links_addresses(lan->links), &remote) || !has_room(lan, &remote))
        return FALSE;
    guest = g_new0(Guest, 1);
    guest->lan = lan;
    guest->dialled = dialled;
    guest->local = local;
    guest->remote = remote;
    g_strlcpy(guest->name, name, sizeof guest->name);
    guest->timer = stile_timer_new(lan->clock, on_guest_timer, guest);
    stile_timer_set_after(guest->timer, GREETING_TIMEOUT);
    g_ptr_array_add(lan->guests, guest);
    guest->link = stile_lan_link_new(lan->clock, &lan->keys, g_object_ref(connection), dialled,
                                     &link_ops, guest);
    return TRUE;
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *connection, GObject *source,
            gpointer user_data)
{
    StileLan *lan = user_data;
    gint64 now = stile_clock_now(lan->clock);

    lan->allowance += (double)(now - lan->counted) * ACCEPTS_PER_SECOND / G_USEC_PER_SEC;
    lan->allowance = MIN(lan->allowance, ACCEPT_BURST);
    lan->counted = now;
    if (lan->allowance >= 1) {
        lan->allowance--;
        welcome(lan, connection, FALSE, "");
    }
    return TRUE;
}

/*
 * Records
 */
static void
record_free(gpointer data)
{
    Record *record = data;

    if (record->dialling)
        g_cancellable_cancel(record->dialling);
    g_clear_object(&record->dialling);
    stile_timer_free(record->timer);
    g_free(record->name);
    g_free(record->domain);
    g_free(record);
}

static Record *
find_record(StileLan *lan, const StileAvahiService *service)
{
    for (guint i = 0; i < lan->records->len; i++) {
        Record *record = lan->records->pdata[i];

        if (record->service.interface == service->interface &&
            record->service.protocol == service->protocol &&
            strcmp(record->name, service->name) == 0)
            return record;
    }
    return NULL;
}

static void
on_dialled(GObject *client, GAsyncResult *result, gpointer user_data)
{
    Record *record = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection)
        connection = g_socket_client_connect_finish(G_SOCKET_CLIENT(client), result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_object(&record->dialling);
    if (!connection) {
        g_debug("local network: %s", error->message);
        try_again(record);
        return;
    }
    if (!welcome(record->lan, connection, TRUE, record->name))
        try_again(record);
}

static void
dial(Record *record, const StileAddress *address)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    StileAddress copy = *address;
    g_autoptr(GSocketAddress)
        to = g_socket_address_new_from_native(&copy.sa, stile_address_sockaddr_size(&copy));

    /* A neighbour is reached without anybody's help. */
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, DIAL_TIMEOUT);
    record->dialling = g_cancellable_new();
    g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(to), record->dialling, on_dialled,
                                  record);
}

static gboolean
is_being_reached(Record *record)
{
    StileLan *lan = record->lan;

    for (guint i = 0; i < lan->records->len; i++) {
        Record *other = lan->records->pdata[i];

        if (other != record && strcmp(other->name, record->name) == 0 &&
            (other->resolving || other->dialling))
            return TRUE;
    }
    return FALSE;
}

static void
on_record_timer(gpointer user_data)
{
    Record *record = user_data;

    /* When that connection ends, the record is woken. */
    if (is_reached(record))
        return;
    if (is_being_reached(record)) {
        stile_timer_set_after(record->timer, SECOND_GO);
        return;
    }
    record->resolving = TRUE;
    stile_avahi_resolve(record->lan->avahi, &record->service);
}

static void
on_found(gpointer user_data, const StileAvahiService *service)
{
    StileLan *lan = user_data;
    Record *record;

    if (lan->records->len >= MAX_RECORDS || is_own_name(lan, service->name) ||
        !stile_lan_name_is_ours(&lan->keys, service->name, stile_clock_real(lan->clock)) ||
        find_record(lan, service))
        return;
    record = g_new0(Record, 1);
    record->lan = lan;
    record->name = g_strdup(service->name);
    record->domain = g_strdup(service->domain);
    record->service = *service;
    record->service.name = record->name;
    record->service.domain = record->domain;
    record->timer = stile_timer_new(lan->clock, on_record_timer, record);
    stile_timer_set_after(record->timer, strcmp(own_name(lan), record->name) < 0 ? 0 : SECOND_GO);
    g_ptr_array_add(lan->records, record);
}

static void
on_lost(gpointer user_data, const StileAvahiService *service)
{
    StileLan *lan = user_data;
    Record *record = find_record(lan, service);

    if (record)
        g_ptr_array_remove_fast(lan->records, record);
}

/* Who is connected stays so. */
static void
on_lost_all(gpointer user_data)
{
    StileLan *lan = user_data;

    g_ptr_array_set_size(lan->records, 0);
}

static void
on_resolved(gpointer user_data, const StileAvahiService *service, const char *text, guint16 port)
{
    StileLan *lan = user_data;
    Record *record = find_record(lan, service);
    guint ifindex = (guint)service->interface;
    StileAddress address;

    if (!record)
        return;
    record->resolving = FALSE;
    if (is_reached(record))
        return;
    if (text && stile_lan_address_parse(&address, text, port, ifindex) &&
        stile_links_on_lan(stile_links_addresses(lan->links), &address))
        dial(record, &address);
    else
        try_again(record);
}

/*
 * Ourselves
 */
static char *
on_name(gpointer user_data)
{
    StileLan *lan = user_data;
    guint8 random[STILE_LAN_NAME_RANDOM];
    char name[STILE_LAN_NAME_SIZE];

    stile_clock_random(lan->clock, random, sizeof random);
    stile_lan_name_make(&lan->keys, random, stile_clock_real(lan->clock), name);
    if (lan->names->len >= OWN_NAMES)
        g_ptr_array_remove_index(lan->names, 0);
    g_ptr_array_add(lan->names, g_strdup(name));
    return g_strdup(name);
}

static void
on_avahi_state(gpointer user_data, gboolean up, const char *reason)
{
    StileLan *lan = user_data;

    lan->ops->state(lan->user_data, up, reason);
}

static const StileAvahiOps avahi_ops = {
    .state = on_avahi_state,
    .name = on_name,
    .found = on_found,
    .lost = on_lost,
    .lost_all = on_lost_all,
    .resolved = on_resolved,
};

/* Returns: (transfer full): what tells one place from another
 * @interfaces: of guint: the links that are a local network are appended */
static char *
look_around(StileLan *lan, GArray *interfaces)
{
    const GArray *addresses = stile_links_addresses(lan->links);
    GString *place = g_string_new(NULL);

    for (guint i = 0; i < addresses->len; i++) {
        const StileLocalAddress *local = &g_array_index(addresses, StileLocalAddress, i);
        g_autofree char *address = stile_address_ip_to_string(&local->address);
        guint ifindex = local->ifindex;
        gboolean listed = FALSE;

        if (!stile_links_on_lan(addresses, &local->address))
            continue;
        g_string_append_printf(place, "%u %s ", ifindex, address);
        for (guint k = 0; k < interfaces->len; k++)
            listed = listed || g_array_index(interfaces, guint, k) == ifindex;
        if (!listed)
            g_array_append_val(interfaces, ifindex);
    }
    return g_string_free(place, FALSE);
}

static void
publish(StileLan *lan, gboolean even_so)
{
    g_autoptr(GArray) interfaces = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autofree char *place = look_around(lan, interfaces);

    if (!even_so && g_strcmp0(lan->place, place) == 0)
        return;
    g_free(lan->place);
    lan->place = g_steal_pointer(&place);
    stile_avahi_publish(lan->avahi, lan->port, interfaces);
    stile_timer_set_after(lan->rename_timer, RENAME_EVERY);
}

static void
on_rename(gpointer user_data)
{
    publish(user_data, TRUE);
}

static gboolean
is_local(StileLan *lan, const StileAddress *address)
{
    const GArray *addresses = stile_links_addresses(lan->links);

    for (guint i = 0; i < addresses->len; i++)
        if (stile_address_equal_ip(&g_array_index(addresses, StileLocalAddress, i).address,
                                   address))
            return TRUE;
    return FALSE;
}

/* What went over an address that is no more is over, long before TCP knows. */
static void
on_links_changed(StileLinks *links, gpointer user_data)
{
    StileLan *lan = user_data;

    publish(lan, FALSE);
    for (guint i = 0; i < lan->guests->len; i++) {
        Guest *guest = lan->guests->pdata[i];

        if (!is_local(lan, &guest->local))
            stile_timer_set_after(guest->timer, 0);
    }
}

static gboolean
begin_to_listen(StileLan *lan, GError **error)
{
    lan->listener = g_socket_service_new();
    g_socket_listener_set_backlog(G_SOCKET_LISTENER(lan->listener), MAX_STRANGERS);
    g_signal_connect(lan->listener, "incoming", G_CALLBACK(on_incoming), lan);
    lan->port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(lan->listener), NULL, error);
    return lan->port != 0;
}

StileLan *
stile_lan_new(StileClock *clock, const guint8 network_key[STILE_KEY_SIZE],
              const StileEnvelopes *envelopes, const guint8 device[STILE_KEY_SIZE],
              const StileLanOps *ops, gpointer user_data, GError **error)
{
    g_autoptr(StileLan) lan = g_new0(StileLan, 1);

    lan->clock = stile_clock_ref(clock);
    stile_lan_keys_init(&lan->keys, network_key);
    lan->envelopes = envelopes;
    memcpy(lan->device, device, STILE_KEY_SIZE);
    lan->ops = ops;
    lan->user_data = user_data;
    lan->names = g_ptr_array_new_with_free_func(g_free);
    lan->records = g_ptr_array_new_with_free_func(record_free);
    lan->guests = g_ptr_array_new_with_free_func(guest_free);
    lan->rename_timer = stile_timer_new(clock, on_rename, lan);
    lan->allowance = ACCEPT_BURST;
    lan->counted = stile_clock_now(clock);
    lan->links = stile_links_new(NULL, on_links_changed, lan, error);
    if (!lan->links || !begin_to_listen(lan, error))
        return NULL;
    lan->avahi = stile_avahi_new(clock, STILE_LAN_SERVICE_TYPE, &avahi_ops, lan);
    publish(lan, FALSE);
    return g_steal_pointer(&lan);
}

void
stile_lan_free(StileLan *lan)
{
    if (!lan)
        return;
    stile_avahi_free(lan->avahi);
    g_ptr_array_unref(lan->records);
    g_ptr_array_unref(lan->guests);
    if (lan->listener) {
        g_signal_handlers_disconnect_by_data(lan->listener, lan);
        g_socket_service_stop(lan->listener);
        g_socket_listener_close(G_SOCKET_LISTENER(lan->listener));
        g_object_unref(lan->listener);
    }
    stile_links_free(lan->links);
    stile_timer_free(lan->rename_timer);
    g_free(lan->place);
    g_ptr_array_unref(lan->names);
    stile_memory_wipe(&lan->keys, sizeof lan->keys);
    stile_clock_unref(lan->clock);
    g_free(lan);
}

void
stile_lan_announce(StileLan *lan)
{
    for (guint i = 0; i < lan->guests->len; i++)
        if (((Guest *)lan->guests->pdata[i])->greeted)
            send_presence(lan->guests->pdata[i]);
}

gboolean
stile_lan_reaches(StileLan *lan, const guint8 device[STILE_KEY_SIZE])
{
    return find_guest(lan, device, NULL) != NULL;
}

gboolean
stile_lan_send(StileLan *lan, const guint8 device[STILE_KEY_SIZE], const guint8 *sealed, gsize size)
{
    Guest *guest = find_guest(lan, device, NULL);

    return guest && stile_lan_link_send(guest->link, STILE_LAN_MESSAGE, sealed, size);
}
