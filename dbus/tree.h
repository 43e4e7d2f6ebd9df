/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "dbus/bridge.h"

G_BEGIN_DECLS

/**
 * StileTree:
 *
 * The engine's objects as objects on the bus: a root at #STILE_ROOT_PATH with the ObjectManager,
 * and below it what its kind says, followed as it comes and goes.
 */
typedef struct _StileTree StileTree;

/** Shows @root and all below it on @connection. Errors: those of g_dbus_interface_skeleton_export()
 */
StileTree *stile_tree_new(GDBusConnection *connection, const StileKind *kind, GObject *root,
                          GError **error);
void stile_tree_free(StileTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StileTree, stile_tree_free)

G_END_DECLS
