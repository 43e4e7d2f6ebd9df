/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "ctl.h"
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/** All objects of the service with their properties, as they were at one moment. */
typedef struct _CtlSnapshot CtlSnapshot;

CtlSnapshot *ctl_snapshot_new(Ctl *ctl, GError **error);
void ctl_snapshot_free(CtlSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlSnapshot, ctl_snapshot_free)

/* Of the object at @path. What is not there is "", 0, %FALSE or an empty list. */
const char *ctl_text(CtlSnapshot *snapshot, const char *path, const char *property);
double ctl_number(CtlSnapshot *snapshot, const char *path, const char *property);
guint64 ctl_count(CtlSnapshot *snapshot, const char *path, const char *property);
gboolean ctl_flag(CtlSnapshot *snapshot, const char *path, const char *property);
/** Returns: (transfer full): of a property of type as or ao */
GStrv ctl_list(CtlSnapshot *snapshot, const char *path, const char *property);
/** Returns: (transfer full) (nullable) */
GVariant *ctl_property(CtlSnapshot *snapshot, const char *path, const char *property);

/**
 * ctl_find_network:
 * @which: (nullable): a name, an id or the beginning of one, or an interface; %NULL: the only one
 *
 * Returns: (transfer none): its object path
 */
const char *ctl_find_network(CtlSnapshot *snapshot, const char *which, GError **error);
/** @which: a name, an address, an id or its beginning; @network: (nullable): as above; %NULL: any
 */
const char *ctl_find_peer(CtlSnapshot *snapshot, const char *network, const char *which,
                          GError **error);

/**
 * ctl_snapshot_json:
 *
 * Returns: (transfer full): the object at @path: "object" and its properties; lists of objects are
 * the objects themselves
 */
JsonNode *ctl_snapshot_json(CtlSnapshot *snapshot, const char *path);
/** Says what was done to the object at @path: @format to people, its id and name to programs. */
void ctl_print_done(Ctl *ctl, CtlSnapshot *snapshot, const char *path, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

G_END_DECLS
