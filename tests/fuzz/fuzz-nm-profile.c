/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Import of a file into NetworkManager. What is accepted makes a valid connection; and a profile
 * that is exported and imported again has the same settings.
 */
#include "config.h"

#include "profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same(NMSettingVpn *one, NMSettingVpn *other)
{
    for (const char *const *key = stile_profile_keys; *key != NULL; key++)
        g_assert_cmpstr(nm_setting_vpn_get_data_item(one, *key), ==,
                        nm_setting_vpn_get_data_item(other, *key));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection)
        connection = stile_profile_import((const char *)data, size, "fallback", &error);
    g_autoptr(NMConnection) again = NULL;
    g_autofree char *text = NULL;
    NMSettingVpn *vpn;

    g_assert_true((connection == NULL) == (error != NULL));
    if (connection == NULL)
        return 0;
    g_assert_true(nm_connection_verify(connection, &error));
    vpn = nm_connection_get_setting_vpn(connection);
    if (nm_setting_vpn_get_data_item(vpn, STILE_PROFILE_NETWORK) == NULL) {
        g_assert_nonnull(nm_setting_vpn_get_secret(vpn, STILE_PROFILE_INVITATION));
        return 0;
    }
    text = stile_profile_export(connection, &error);
    g_assert_no_error(error);
    again = stile_profile_import(text, strlen(text), NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(nm_connection_get_id(again), ==, nm_connection_get_id(connection));
    same(vpn, nm_connection_get_setting_vpn(again));
    return 0;
}
