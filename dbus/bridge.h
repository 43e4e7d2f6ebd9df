/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _StileKind StileKind;

/** One method of an interface: which right it needs, and what it does. */
typedef struct {
    const char *name;
    const char *action; /* of polkit; NULL: open to everybody */
    /** Ends @invocation, now or later, with stile_bridge_return(). */
    void (*call)(gpointer object, GVariant *parameters, GDBusMethodInvocation *invocation);
} StileMethod;

/** Objects that belong to an object: the property that lists them and where they are shown. */
typedef struct {
    const char *property; /* "Peers", of type ao */
    const char *folder;   /* "peer": their paths are OBJECT/peer/1, … */
    /** Returns: (transfer container) */
    GPtrArray *(*list)(gpointer object);
    const char *added, *removed; /* signals of the engine's object */
    const char *number;          /* (nullable): a property of the child: its number in the path */
    const StileKind *kind;
} StileChildren;

/** The one object of its kind that an object has, as long as that lives. */
typedef struct {
    const char *property; /* "Nat", of type o: the GObject property of that name */
    const char *folder;   /* "nat": its path is OBJECT/nat */
    const StileKind *kind;
} StileOnly;

/**
 * StileKind:
 *
 * All that is to be said about showing one kind of engine object on the bus. Properties need no
 * word: each is the GObject property of the same name in lower-case with dashes.
 */
struct _StileKind {
    const GDBusInterfaceInfo *interface;
    const StileMethod *methods;    /* (nullable): until one without a name */
    const StileChildren *children; /* (nullable): until one without a property */
    const StileOnly *only;         /* (nullable): until one without a property */
};

/**
 * StileBridge:
 *
 * One engine object as one D-Bus interface, by introspection of both. Nothing is kept twice:
 * whoever reads a property gets the engine's value of that moment. Changes are sent once per turn
 * of the main loop.
 */
#define STILE_TYPE_BRIDGE (stile_bridge_get_type())
G_DECLARE_FINAL_TYPE(StileBridge, stile_bridge, STILE, BRIDGE, GDBusInterfaceSkeleton)

StileBridge *stile_bridge_new(const StileKind *kind, GObject *object);

/** The list @property of children is another now. */
void stile_bridge_children_changed(StileBridge *bridge, const char *property);

/**
 * stile_bridge_return:
 * @value: (nullable): a tuple; floating references are taken
 * @error: (nullable) (transfer full): instead of @value
 *
 * Ends a call. What it changed is signalled before the answer, so that a caller who follows the
 * properties knows them when the call returns.
 */
void stile_bridge_return(GDBusMethodInvocation *invocation, GVariant *value, GError *error);

/** Returns: (nullable): the path at which @object is shown */
const char *stile_object_path(gpointer object);
/** @path: (nullable): %NULL: not shown any more */
void stile_object_set_path(gpointer object, const char *path);

G_END_DECLS
