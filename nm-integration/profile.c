/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "profile.h"

#include "json.h"

#include <errno.h>
#include <glib/gi18n-lib.h>

#define KEY_SIZE        32
#define NAME_MAX_LENGTH 255

const char *const stile_profile_keys[] = {
    STILE_PROFILE_NETWORK, STILE_PROFILE_RENDEZVOUS, STILE_PROFILE_STUN, STILE_PROFILE_TURN,
    STILE_PROFILE_RELAY,   STILE_PROFILE_EFFORT,     STILE_PROFILE_MTU,  NULL,
};
const char *const stile_profile_relays[] = {"auto", "only", "never", NULL};
const char *const stile_profile_efforts[] = {"normal", "low", "high", NULL};

char *
stile_profile_network_id(const char *text)
{
    gsize length = strlen(text), size;
    g_autoptr(GString) standard = g_string_sized_new(length + 4);
    g_autofree guchar *key = NULL;

    for (const char *c = text; *c != '\0'; c++) {
        if (!g_ascii_isalnum(*c) && strchr("+/-_=", *c) == NULL)
            return NULL;
        if (*c != '=')
            g_string_append_c(standard, *c == '-' ? '+' : *c == '_' ? '/' : *c);
    }
    while (standard->len % 4 != 0)
        g_string_append_c(standard, '=');
    key = g_base64_decode(standard->str, &size);
    return size == KEY_SIZE ? g_base64_encode(key, size) : NULL;
}

static gboolean
invalid(GError **error, const char *sentence)
{
    g_set_error_literal(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY, sentence);
    return FALSE;
}

static gboolean
check_word(const char *key, const char *value, const char *const *words, GError **error)
{
    g_autofree char *all = NULL;

    if (g_strv_contains(words, value))
        return TRUE;
    all = g_strjoinv(", ", (char **)words);
    g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                _("%s must be one of: %s"), key, all);
    return FALSE;
}

gboolean
stile_profile_check_value(const char *key, const char *value, GError **error)
{
    if (g_str_equal(key, STILE_PROFILE_RELAY))
        return check_word(key, value, stile_profile_relays, error);
    if (g_str_equal(key, STILE_PROFILE_EFFORT))
        return check_word(key, value, stile_profile_efforts, error);
    if (g_str_equal(key, STILE_PROFILE_MTU)) {
        if (g_ascii_string_to_unsigned(value, 10, STILE_PROFILE_MTU_MIN, STILE_PROFILE_MTU_MAX,
                                       NULL, NULL))
            return TRUE;
        g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                    _("mtu must be a number between %d and %d"), STILE_PROFILE_MTU_MIN,
                    STILE_PROFILE_MTU_MAX);
        return FALSE;
    }
    if (g_str_equal(key, STILE_PROFILE_NETWORK)) {
        g_autofree char *id = stile_profile_network_id(value);

        return id != NULL || invalid(error, _("network is not the key of a network"));
    }
    if (!g_strv_contains(stile_profile_keys, key)) {
        g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                    _("there is no setting “%s”"), key);
        return FALSE;
    }
    return value[0] != '\0' || invalid(error, _("the value is empty"));
}

/* What people see in a list: no control characters, not endless. */
static gboolean
usable_name(const char *name)
{
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MAX_LENGTH)
        return FALSE;
    for (const char *c = name; *c != '\0'; c = g_utf8_next_char(c)) {
        if (g_unichar_iscntrl(g_utf8_get_char(c)))
            return FALSE;
    }
    return TRUE;
}

static NMConnection *
new_connection(const char *name, const char *fallback_name, NMSettingVpn **ret_vpn)
{
    NMConnection *connection = nm_simple_connection_new();
    NMSetting *base = nm_setting_connection_new();
    NMSetting *vpn = nm_setting_vpn_new();
    g_autofree char *uuid = nm_utils_uuid_generate();

    if (!usable_name(name))
        name = usable_name(fallback_name) ? fallback_name : "Stile";
    g_object_set(base, NM_SETTING_CONNECTION_ID, name, NM_SETTING_CONNECTION_UUID, uuid,
                 NM_SETTING_CONNECTION_TYPE, NM_SETTING_VPN_SETTING_NAME,
                 NM_SETTING_CONNECTION_AUTOCONNECT, FALSE, NULL);
    /* Persistent: roaming from one network to another must not end it. */
    g_object_set(vpn, NM_SETTING_VPN_SERVICE_TYPE, STILE_VPN_SERVICE, NM_SETTING_VPN_PERSISTENT,
                 TRUE, NULL);
    nm_connection_add_setting(connection, base);
    nm_connection_add_setting(connection, vpn);
    nm_connection_add_setting(connection,
                              g_object_new(NM_TYPE_SETTING_IP4_CONFIG, NM_SETTING_IP_CONFIG_METHOD,
                                           NM_SETTING_IP4_CONFIG_METHOD_AUTO, NULL));
    nm_connection_add_setting(connection,
                              g_object_new(NM_TYPE_SETTING_IP6_CONFIG, NM_SETTING_IP_CONFIG_METHOD,
                                           NM_SETTING_IP6_CONFIG_METHOD_AUTO, NULL));
    *ret_vpn = NM_SETTING_VPN(vpn);
    return connection;
}

static NMConnection *
import_invitation(const char *invitation, const char *network, const char *name,
                  const char *fallback_name)
{
    NMSettingVpn *vpn;
    NMConnection *connection = new_connection(name, fallback_name, &vpn);

    if (network != NULL)
        nm_setting_vpn_add_data_item(vpn, STILE_PROFILE_NETWORK, network);
    nm_setting_vpn_add_secret(vpn, STILE_PROFILE_INVITATION, invitation);
    /* System-owned: NetworkManager keeps it, no agent is asked for it. */
    nm_setting_set_secret_flags(NM_SETTING(vpn), STILE_PROFILE_INVITATION,
                                NM_SETTING_SECRET_FLAG_NONE, NULL);
    return connection;
}

static NMConnection *
import_profile(JsonObject *object, const char *network, const char *name, const char *fallback_name,
               GError **error)
{
    NMSettingVpn *vpn;
    g_autoptr(NMConnection) connection = new_connection(name, fallback_name, &vpn);

    nm_setting_vpn_add_data_item(vpn, STILE_PROFILE_NETWORK, network);
    for (const char *const *key = stile_profile_keys + 1; *key != NULL; key++) {
        const char *value;

        if (!json_object_has_member(object, *key))
            continue;
        value = stile_json_string(object, *key);
        if (value == NULL) {
            g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                        _("“%s” in the profile is not a text"), *key);
            return NULL;
        }
        if (!stile_profile_check_value(*key, value, error))
            return NULL;
        nm_setting_vpn_add_data_item(vpn, *key, value);
    }
    return g_steal_pointer(&connection);
}

/* A `stile:` URI is one word; what it says is packed, so the file's name has to do for now. */
static NMConnection *
import_uri(const char *uri, const char *fallback_name, GError **error)
{
    for (const char *c = uri + strlen("stile:"); *c != '\0'; c++) {
        if (!g_ascii_isgraph(*c)) {
            invalid(error, _("The invitation has characters in it that no invitation has"));
            return NULL;
        }
    }
    return import_invitation(uri, NULL, NULL, fallback_name);
}

NMConnection *
stile_profile_import(const char *text, gsize size, const char *fallback_name, GError **error)
{
    g_autofree char *copy = NULL, *network = NULL;
    g_autoptr(JsonNode) root = NULL;
    g_autoptr(GError) json_error = NULL;
    JsonObject *object;
    const char *name, *id;
    gint64 version;
    gboolean exported;

    if (size > STILE_PROFILE_SIZE_MAX) {
        invalid(error, _("The file is too large to be an invitation or a profile of Stile"));
        return NULL;
    }
    if (size == 0) {
        invalid(error, _("The file is not an invitation or a profile of Stile"));
        return NULL;
    }
    if (memchr(text, '\0', size) != NULL || !g_utf8_validate_len(text, size, NULL)) {
        invalid(error, _("The file is not text, so it is not an invitation of Stile"));
        return NULL;
    }
    copy = g_strstrip(g_strndup(text, size));
    if (g_str_has_prefix(copy, "stile:"))
        return import_uri(copy, fallback_name, error);
    if (copy[0] != '{') {
        invalid(error, _("The file is not an invitation or a profile of Stile"));
        return NULL;
    }

    root = stile_json_parse(copy, &json_error);
    if (root == NULL) {
        g_set_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY,
                    _("The file is damaged or not of Stile: %s"), json_error->message);
        return NULL;
    }
    object = json_node_get_object(root);
    exported = json_object_has_member(object, "stile-profile");
    if (!exported && !json_object_has_member(object, "stile")) {
        invalid(error, _("The file is not an invitation or a profile of Stile"));
        return NULL;
    }
    if (!stile_json_integer(object, exported ? "stile-profile" : "stile", &version) ||
        version != 1) {
        invalid(error, _("The file is from a newer version of Stile, or damaged"));
        return NULL;
    }
    id = stile_json_string(object, "network");
    network = id != NULL ? stile_profile_network_id(id) : NULL;
    if (network == NULL) {
        invalid(error, _("The file does not say which network it is for"));
        return NULL;
    }
    name = stile_json_string(object, "name");
    if (exported)
        return import_profile(object, network, name, fallback_name, error);
    if (!json_object_has_member(object, "voucher")) {
        invalid(error, _("The invitation is incomplete"));
        return NULL;
    }
    return import_invitation(copy, network, name, fallback_name);
}

char *
stile_profile_export(NMConnection *connection, GError **error)
{
    NMSettingVpn *vpn = nm_connection_get_setting_vpn(connection);
    g_autoptr(JsonNode) root = NULL;
    g_autoptr(JsonObject) object = json_object_new();
    g_autofree char *text = NULL;

    if (vpn == NULL || g_strcmp0(nm_setting_vpn_get_service_type(vpn), STILE_VPN_SERVICE) != 0) {
        invalid(error, _("The connection is not one of Stile"));
        return NULL;
    }
    if (nm_setting_vpn_get_data_item(vpn, STILE_PROFILE_NETWORK) == NULL) {
        g_set_error_literal(
            error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_MISSING_PROPERTY,
            _("The connection has not joined its network yet; switch it on once before exporting"));
        return NULL;
    }
    json_object_set_int_member(object, "stile-profile", 1);
    json_object_set_string_member(object, "name", nm_connection_get_id(connection));
    for (const char *const *key = stile_profile_keys; *key != NULL; key++) {
        const char *value = nm_setting_vpn_get_data_item(vpn, *key);

        if (value != NULL)
            json_object_set_string_member(object, *key, value);
    }
    root = json_node_init_object(json_node_alloc(), object);
    text = json_to_string(root, TRUE);
    return g_strconcat(text, "\n", NULL);
}
