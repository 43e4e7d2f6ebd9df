/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "mosquitto.h"
#include "rendezvous/rendezvous.h"

#define TEST_NETWORK_KEY ((const guint8[STILE_KEY_SIZE]){42})

/*
 * A member of a test network, named by a letter, and a log of what it was told.
 */
typedef struct {
    char name;
    StileClock *clock;
    StileRendezvous *rendezvous;
    GPtrArray *log;
    guint read; /* how much of the log was waited for */
} Member;

/** @clock: (nullable): %NULL for the real one */
Member *member_new(char name, StileClock *clock);
void member_free(Member *member);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Member, member_free)

/* What the member of that name is to others */
StileMember public_of(char name);

/* The functions of rendezvous.h, with letters for members and text for bytes */
void say(Member *member, const char *presence);
void know(Member *member, char name);
gboolean tell(Member *member, char name, const char *text);
gboolean pass(Member *member, char name, const char *text);
void add_url(Member *member, const char *url);
void add_broker(Member *member, Mosquitto *mosquitto);

/* Does one thing more, or waits a little; fails at @deadline. */
void turn(gint64 deadline);
void turns(guint count);
/* Waits for a line of the log that was not waited for yet, with @what in it; what is before it
 * counts as waited for. */
const char *wait_for(Member *member, const char *what);
/* The same, while time passes in the virtual clock of @member. */
const char *pass_time_until(Member *member, const char *what);
/* How many such lines there were. */
guint lines_of(Member *member, const char *what);

/* LeakSanitizer (of gcc 12 and clang 14) crashes over the thread-local memory of GnuTLS in a thread
 * of GIO's pool, which would otherwise still wait for work at the end. */
void end_threads(void);
