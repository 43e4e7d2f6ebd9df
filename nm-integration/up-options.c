/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "up-options.h"

#include "profile.h"

static GPtrArray *
split(const char *list)
{
    g_auto(GStrv) words = g_strsplit_set(list, " ,\t\n", -1);
    GPtrArray *array = g_ptr_array_new_with_free_func(g_free);

    for (char **word = words; *word != NULL; word++) {
        if ((*word)[0] != '\0')
            g_ptr_array_add(array, g_strdup(*word));
    }
    return array;
}

static GVariant *
string_list(const char *list)
{
    g_autoptr(GPtrArray) words = split(list);

    return g_variant_new_strv((const char *const *)words->pdata, words->len);
}

static GVariant *
turn_list(const char *list, const char *password)
{
    g_autoptr(GPtrArray) words = split(list);
    GVariantBuilder servers;

    g_variant_builder_init(&servers, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < words->len; i++) {
        const char *word = words->pdata[i];
        const char *colon = strchr(word, ':');
        const char *at = colon != NULL ? strchr(colon, '@') : NULL;

        g_variant_builder_open(&servers, G_VARIANT_TYPE_VARDICT);
        if (at != NULL) {
            g_autofree char *uri = g_strdup_printf("%.*s:%s", (int)(colon - word), word, at + 1);
            g_autofree char *user = g_strndup(colon + 1, at - colon - 1);

            g_variant_builder_add(&servers, "{sv}", "uri", g_variant_new_string(uri));
            g_variant_builder_add(&servers, "{sv}", "username", g_variant_new_string(user));
            g_variant_builder_add(&servers, "{sv}", "password",
                                  g_variant_new_string(password != NULL ? password : ""));
        } else {
            g_variant_builder_add(&servers, "{sv}", "uri", g_variant_new_string(word));
        }
        g_variant_builder_close(&servers);
    }
    return g_variant_builder_end(&servers);
}

static GVariant *
value_of(NMSettingVpn *profile, const char *key, const char *value)
{
    if (g_str_equal(key, STILE_PROFILE_MTU))
        return g_variant_new_uint32((guint32)g_ascii_strtoull(value, NULL, 10));
    if (g_str_equal(key, STILE_PROFILE_TURN))
        return turn_list(value, nm_setting_vpn_get_secret(profile, STILE_PROFILE_TURN_PASSWORD));
    if (g_str_equal(key, STILE_PROFILE_RENDEZVOUS) || g_str_equal(key, STILE_PROFILE_STUN))
        return string_list(value);
    return g_variant_new_string(value);
}

GVariant *
stile_up_options(NMSettingVpn *profile)
{
    GVariantDict options;

    g_variant_dict_init(&options, NULL);
    g_variant_dict_insert(&options, "managed", "b", TRUE);
    for (const char *const *key = stile_profile_keys; *key != NULL; key++) {
        const char *value = nm_setting_vpn_get_data_item(profile, *key);
        g_autoptr(GError) error = NULL;

        if (value == NULL || g_str_equal(*key, STILE_PROFILE_NETWORK))
            continue;
        if (stile_profile_check_value(*key, value, &error))
            g_variant_dict_insert_value(&options, *key, value_of(profile, *key, value));
        else
            g_warning("the profile's %s is not used: %s", *key, error->message);
    }
    return g_variant_dict_end(&options);
}
