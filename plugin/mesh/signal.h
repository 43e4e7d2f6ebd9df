/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ice/candidate.h"
#include "nat/mapping.h"

G_BEGIN_DECLS

/*
 * What members tell each other through the rendezvous, once the envelope is off: the presence that
 * all may read, and the messages to one peer. Pure codecs; byte strings that begin with a version
 * and may grow at their end: what a newer Stile adds behind is ignored.
 */

#define STILE_SIGNAL_MAX_SIZE       4096
#define STILE_SIGNAL_MAX_CANDIDATES 64

/**
 * StileStunOffer:
 * @second_port: another port there that answers too (CHANGE-REQUEST); 0: none
 *
 * Where a member with an open address answers STUN for the others (nat/responder.h).
 */
typedef struct {
    StileAddress address;
    guint16 second_port;
} StileStunOffer;

#define STILE_STUN_MAX_OFFERS 4

/**
 * StilePresence:
 * @certificate: (nullable): the sender's
 * @revocations: (nullable): the newest list the sender knows: so it spreads without its author
 * @offers: STUN by the sender
 *
 * Certificate and revocations are views into the bytes it was parsed from.
 */
typedef struct {
    const guint8 *certificate;
    gsize certificate_size;
    const guint8 *revocations;
    gsize revocations_size;
    StileStunOffer offers[STILE_STUN_MAX_OFFERS];
    guint n_offers;
} StilePresence;

/** @offers: those after the first #STILE_STUN_MAX_OFFERS are left out. Returns: (transfer full):
 * the payload */
GBytes *stile_presence_write(GBytes *certificate, GBytes *revocations, const StileStunOffer *offers,
                             guint n_offers);
/** Errors: %STILE_ERROR_INVALID_ARGUMENT */
gboolean stile_presence_parse(StilePresence *ret, const guint8 *data, gsize size, GError **error);

/**
 * StileSignalKind:
 * @STILE_SIGNAL_ICE: the sender's ICE credentials and all its candidates: the whole state, sent
 * again whenever it changes, so that no message depends on another
 * @STILE_SIGNAL_RETRY: check the failed pairs with me now: both sides' packets must leave at about
 *   the same time to open both firewalls
 */
typedef enum {
    STILE_SIGNAL_ICE = 1,
    STILE_SIGNAL_RETRY = 2,
} StileSignalKind;

/**
 * StileSignal:
 * @ack: the recipient's own ufrag as the sender knows it, empty when it does not
 * @complete: no more candidates are expected soon (RFC 8838 end-of-candidates)
 * @udp_blocked: no STUN server has ever answered the sender
 * @mapping, @filtering: what the sender's NAT does, as far as known
 */
typedef struct {
    StileSignalKind kind;
    char ufrag[33];
    char password[65];
    char ack[33];
    gboolean complete;
    gboolean udp_blocked;
    StileNatBehaviour mapping;
    StileNatBehaviour filtering;
    guint n_candidates;
    StileCandidate candidates[STILE_SIGNAL_MAX_CANDIDATES];
} StileSignal;

/** Returns: the size written to @buffer, 0 when it does not fit */
gsize stile_signal_write(const StileSignal *signal, guint8 *buffer, gsize size);
/**
 * stile_signal_parse:
 *
 * Candidates that we would never send to (stile_candidate_read()) make the whole signal bad.
 *
 * Errors: %STILE_ERROR_INVALID_ARGUMENT
 */
gboolean stile_signal_parse(StileSignal *ret, const guint8 *data, gsize size, GError **error);

G_END_DECLS
