/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page of a Stile profile in the settings panels. Compiled twice: for GTK 3
 * (nm-connection-editor, Xfce, MATE, Cinnamon) and for GTK 4 (GNOME); the few calls that differ are
 * at the top.
 */
#include "config.h"

#include "profile.h"

#include <glib/gi18n-lib.h>
#include <gtk/gtk.h>

#define SPACING 12

#if GTK_CHECK_VERSION(4, 0, 0)

static GtkWidget *
choice_new(const char *const *labels)
{
    return gtk_drop_down_new_from_strings(labels);
}

static void
choice_select(GtkWidget *choice, guint index)
{
    gtk_drop_down_set_selected(GTK_DROP_DOWN(choice), index);
}

static guint
choice_selected(GtkWidget *choice)
{
    return gtk_drop_down_get_selected(GTK_DROP_DOWN(choice));
}

#define CHOICE_SIGNAL           "notify::selected"
#define entry_set_text(e, text) gtk_editable_set_text(GTK_EDITABLE(e), text)
#define entry_text(e)           gtk_editable_get_text(GTK_EDITABLE(e))
#define show_all(widget)        gtk_widget_set_visible(widget, TRUE)

#else

static GtkWidget *
choice_new(const char *const *labels)
{
    GtkWidget *choice = gtk_combo_box_text_new();

    for (; *labels != NULL; labels++)
        gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(choice), *labels);
    return choice;
}

static void
choice_select(GtkWidget *choice, guint index)
{
    gtk_combo_box_set_active(GTK_COMBO_BOX(choice), (int)index);
}

static guint
choice_selected(GtkWidget *choice)
{
    return (guint)MAX(gtk_combo_box_get_active(GTK_COMBO_BOX(choice)), 0);
}

#define CHOICE_SIGNAL           "changed"
#define entry_set_text(e, text) gtk_entry_set_text(GTK_ENTRY(e), text)
#define entry_text(e)           gtk_entry_get_text(GTK_ENTRY(e))
#define show_all(widget)        gtk_widget_show_all(widget)

#endif

#define STILE_TYPE_EDITOR (stile_editor_get_type())
G_DECLARE_FINAL_TYPE(StileEditor, stile_editor, STILE, EDITOR, GObject)

struct _StileEditor {
    GObject parent_instance;
    GtkWidget *grid;
    int rows;
    GtkWidget *invitation; /* %NULL once the profile names a network */
    GtkWidget *rendezvous, *stun, *turn, *turn_password;
    GtkWidget *relay, *effort, *mtu;
};

static void stile_editor_interface_init(NMVpnEditorInterface *interface);
G_DEFINE_TYPE_WITH_CODE(StileEditor, stile_editor, G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(NM_TYPE_VPN_EDITOR, stile_editor_interface_init))

static void
on_changed(StileEditor *editor)
{
    g_signal_emit_by_name(editor, "changed");
}

static GtkWidget *
add_row(StileEditor *editor, const char *label, GtkWidget *widget, const char *tooltip)
{
    GtkWidget *caption = gtk_label_new_with_mnemonic(label);

    gtk_label_set_xalign(GTK_LABEL(caption), 1);
    gtk_label_set_mnemonic_widget(GTK_LABEL(caption), widget);
    gtk_widget_set_tooltip_text(widget, tooltip);
    gtk_widget_set_hexpand(widget, TRUE);
    gtk_grid_attach(GTK_GRID(editor->grid), caption, 0, editor->rows, 1, 1);
    gtk_grid_attach(GTK_GRID(editor->grid), widget, 1, editor->rows, 1, 1);
    editor->rows++;
    return widget;
}

static GtkWidget *
add_entry(StileEditor *editor, const char *label, const char *value, const char *placeholder,
          const char *tooltip)
{
    GtkWidget *entry = add_row(editor, label, gtk_entry_new(), tooltip);

    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), placeholder);
    entry_set_text(entry, value != NULL ? value : "");
    g_signal_connect_swapped(entry, "changed", G_CALLBACK(on_changed), editor);
    return entry;
}

static guint
index_of(const char *const *words, const char *word)
{
    for (guint i = 0; word != NULL && words[i] != NULL; i++) {
        if (g_str_equal(words[i], word))
            return i;
    }
    return 0;
}

static GtkWidget *
add_choice(StileEditor *editor, const char *label, const char *const *labels,
           const char *const *words, const char *word, const char *tooltip)
{
    GtkWidget *choice = add_row(editor, label, choice_new(labels), tooltip);

    choice_select(choice, index_of(words, word));
    g_signal_connect_swapped(choice, CHOICE_SIGNAL, G_CALLBACK(on_changed), editor);
    return choice;
}

static void
add_network(StileEditor *editor, const char *id, const char *invitation)
{
    if (id != NULL && invitation == NULL) {
        GtkWidget *label = gtk_label_new(id);

        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_label_set_selectable(GTK_LABEL(label), TRUE);
        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_MIDDLE);
        add_row(editor, _("Network"), label, _("The key of the network, the same on all members"));
        return;
    }
    editor->invitation = add_entry(
        editor, _("_Invitation"), invitation, "stile:…",
        _("From a member of the network; it is used up when the connection is first "
          "switched on"));
}

static void
add_mtu(StileEditor *editor, const char *value)
{
    editor->mtu = add_row(editor, _("M_TU"),
                          gtk_spin_button_new_with_range(0, STILE_PROFILE_MTU_MAX, 10),
                          _("Largest packet in bytes; 0: as the network says"));
    gtk_spin_button_set_value(GTK_SPIN_BUTTON(editor->mtu),
                              value != NULL ? (double)g_ascii_strtoull(value, NULL, 10) : 0);
    g_signal_connect_swapped(editor->mtu, "value-changed", G_CALLBACK(on_changed), editor);
}

static void
build(StileEditor *editor, NMSettingVpn *vpn)
{
    const char *const relays[] = {_("When there is no direct path"), _("Always"), _("Never"), NULL};
    const char *const efforts[] = {_("Normal"), _("Low (saves battery)"), _("High"), NULL};
    const char *values[7] = {NULL};

    for (guint i = 0; vpn != NULL && i < G_N_ELEMENTS(values); i++)
        values[i] = nm_setting_vpn_get_data_item(vpn, stile_profile_keys[i]);
    add_network(editor, values[0],
                vpn != NULL ? nm_setting_vpn_get_secret(vpn, STILE_PROFILE_INVITATION) : NULL);
    editor->relay = add_choice(editor, _("Use _relays"), relays, stile_profile_relays, values[4],
                               _("Relays carry sealed packets and see none of the content"));
    editor->effort = add_choice(editor, _("_Effort"), efforts, stile_profile_efforts, values[5],
                                _("How hard to try for a direct path"));
    add_mtu(editor, values[6]);
    editor->rendezvous = add_entry(editor, _("_Brokers"), values[1], _("As the network says"),
                                   _("Where members meet: mqtts://host, separated by spaces"));
    editor->stun = add_entry(editor, _("_STUN servers"), values[2], _("As the network says"),
                             _("host or host:port, separated by spaces"));
    editor->turn = add_entry(editor, _("TU_RN servers"), values[3], _("As the network says"),
                             _("turn:user@host, separated by spaces"));
    editor->turn_password = add_entry(
        editor, _("TURN _password"),
        vpn != NULL ? nm_setting_vpn_get_secret(vpn, STILE_PROFILE_TURN_PASSWORD) : NULL, NULL,
        _("For the servers above"));
    gtk_entry_set_visibility(GTK_ENTRY(editor->turn_password), FALSE);
}

static GObject *
stile_editor_get_widget(NMVpnEditor *editor)
{
    return G_OBJECT(STILE_EDITOR(editor)->grid);
}

static gboolean
set_data(NMSettingVpn *vpn, const char *key, const char *value, GError **error)
{
    if (value == NULL || value[0] == '\0') {
        nm_setting_vpn_remove_data_item(vpn, key);
        return TRUE;
    }
    if (!stile_profile_check_value(key, value, error))
        return FALSE;
    nm_setting_vpn_add_data_item(vpn, key, value);
    return TRUE;
}

static void
set_secret(NMSettingVpn *vpn, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        nm_setting_vpn_remove_secret(vpn, key);
        return;
    }
    nm_setting_vpn_add_secret(vpn, key, value);
    nm_setting_set_secret_flags(NM_SETTING(vpn), key, NM_SETTING_SECRET_FLAG_NONE, NULL);
}

/* The default is not written down, so that it may change. */
static const char *
chosen(GtkWidget *choice, const char *const *words)
{
    guint index = choice_selected(choice);

    return index == 0 ? NULL : words[MIN(index, g_strv_length((char **)words) - 1)];
}

static gboolean
set_invitation(StileEditor *editor, NMSettingVpn *vpn, GError **error)
{
    const char *text = entry_text(editor->invitation);
    g_autoptr(NMConnection) imported = NULL;
    NMSettingVpn *from;

    if (text[0] == '\0' && nm_setting_vpn_get_data_item(vpn, STILE_PROFILE_NETWORK) != NULL) {
        nm_setting_vpn_remove_secret(vpn, STILE_PROFILE_INVITATION);
        return TRUE;
    }
    imported = stile_profile_import(text, strlen(text), NULL, error);
    if (imported == NULL)
        return FALSE;
    from = nm_connection_get_setting_vpn(imported);
    set_secret(vpn, STILE_PROFILE_INVITATION,
               nm_setting_vpn_get_secret(from, STILE_PROFILE_INVITATION));
    return set_data(vpn, STILE_PROFILE_NETWORK,
                    nm_setting_vpn_get_data_item(from, STILE_PROFILE_NETWORK), error);
}

static gboolean
stile_editor_update_connection(NMVpnEditor *interface, NMConnection *connection, GError **error)
{
    StileEditor *editor = STILE_EDITOR(interface);
    NMSettingVpn *old = nm_connection_get_setting_vpn(connection);
    g_autoptr(NMSettingVpn) vpn = NULL;
    g_autofree char *mtu = NULL;
    int bytes = gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(editor->mtu));

    if (old != NULL) {
        vpn = NM_SETTING_VPN(nm_setting_duplicate(NM_SETTING(old)));
    } else {
        vpn = NM_SETTING_VPN(nm_setting_vpn_new());
        g_object_set(vpn, NM_SETTING_VPN_PERSISTENT, TRUE, NULL);
    }
    g_object_set(vpn, NM_SETTING_VPN_SERVICE_TYPE, STILE_VPN_SERVICE, NULL);
    if (editor->invitation != NULL && !set_invitation(editor, vpn, error))
        return FALSE;
    mtu = bytes > 0 ? g_strdup_printf("%d", bytes) : NULL;
    if (!set_data(vpn, STILE_PROFILE_RELAY, chosen(editor->relay, stile_profile_relays), error) ||
        !set_data(vpn, STILE_PROFILE_EFFORT, chosen(editor->effort, stile_profile_efforts),
                  error) ||
        !set_data(vpn, STILE_PROFILE_MTU, mtu, error) ||
        !set_data(vpn, STILE_PROFILE_RENDEZVOUS, entry_text(editor->rendezvous), error) ||
        !set_data(vpn, STILE_PROFILE_STUN, entry_text(editor->stun), error) ||
        !set_data(vpn, STILE_PROFILE_TURN, entry_text(editor->turn), error))
        return FALSE;
    set_secret(vpn, STILE_PROFILE_TURN_PASSWORD, entry_text(editor->turn_password));
    nm_connection_add_setting(connection, NM_SETTING(g_steal_pointer(&vpn)));
    return TRUE;
}

static void
stile_editor_interface_init(NMVpnEditorInterface *interface)
{
    interface->get_widget = stile_editor_get_widget;
    interface->update_connection = stile_editor_update_connection;
}

static void
stile_editor_dispose(GObject *object)
{
    g_clear_object(&STILE_EDITOR(object)->grid);
    G_OBJECT_CLASS(stile_editor_parent_class)->dispose(object);
}

static void
stile_editor_class_init(StileEditorClass *class)
{
    G_OBJECT_CLASS(class)->dispose = stile_editor_dispose;
}

static void
stile_editor_init(StileEditor *editor)
{
    editor->grid = g_object_ref_sink(gtk_grid_new());
    gtk_grid_set_row_spacing(GTK_GRID(editor->grid), SPACING);
    gtk_grid_set_column_spacing(GTK_GRID(editor->grid), SPACING);
    gtk_widget_set_margin_top(editor->grid, SPACING);
    gtk_widget_set_margin_bottom(editor->grid, SPACING);
    gtk_widget_set_margin_start(editor->grid, SPACING);
    gtk_widget_set_margin_end(editor->grid, SPACING);
}

G_MODULE_EXPORT NMVpnEditor *nm_vpn_editor_factory_stile(NMVpnEditorPlugin *plugin,
                                                         NMConnection *connection, GError **error);

/** nm_vpn_editor_factory_stile: called by the plugin that loads this. Returns: (transfer full) */
NMVpnEditor *
nm_vpn_editor_factory_stile(NMVpnEditorPlugin *plugin, NMConnection *connection, GError **error)
{
    StileEditor *editor = g_object_new(STILE_TYPE_EDITOR, NULL);

    build(editor, nm_connection_get_setting_vpn(connection));
    show_all(editor->grid);
    return NM_VPN_EDITOR(editor);
}
