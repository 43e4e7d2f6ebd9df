/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "rendezvous/envelope.h"

G_BEGIN_DECLS

/**
 * StileAttendance:
 *
 * Who is present on which broker, by the presences opened so far; it decides which of them are news
 * and which are old, repeated or replayed. README.md has the rules. Pure: no clock. It remembers a
 * bounded number of devices; members are never forgotten for strangers.
 */
typedef struct _StileAttendance StileAttendance;

#define STILE_ATTENDANCE_MAX 4096

typedef enum {
    STILE_NEWS_OLD,     /* nothing to tell */
    STILE_NEWS_PRESENT, /* its payload is new, or it came back */
    STILE_NEWS_GONE,    /* it was present, and is on no broker now */
    STILE_NEWS_ABSENT,  /* it was not present before either, but this is the newest word of it */
} StileNews;

StileAttendance *stile_attendance_new(void);
void stile_attendance_free(StileAttendance *attendance);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileAttendance, stile_attendance_free)

/** @server: a small number; which broker it came from */
StileNews stile_attendance_update(StileAttendance *attendance, guint server,
                                  const StilePresenceStamp *presence);

/** A new connection to @server: what is there now will be told again. */
void stile_attendance_begin(StileAttendance *attendance, guint server);
/**
 * stile_attendance_lost:
 *
 * The connection to @server broke. Nobody is told to be gone for that; but who is said to be gone
 * by another broker is gone, even if it was on this one.
 */
void stile_attendance_lost(StileAttendance *attendance, guint server);
typedef void (*StileAttendanceFunc)(const guint8 device[STILE_KEY_SIZE], gpointer user_data);
/**
 * stile_attendance_settle:
 * @gone: called for each device that is on no broker now, after all are counted
 *
 * Everything that @server has was told since stile_attendance_begin(): what was not is not there.
 */
void stile_attendance_settle(StileAttendance *attendance, guint server, StileAttendanceFunc gone,
                             gpointer user_data);

/** Whether @device is present on @server. @ret_life: (out) (optional): its life, then */
gboolean stile_attendance_is_at(StileAttendance *attendance, const guint8 device[STILE_KEY_SIZE],
                                guint server, guint64 *ret_life);
/** @device is a member, or is not any more. */
void stile_attendance_keep(StileAttendance *attendance, const guint8 device[STILE_KEY_SIZE],
                           gboolean keep);

G_END_DECLS
