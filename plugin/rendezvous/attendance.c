/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rendezvous/attendance.h"

#include <string.h>

/* What one broker has of one device: the newest of its connections there. */
typedef struct {
    guint64 epoch;
    guint64 sequence;
    guint64 life;
    gboolean present;
    gboolean confirmed; /* since we connected */
} Slot;

typedef struct {
    guint8 device[STILE_KEY_SIZE];
    guint64 life; /* the newest */
    guint64 sequence;
    gboolean told; /* as present */
    gboolean keep;
    GArray *slots; /* of Slot, by server */
} Entry;

struct _StileAttendance {
    GHashTable *entries; /* by device */
    GArray *heard;       /* of gboolean, by server */
};

static void
entry_free(gpointer data)
{
    Entry *entry = data;

    g_array_unref(entry->slots);
    g_free(entry);
}

StileAttendance *
stile_attendance_new(void)
{
    StileAttendance *attendance = g_new0(StileAttendance, 1);

    attendance->heard = g_array_new(FALSE, TRUE, sizeof(gboolean));
    attendance->entries = g_hash_table_new_full(stile_key_hash, stile_key_equal, NULL, entry_free);
    return attendance;
}

void
stile_attendance_free(StileAttendance *attendance)
{
    if (!attendance)
        return;
    g_hash_table_unref(attendance->entries);
    g_array_unref(attendance->heard);
    g_free(attendance);
}

static void
make_room(StileAttendance *attendance)
{
    GHashTableIter iter;
    gpointer value;

    if (g_hash_table_size(attendance->entries) < STILE_ATTENDANCE_MAX)
        return;
    g_hash_table_iter_init(&iter, attendance->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (!((Entry *)value)->keep) {
            g_hash_table_iter_remove(&iter);
            return;
        }
}

static Entry *
take_entry(StileAttendance *attendance, const guint8 device[STILE_KEY_SIZE])
{
    Entry *entry = g_hash_table_lookup(attendance->entries, device);

    if (entry)
        return entry;
    make_room(attendance);
    entry = g_new0(Entry, 1);
    memcpy(entry->device, device, STILE_KEY_SIZE);
    entry->slots = g_array_new(FALSE, TRUE, sizeof(Slot));
    g_hash_table_insert(attendance->entries, entry->device, entry);
    return entry;
}

static Slot *
find_slot(const Entry *entry, guint server)
{
    return server < entry->slots->len ? &g_array_index(entry->slots, Slot, server) : NULL;
}

/* A connection of an earlier life is over, even where its last will has not arrived yet. */
static gboolean
is_present(const Entry *entry, const Slot *slot)
{
    return slot->present && slot->life == entry->life;
}

/* On a broker that we hear: of one that we lost, nobody knows, and we could not reach it there. */
static gboolean
is_anywhere(StileAttendance *attendance, const Entry *entry)
{
    for (guint i = 0; i < MIN(entry->slots->len, attendance->heard->len); i++)
        if (g_array_index(attendance->heard, gboolean, i) &&
            is_present(entry, &g_array_index(entry->slots, Slot, i)))
            return TRUE;
    return FALSE;
}

static void
set_heard(StileAttendance *attendance, guint server, gboolean heard)
{
    if (server >= attendance->heard->len)
        g_array_set_size(attendance->heard, server + 1);
    g_array_index(attendance->heard, gboolean, server) = heard;
}

/* Returns: whether its state or payload was not known; raises what is the newest. */
static gboolean
raise_newest(Entry *entry, const StilePresenceStamp *presence)
{
    if (presence->life < entry->life)
        return FALSE;
    if (presence->life > entry->life) {
        entry->life = presence->life;
        entry->sequence = 0;
    }
    /* The sequence of a last will ends its connection, not the sequences of the device. */
    if (presence->gone || presence->sequence <= entry->sequence)
        return FALSE;
    entry->sequence = presence->sequence;
    return TRUE;
}

StileNews
stile_attendance_update(StileAttendance *attendance, guint server,
                        const StilePresenceStamp *presence)
{
    Entry *entry = take_entry(attendance, presence->device);
    Slot *slot;
    gboolean newer;

    if (server >= entry->slots->len)
        g_array_set_size(entry->slots, server + 1);
    slot = find_slot(entry, server);
    if (presence->epoch < slot->epoch ||
        (presence->epoch == slot->epoch && presence->sequence < slot->sequence))
        return STILE_NEWS_OLD;
    *slot = (Slot){
        .epoch = presence->epoch,
        .sequence = presence->sequence,
        .life = presence->life,
        .present = !presence->gone,
        .confirmed = TRUE,
    };
    newer = raise_newest(entry, presence);
    if (!is_anywhere(attendance, entry)) {
        gboolean told = entry->told;

        entry->told = FALSE;
        if (told)
            return STILE_NEWS_GONE;
        return presence->gone && presence->life == entry->life ? STILE_NEWS_ABSENT : STILE_NEWS_OLD;
    }
    if (newer ||
        (!entry->told && is_present(entry, slot) && presence->sequence == entry->sequence)) {
        entry->told = TRUE;
        return STILE_NEWS_PRESENT;
    }
    return STILE_NEWS_OLD;
}

void
stile_attendance_begin(StileAttendance *attendance, guint server)
{
    GHashTableIter iter;
    gpointer value;

    set_heard(attendance, server, TRUE);
    g_hash_table_iter_init(&iter, attendance->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Slot *slot = find_slot(value, server);

        if (slot)
            slot->confirmed = FALSE;
    }
}

void
stile_attendance_lost(StileAttendance *attendance, guint server)
{
    set_heard(attendance, server, FALSE);
}

void
stile_attendance_settle(StileAttendance *attendance, guint server, StileAttendanceFunc gone,
                        gpointer user_data)
{
    g_autoptr(GArray) devices = g_array_new(FALSE, FALSE, STILE_KEY_SIZE);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, attendance->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Entry *entry = value;
        Slot *slot = find_slot(entry, server);

        if (!slot || slot->confirmed)
            continue;
        slot->present = FALSE;
        if (entry->told && !is_anywhere(attendance, entry)) {
            entry->told = FALSE;
            g_array_append_vals(devices, entry->device, 1);
        }
    }
    for (guint i = 0; i < devices->len; i++)
        gone((const guint8 *)devices->data + i * STILE_KEY_SIZE, user_data);
}

gboolean
stile_attendance_is_at(StileAttendance *attendance, const guint8 device[STILE_KEY_SIZE],
                       guint server, guint64 *ret_life)
{
    const Entry *entry = g_hash_table_lookup(attendance->entries, device);
    const Slot *slot = entry ? find_slot(entry, server) : NULL;

    if (!slot || !is_present(entry, slot))
        return FALSE;
    if (ret_life)
        *ret_life = entry->life;
    return TRUE;
}

void
stile_attendance_keep(StileAttendance *attendance, const guint8 device[STILE_KEY_SIZE],
                      gboolean keep)
{
    take_entry(attendance, device)->keep = keep;
}
