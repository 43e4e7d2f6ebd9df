/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/clock.h"
#include "crypto/keys.h"

G_BEGIN_DECLS

/**
 * StileRendezvous:
 *
 * The side channel of one network: a presence that each member keeps retained on the broker, and an
 * inbox for each member. Works on several brokers at once; what arrives twice is delivered once.
 * Everything is sealed before it leaves: presence with the network's symmetric key and signed by
 * the device; messages to the one peer (Noise X); packets with the network's key (they are
 * WireGuard's and sealed already). The broker learns neither who nor what; topics are derived from
 * the network's key. What a presence or a message means is not known here.
 *
 * Order and replay: each connection to a broker begins an epoch (stile_clock_real() when it began).
 * A presence carries (epoch, sequence), and an older one than the newest seen of that device is
 * dropped. The last will is sealed in advance with the highest sequence of its epoch. A message
 * carries the epoch of the recipient it is meant for and a growing number of the sender's: one from
 * an earlier life of ours, or seen before, is dropped.
 */
typedef struct _StileRendezvous StileRendezvous;

/**
 * StileMember:
 * @device: Ed25519 public key: who it is; presences are signed with it
 * @tunnel: X25519 public key: messages are sealed to it and come from it
 *
 * A member to exchange messages with; the owner has checked the certificate that binds the two.
 */
typedef struct {
    guint8 device[STILE_KEY_SIZE];
    guint8 tunnel[STILE_KEY_SIZE];
} StileMember;

typedef struct {
    /* A server's state changed: `connecting`, `connected`, or a reason in words for a person, such
     * as “mqtt.example.org: wrong user name or password”. */
    void (*state)(gpointer user_data, const char *url, gboolean connected, const char *reason);
    /* The newest presence of a device. The signature is right; whether @device is a member is for
     * the owner to say. @payload: (nullable): NULL for gone (its last will). Own presences are not
     * reported. */
    void (*presence)(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
                     gsize size);
    /* All retained presences of a broker have been reported after connecting to it. */
    void (*roster_complete)(gpointer user_data, const char *url);
    /* A message from a member that was added with stile_rendezvous_add_member(). */
    void (*message)(gpointer user_data, const StileMember *from, const guint8 *payload, gsize size);
    /* A WireGuard message; who it is from, WireGuard finds out. */
    void (*packet)(gpointer user_data, const guint8 *data, gsize size);
    /* (nullable): A device that is not there, and was not reported present since we began: what it
     * said before it went. Maybe told more than once. */
    void (*absent)(gpointer user_data, const guint8 device[STILE_KEY_SIZE], const guint8 *payload,
                   gsize size);
    /* (nullable): stile_rendezvous_carries() says something else of a device that is as present as
     * before: it came to a broker, or went, and is on the local network all the same. */
    void (*carries)(gpointer user_data, const guint8 device[STILE_KEY_SIZE]);
} StileRendezvousOps;

/**
 * stile_rendezvous_new:
 * @network_key: the network's symmetric key, 32 bytes
 * @device_key: our Ed25519 private key
 * @tunnel_key: our X25519 private key
 */
StileRendezvous *stile_rendezvous_new(StileClock *clock, const guint8 network_key[STILE_KEY_SIZE],
                                      const guint8 device_key[STILE_KEY_SIZE],
                                      const guint8 tunnel_key[STILE_KEY_SIZE],
                                      const StileRendezvousOps *ops, gpointer user_data);
/** Publishes that we are gone where connected, without waiting. An op may call it. */
void stile_rendezvous_free(StileRendezvous *rendezvous);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileRendezvous, stile_rendezvous_free)

/**
 * stile_rendezvous_add_server:
 * @url: `mqtt://[user[:password]@]host[:1883]` or `mqtts://…[:8883]`, percent-encoded;
 *   `ws://…[:80][/path]` or `wss://…[:443][/path]` over WebSocket;
 *   `mqtts://…#sha256=HEX`, and `wss`, trusts exactly the certificate with that SHA-256
 * fingerprint, instead of the system's authorities
 *
 * Connects and stays connected: after a failure again in 1, 2, 4 … 60 seconds, with jitter.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_rendezvous_add_server(StileRendezvous *rendezvous, const char *url, GError **error);
/** Where the local network stands among the servers' states. */
#define STILE_RENDEZVOUS_LAN_URL "mdns:"
/**
 * stile_rendezvous_set_lan:
 *
 * Whether members are looked for on the local network (mDNS, by the Avahi daemon), too, and we can
 * be found there, while we have a presence; not so at first. Presences and messages are exchanged
 * with them directly, packets are not: whoever is that near has a better way.
 */
void stile_rendezvous_set_lan(StileRendezvous *rendezvous, gboolean lan);
/** Try now: the network changed, or the machine woke up. Drops connections that no longer answer.
 */
void stile_rendezvous_reconnect(StileRendezvous *rendezvous);
gboolean stile_rendezvous_connected(StileRendezvous *rendezvous);

/**
 * stile_rendezvous_set_presence:
 * @payload: (nullable): what members should know of us, up to 16 KiB; %NULL: only listen
 *
 * Published now and on every new connection, until replaced.
 */
void stile_rendezvous_set_presence(StileRendezvous *rendezvous, const guint8 *payload, gsize size);
/**
 * stile_rendezvous_leave_word:
 *
 * For who only listens: lets others find @payload of us, as of a device that is not there
 * (`absent`), on the brokers that are connected now.
 */
void stile_rendezvous_leave_word(StileRendezvous *rendezvous, const guint8 *payload, gsize size);
/** Removes the retained presence of @device from the brokers: it was revoked. */
void stile_rendezvous_erase_presence(StileRendezvous *rendezvous,
                                     const guint8 device[STILE_KEY_SIZE]);

void stile_rendezvous_add_member(StileRendezvous *rendezvous, const StileMember *member);
void stile_rendezvous_remove_member(StileRendezvous *rendezvous, const StileMember *member);

/**
 * stile_rendezvous_send:
 *
 * Seals @payload (up to 16 KiB) to @to and puts it into its inbox on every connected broker where
 * it is present, and passes it on directly on the local network.
 *
 * Returns: %FALSE when there is none: the member is not online, or we are not
 */
gboolean stile_rendezvous_send(StileRendezvous *rendezvous, const StileMember *to,
                               const guint8 *payload, gsize size);
/** Whether there is a broker for stile_rendezvous_send_packet() to @device. */
gboolean stile_rendezvous_carries(StileRendezvous *rendezvous, const guint8 device[STILE_KEY_SIZE]);
/**
 * stile_rendezvous_send_packet:
 *
 * The same for a WireGuard message, on the best broker only. Dropped when the connection already
 * has more than 64 KiB unsent: a queue would make the tunnel slow, a loss makes TCP adapt.
 */
gboolean stile_rendezvous_send_packet(StileRendezvous *rendezvous, const StileMember *to,
                                      const guint8 *data, gsize size);

G_END_DECLS
