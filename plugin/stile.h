/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"
#include <gio/gio.h>

G_BEGIN_DECLS

/*
 * libstile, as the service sees it: the only header of the engine that dbus/ includes. Five kinds
 * of objects with GObject properties, whose names, types and words are those of the D-Bus
 * properties in the contract, in lower-case with dashes (`ActivePath` is "active-path"). They
 * notify when they change, at most once a main-loop iteration. Times are microseconds unless the
 * name says otherwise.
 *
 * All of it lives in the GMainContext that was the thread's default when the engine was made.
 */

/**
 * StileEngine: all networks of this machine.
 *
 * Properties: "version" s, "connectivity" s (none, portal, limited, full), "nat" StileNat (always
 * the same). Signals: "network-added" (StileNetwork), "network-removed" (StileNetwork).
 */
#define STILE_TYPE_ENGINE (stile_engine_get_type())
G_DECLARE_FINAL_TYPE(StileEngine, stile_engine, STILE, ENGINE, GObject)

/**
 * StileNetwork: one network that this machine is a member of.
 *
 * Properties: "id" s (base64), "name" s, "self" s, "state" s (down, connecting, up), "interface" s,
 * "addresses" as (with prefix length), "mtu" u, "rendezvous" a(ss) as GVariant (url, state),
 * "autoconnect" b, "creator" b (the network's key is here, so that it can invite). Signals:
 * "peer-added", "peer-removed" (StilePeer), "relay-added", "relay-removed" (StileRelay), "warning"
 * (s): a sentence for the journal, each cause once.
 */
#define STILE_TYPE_NETWORK (stile_network_get_type())
G_DECLARE_FINAL_TYPE(StileNetwork, stile_network, STILE, NETWORK, GObject)

/**
 * StilePeer: another member.
 *
 * Properties: "id" s (device key, base64), "name" s, "addresses" as, "online" b, "lan" b, "state" s
 * (idle, connecting, relayed, direct, unreachable), "active-path" StilePath (nullable), "reason" s
 * (code), "reason-text" s (translated), "advice" as, "direct-odds" d (-1: unknown), "rtt" u, "loss"
 * d, "rx-bytes" t, "tx-bytes" t, "last-handshake" t (unix µs), "nat" s. Signals: "path-added",
 * "path-removed" (StilePath).
 */
#define STILE_TYPE_PEER (stile_peer_get_type())
G_DECLARE_FINAL_TYPE(StilePeer, stile_peer, STILE, PEER, GObject)

/**
 * StilePath: a way to a peer.
 *
 * Properties: "number" u (stays the same), "kind" s (direct, turn, broker), "technique" s,
 * "transport" s, "local" s, "remote" s, "state" s (checking, working, standby, failed), "rtt" u,
 * "loss" d, "mtu" u, "since" t (unix µs of the last change of state).
 */
#define STILE_TYPE_PATH (stile_path_get_type())
G_DECLARE_FINAL_TYPE(StilePath, stile_path, STILE, PATH, GObject)

/**
 * StileRelay: a TURN server of a network.
 *
 * Properties: "number" u, "uri" s, "transport" s, "state" s (allocating, ready, failed), "relayed"
 * s, "rtt" u, "expires" t (unix µs), "error-text" s.
 */
#define STILE_TYPE_RELAY (stile_relay_get_type())
G_DECLARE_FINAL_TYPE(StileRelay, stile_relay, STILE, RELAY, GObject)

/**
 * StileNat: what stands between this machine and the internet.
 *
 * Properties: "mapping" s, "filtering" s (endpoint-independent, address-dependent,
 * address-and-port-dependent, none, unknown), "cone-name" s (open-internet, full-cone,
 * restricted-cone, port-restricted-cone, symmetric, symmetric-firewall, udp-blocked, unknown),
 * "port-allocation" s (preserving, sequential, block, random, or empty), "port-delta" i,
 * "port-block" (qq) as GVariant, "hairpin" s (yes, no, unknown), "mapping-lifetime" u (s),
 * "public-addresses" as, "port-mapping" as (pcp, nat-pmp, upnp-igd), "layers" u (0: no NAT or
 * unknown), "nat64-prefix" s, "ipv6" b, "udp-blocked" b, "captive-portal" b, "confidence" d,
 * "last-probe" t (unix µs, 0: never).
 */
#define STILE_TYPE_NAT (stile_nat_get_type())
G_DECLARE_FINAL_TYPE(StileNat, stile_nat, STILE, NAT, GObject)

/**
 * stile_engine_new:
 * @state_directory: made if it is not there
 *
 * Loads the networks; those that were up when the service died, or that are set to autoconnect,
 * come up by themselves, unless NetworkManager's helper is to ask for them (option "managed" was
 * given to up). Files that cannot be used are told by @ret_warnings and left alone.
 *
 * Errors: %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_FAILED
 */
StileEngine *stile_engine_new(const char *state_directory, GStrv *ret_warnings, GError **error);
/** Brings all networks down, without changing what is remembered: for the end of the service. */
void stile_engine_shutdown(StileEngine *engine);
/** Whether routers are still being told, after that, what is not needed any more: they hear it
 * while the main context runs on. */
gboolean stile_engine_is_leaving(StileEngine *engine);

/** Returns: (transfer container) (element-type StileNetwork) */
GPtrArray *stile_engine_networks(StileEngine *engine);

/** Returns: (transfer none): always the same */
StileNat *stile_engine_nat(StileEngine *engine);
/**
 * stile_nat_probe:
 * @options: (nullable): a{sv}: "stun" as: the servers to ask instead of the networks' own;
 * "lifetime" b: measure how long a mapping lives, too, which goes on for minutes after the call has
 * ended
 *
 * Finds out anew, in a few seconds. Calls at the same time share one probe; with options, the last
 * one's count. It is also done when a network comes up, and when the machine moves to another
 * network.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT (or no server is known), %STILE_ERROR_UNREACHABLE (no name
 * resolves), %STILE_ERROR_FAILED
 */
void stile_nat_probe(StileNat *nat, GVariant *options, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data);
gboolean stile_nat_probe_finish(StileNat *nat, GAsyncResult *result, GError **error);

/**
 * stile_engine_create_network:
 * @options: (nullable): a{sv}: "rendezvous" as, "stun" as, "turn" aa{sv} ("uri", "username",
 *   "password"), "subnet" s, "member" s (our name; the host's by default)
 *
 * Returns: (transfer none): the new network, down
 * Errors: %STILE_ERROR_INVALID_ARGUMENT, %STILE_ERROR_EXISTS, %STILE_ERROR_FAILED
 */
StileNetwork *stile_engine_create_network(StileEngine *engine, const char *name, GVariant *options,
                                          GError **error);
/**
 * stile_engine_join_network:
 * @invitation: a `stile:` URI or the text of a `*.stile` file
 * @options: (nullable): a{sv}: none yet
 *
 * Asks the broker whether the invitation was used already, for a few seconds at most. Nothing is
 * created unless it succeeds.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT, %STILE_ERROR_NOT_AUTHORIZED, %STILE_ERROR_EXPIRED,
 * %STILE_ERROR_EXISTS
 */
void stile_engine_join_network(StileEngine *engine, const char *invitation, GVariant *options,
                               GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);
/** Returns: (transfer full) */
StileNetwork *stile_engine_join_network_finish(StileEngine *engine, GAsyncResult *result,
                                               GError **error);
/** Takes it down, removes the state with its keys. */
gboolean stile_engine_remove_network(StileEngine *engine, StileNetwork *network, GError **error);

/**
 * stile_network_up:
 * @options: (nullable): a{sv}:
 *   "managed" b: somebody else (NetworkManager) configures the interface: it is created, not
 * brought up; "mtu" u; "relay" s (auto, only, never); "effort" s (low, normal, high); "lan" b:
 * whether members are looked for by mDNS, TRUE by default; "rendezvous" as, "stun" as, "turn" as:
 * instead of the network's own, until down
 *
 * Returns when the interface is there (its name is then in "interface"); "state" goes on to
 * connecting and up by itself. Up already: not an error; the options are taken over.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT, %STILE_ERROR_NOT_AUTHORIZED (no CAP_NET_ADMIN),
 * %STILE_ERROR_FAILED
 */
gboolean stile_network_up(StileNetwork *network, GVariant *options, GError **error);
void stile_network_down(StileNetwork *network);
/**
 * stile_network_invite:
 * @options: (nullable): a{sv}: "valid" t: seconds, a day by default; "format" s: `uri` (default) or
 * `file`
 *
 * Returns: (transfer full): the invitation
 */
char *stile_network_invite(StileNetwork *network, const char *name, GVariant *options,
                           GError **error);
gboolean stile_network_revoke(StileNetwork *network, const char *peer_id, GError **error);
gboolean stile_network_rename(StileNetwork *network, const char *name, GError **error);
/** @options: a{sv}: "autoconnect" b, "mtu" u, "relay" s, "effort" s, "lan" b; others are
 * refused */
gboolean stile_network_set_options(StileNetwork *network, GVariant *options, GError **error);

/** Returns: (transfer container) */
GPtrArray *stile_network_peers(StileNetwork *network);
/** Returns: (transfer container) */
GPtrArray *stile_network_relays(StileNetwork *network);

/** Returns: (transfer container) */
GPtrArray *stile_peer_paths(StilePeer *peer);
/** Tries for a direct path now. Errors: %STILE_ERROR_UNREACHABLE (not online, or the network is
 * down) */
gboolean stile_peer_probe(StilePeer *peer, GError **error);
/**
 * stile_peer_ping:
 *
 * An ICMP echo through the tunnel, made and answered by the machines' own stacks.
 *
 * Errors: %STILE_ERROR_UNREACHABLE (no answer within @timeout_ms)
 */
void stile_peer_ping(StilePeer *peer, guint timeout_ms, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data);
/** Returns: the round-trip time, microseconds; 0 with @error set */
guint stile_peer_ping_finish(StilePeer *peer, GAsyncResult *result, GError **error);

/**
 * stile_engine_set_watched:
 *
 * Counters and round-trip times ("rx-bytes", "tx-bytes", "rtt", "loss", "last-handshake") are read
 * when asked for, and notified once a second only while somebody watches.
 */
void stile_engine_set_watched(StileEngine *engine, gboolean watched);

G_END_DECLS
