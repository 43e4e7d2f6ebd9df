/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What every program of NetworkManager loads (nmcli, the settings panels): import and export, and
 * the way to the editor. It links no toolkit; the editor that fits the program's is loaded when
 * asked for.
 */
#include "config.h"

#include "profile.h"

#include <dlfcn.h>
#include <errno.h>
#include <glib/gi18n-lib.h>
#include <sys/stat.h>

#define EDITOR_FACTORY "nm_vpn_editor_factory_stile"
typedef NMVpnEditor *(*EditorFactory)(NMVpnEditorPlugin *plugin, NMConnection *connection,
                                      GError **error);

#define STILE_TYPE_EDITOR_PLUGIN (stile_editor_plugin_get_type())
G_DECLARE_FINAL_TYPE(StileEditorPlugin, stile_editor_plugin, STILE, EDITOR_PLUGIN, GObject)

struct _StileEditorPlugin {
    GObject parent_instance;
};

enum {
    PROP_0,
    PROP_NAME,
    PROP_DESCRIPTION,
    PROP_SERVICE,
};

/* A file that a person picked: of bounded size, and a regular one, so that reading it ends. */
static char *
read_file(const char *path, gsize *ret_size, GError **error)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GFileInfo) info = NULL;
    g_autofree char *text = NULL;

    info = g_file_query_info(file,
                             G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE,
                             G_FILE_QUERY_INFO_NONE, NULL, error);
    if (info == NULL)
        return NULL;
    if (g_file_info_get_file_type(info) != G_FILE_TYPE_REGULAR ||
        g_file_info_get_size(info) > STILE_PROFILE_SIZE_MAX) {
        g_set_error_literal(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                            _("The file is too large to be an invitation or a profile of Stile"));
        return NULL;
    }
    if (!g_file_load_contents(file, NULL, &text, ret_size, NULL, error))
        return NULL;
    return g_steal_pointer(&text);
}

static NMConnection *
import_from_file(NMVpnEditorPlugin *plugin, const char *path, GError **error)
{
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *text = NULL;
    gsize size;

    text = read_file(path, &size, error);
    if (text == NULL)
        return NULL;
    if (g_str_has_suffix(base, ".stile"))
        base[strlen(base) - strlen(".stile")] = '\0';
    return stile_profile_import(text, size, base, error);
}

static gboolean
export_to_file(NMVpnEditorPlugin *plugin, const char *path, NMConnection *connection,
               GError **error)
{
    g_autofree char *text = stile_profile_export(connection, error);

    return text != NULL && g_file_set_contents(path, text, -1, error);
}

static char *
get_suggested_filename(NMVpnEditorPlugin *plugin, NMConnection *connection)
{
    const char *id = nm_connection_get_id(connection);
    g_autofree char *name = g_strdup(id != NULL ? id : "network");

    return g_strconcat(g_strdelimit(name, "/", '-'), ".stile", NULL);
}

static NMVpnEditorPluginCapability
get_capabilities(NMVpnEditorPlugin *plugin)
{
    return NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT | NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
           NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6;
}

/* Beside this module, wherever it lies: that way an installation under any prefix works. */
static char *
editor_path(void)
{
    gboolean gtk3 = dlsym(RTLD_DEFAULT, "gtk_container_add") != NULL;
    g_autofree char *directory = NULL;
    Dl_info info;

    if (dladdr(stile_profile_keys, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    directory = g_path_get_dirname(info.dli_fname);
    return g_build_filename(
        directory,
        gtk3 ? "libnm-vpn-plugin-stile-editor.so" : "libnm-gtk4-vpn-plugin-stile-editor.so", NULL);
}

static NMVpnEditor *
get_editor(NMVpnEditorPlugin *plugin, NMConnection *connection, GError **error)
{
    g_autofree char *path = editor_path();
    void *module = path != NULL ? dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE) : NULL;
    EditorFactory factory = NULL;

    if (module != NULL) {
        /* ISO C has no cast from an object pointer to a function pointer. */
        *(void **)&factory = dlsym(module, EDITOR_FACTORY);
    }
    if (factory == NULL) {
        g_set_error(error, NM_VPN_PLUGIN_ERROR, NM_VPN_PLUGIN_ERROR_FAILED,
                    _("The editor of Stile cannot be loaded: %s"), dlerror());
        return NULL;
    }
    return factory(plugin, connection, error);
}

static void
editor_plugin_interface_init(NMVpnEditorPluginInterface *interface)
{
    interface->get_editor = get_editor;
    interface->get_capabilities = get_capabilities;
    interface->import_from_file = import_from_file;
    interface->export_to_file = export_to_file;
    interface->get_suggested_filename = get_suggested_filename;
}

G_DEFINE_TYPE_WITH_CODE(StileEditorPlugin, stile_editor_plugin, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(NM_TYPE_VPN_EDITOR_PLUGIN,
                                              editor_plugin_interface_init))

static void
get_property(GObject *object, guint property, GValue *value, GParamSpec *spec)
{
    switch (property) {
    case PROP_NAME:
        g_value_set_string(value, "Stile");
        break;
    case PROP_DESCRIPTION:
        g_value_set_string(value, _("Reach your own machines, wherever they are"));
        break;
    case PROP_SERVICE:
        g_value_set_string(value, STILE_VPN_SERVICE);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, property, spec);
    }
}

static void
stile_editor_plugin_class_init(StileEditorPluginClass *class)
{
    GObjectClass *object_class = G_OBJECT_CLASS(class);

    object_class->get_property = get_property;
    g_object_class_override_property(object_class, PROP_NAME, NM_VPN_EDITOR_PLUGIN_NAME);
    g_object_class_override_property(object_class, PROP_DESCRIPTION,
                                     NM_VPN_EDITOR_PLUGIN_DESCRIPTION);
    g_object_class_override_property(object_class, PROP_SERVICE, NM_VPN_EDITOR_PLUGIN_SERVICE);
}

static void
stile_editor_plugin_init(StileEditorPlugin *plugin)
{
}

/** nm_vpn_editor_plugin_factory: what libnm looks for in the module. Returns: (transfer full) */
G_MODULE_EXPORT NMVpnEditorPlugin *
nm_vpn_editor_plugin_factory(GError **error)
{
    bindtextdomain(GETTEXT_PACKAGE, LOCALEDIR);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    return g_object_new(STILE_TYPE_EDITOR_PLUGIN, NULL);
}
