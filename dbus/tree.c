/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tree.h"
#include "dbus/names.h"

typedef struct _Node Node;

/* One list of children of a node, in the order of the kind's. */
typedef struct {
    Node *node;
    const StileChildren *children;
    guint last_number;
} Branch;

struct _Node {
    GDBusObjectManagerServer *server;
    GObject *object;
    char *path;
    StileBridge *bridge;
    GArray *branches;  /* of Branch */
    GHashTable *nodes; /* (nullable): GObject -> Node; most have none */
};

struct _StileTree {
    GDBusObjectManagerServer *server;
    Node *root;
};

static Node *node_new(GDBusObjectManagerServer *server, const StileKind *kind, GObject *object,
                      const char *path);

static gboolean
is_root(Node *node)
{
    return g_str_equal(node->path, STILE_ROOT_PATH);
}

static void
node_free(Node *node)
{
    for (guint i = 0; i < node->branches->len; i++)
        g_signal_handlers_disconnect_by_data(node->object,
                                             &g_array_index(node->branches, Branch, i));
    g_clear_pointer(&node->nodes, g_hash_table_unref);
    g_array_unref(node->branches);
    stile_object_set_path(node->object, NULL);
    if (is_root(node))
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(node->bridge));
    else
        g_dbus_object_manager_server_unexport(node->server, node->path);
    g_object_unref(node->bridge);
    g_object_unref(node->object);
    g_object_unref(node->server);
    g_free(node->path);
    g_free(node);
}

static void
put_node(Node *parent, GObject *object, const StileKind *kind, const char *path)
{
    if (!parent->nodes)
        parent->nodes = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)node_free);
    g_hash_table_insert(parent->nodes, object, node_new(parent->server, kind, object, path));
}

static guint
choose_number(Branch *branch, GObject *child)
{
    guint number = 0;

    if (branch->children->number)
        g_object_get(child, branch->children->number, &number, NULL);
    else
        number = ++branch->last_number;
    return number;
}

static void
on_added(gpointer parent, gpointer child, gpointer user_data)
{
    Branch *branch = user_data;
    Node *node = branch->node;
    g_autofree char *path = NULL;

    if (node->nodes && g_hash_table_contains(node->nodes, child))
        return;
    path = g_strdup_printf("%s/%s/%u", node->path, branch->children->folder,
                           choose_number(branch, child));
    put_node(node, child, branch->children->kind, path);
    stile_bridge_children_changed(node->bridge, branch->children->property);
}

static void
on_removed(gpointer parent, gpointer child, gpointer user_data)
{
    Branch *branch = user_data;

    if (branch->node->nodes && g_hash_table_remove(branch->node->nodes, child))
        stile_bridge_children_changed(branch->node->bridge, branch->children->property);
}

static void
follow(Branch *branch)
{
    const StileChildren *children = branch->children;
    GObject *object = branch->node->object;
    g_autoptr(GPtrArray) list = children->list(object);

    for (guint i = 0; i < list->len; i++)
        on_added(object, list->pdata[i], branch);
    g_signal_connect(object, children->added, G_CALLBACK(on_added), branch);
    g_signal_connect(object, children->removed, G_CALLBACK(on_removed), branch);
}

static void
export_at(Node *node)
{
    g_autoptr(GDBusObjectSkeleton) skeleton = g_dbus_object_skeleton_new(node->path);

    g_dbus_object_skeleton_add_interface(skeleton, G_DBUS_INTERFACE_SKELETON(node->bridge));
    g_dbus_object_manager_server_export(node->server, skeleton);
}

static void
add_only(Node *node, const StileOnly *only)
{
    g_autofree char *name = stile_name_to_dashes(only->property);
    g_autofree char *path = g_strdup_printf("%s/%s", node->path, only->folder);
    g_autoptr(GObject) object = NULL;

    g_object_get(node->object, name, &object, NULL);
    put_node(node, object, only->kind, path);
}

static Node *
node_new(GDBusObjectManagerServer *server, const StileKind *kind, GObject *object, const char *path)
{
    Node *node = g_new0(Node, 1);

    node->server = g_object_ref(server);
    node->object = g_object_ref(object);
    node->path = g_strdup(path);
    node->branches = g_array_new(FALSE, TRUE, sizeof(Branch));
    stile_object_set_path(object, path);
    for (const StileOnly *only = kind->only; only && only->property; only++)
        add_only(node, only);
    node->bridge = stile_bridge_new(kind, object);
    /* The server shows nothing on its own path: the root is exported by stile_tree_new(). */
    if (!is_root(node))
        export_at(node);
    for (const StileChildren *c = kind->children; c && c->property; c++) {
        Branch branch = {node, c, 0};
        g_array_append_val(node->branches, branch);
    }
    /* Only now that the array does not move any more. */
    for (guint i = 0; i < node->branches->len; i++)
        follow(&g_array_index(node->branches, Branch, i));
    return node;
}

StileTree *
stile_tree_new(GDBusConnection *connection, const StileKind *kind, GObject *root, GError **error)
{
    g_autoptr(StileTree) tree = g_new0(StileTree, 1);

    tree->server = g_dbus_object_manager_server_new(STILE_ROOT_PATH);
    tree->root = node_new(tree->server, kind, root, STILE_ROOT_PATH);
    if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(tree->root->bridge), connection,
                                          STILE_ROOT_PATH, error))
        return NULL;
    g_dbus_object_manager_server_set_connection(tree->server, connection);
    return g_steal_pointer(&tree);
}

void
stile_tree_free(StileTree *tree)
{
    g_clear_pointer(&tree->root, node_free);
    g_object_unref(tree->server);
    g_free(tree);
}
