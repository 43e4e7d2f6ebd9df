/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NetworkManager's side without NetworkManager: what an invitation and a profile become, what is
 * refused and in which words, export and back, the module as libnm loads it, the dictionaries that
 * NetworkManager and the service get.
 */
#include "config.h"

#include "ip-config.h"
#include "profile.h"
#include "up-options.h"

#include <dlfcn.h>
#include <glib/gstdio.h>

/* 32 bytes with both characters in which the alphabets of base64 differ. */
#define NETWORK     "++//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NETWORK_URL "--__AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

#define INVITATION                                                                                 \
    "{\"stile\": 1, \"network\": \"" NETWORK_URL "\", \"name\": \"home\", \"voucher\": \"AA\", "   \
    "\"rendezvous\": [\"mqtts://broker.example\"]}"

static NMConnection *
import(const char *text, GError **error)
{
    return stile_profile_import(text, strlen(text), "laptop", error);
}

static void
test_invitation(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection) connection = import("\n" INVITATION "\n", &error);
    NMSettingVpn *vpn;
    NMSettingSecretFlags flags;

    g_assert_no_error(error);
    g_assert_true(nm_connection_verify(connection, &error));
    g_assert_cmpstr(nm_connection_get_id(connection), ==, "home");
    vpn = nm_connection_get_setting_vpn(connection);
    g_assert_cmpstr(nm_setting_vpn_get_service_type(vpn), ==, STILE_VPN_SERVICE);
    g_assert_true(nm_setting_vpn_get_persistent(vpn));
    g_assert_cmpstr(nm_setting_vpn_get_data_item(vpn, "network"), ==, NETWORK);
    g_assert_cmpstr(nm_setting_vpn_get_secret(vpn, "invitation"), ==, INVITATION);
    g_assert_true(nm_setting_get_secret_flags(NM_SETTING(vpn), "invitation", &flags, NULL));
    g_assert_cmpint(flags, ==, NM_SETTING_SECRET_FLAG_NONE);
}

static void
test_uri(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection) connection = import("stile:AAEC-_\n", &error);
    NMSettingVpn *vpn;

    g_assert_no_error(error);
    g_assert_cmpstr(nm_connection_get_id(connection), ==, "laptop");
    vpn = nm_connection_get_setting_vpn(connection);
    g_assert_null(nm_setting_vpn_get_data_item(vpn, "network"));
    g_assert_cmpstr(nm_setting_vpn_get_secret(vpn, "invitation"), ==, "stile:AAEC-_");
}

static void
test_refused(void)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"", "not an invitation or a profile"},
        {"client\nremote vpn.example 1194\n", "not an invitation or a profile"},
        {"[Interface]\nPrivateKey = abc\n", "not an invitation or a profile"},
        {"{}", "not an invitation or a profile"},
        {"{\"stile\": 1, \"network\"", "damaged or not of Stile"},
        {"{\"stile\": 2}", "newer version"},
        {"{\"stile\": \"1\"}", "newer version"},
        {"{\"stile\": 1, \"voucher\": \"AA\"}", "which network"},
        {"{\"stile\": 1, \"network\": \"AAAA\", \"voucher\": \"AA\"}", "which network"},
        {"{\"stile\": 1, \"network\": \"" NETWORK "\"}", "incomplete"},
        {"{\"stile\": 1, \"a\": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}", "not plain JSON"},
        {"{\"stile\": 1, /* \" */ \"a\": 1}", "not plain JSON"},
        {"{\"stile-profile\": 1}", "which network"},
        {"{\"stile-profile\": 1, \"network\": \"" NETWORK "\", \"relay\": \"maybe\"}",
         "relay must be one of: auto, only, never"},
        {"{\"stile-profile\": 1, \"network\": \"" NETWORK "\", \"mtu\": \"17\"}", "between"},
        {"{\"stile-profile\": 1, \"network\": \"" NETWORK "\", \"mtu\": 1280}", "not a text"},
        {"stile:with space", "characters"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NMConnection) connection = import(cases[i].text, &error);

        g_assert_null(connection);
        g_assert_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY);
        if (strstr(error->message, cases[i].words) == NULL)
            g_error("“%s” got “%s”", cases[i].text, error->message);
    }
}

static void
test_refused_binary(void)
{
    g_autofree char *large = g_strnfill(STILE_PROFILE_SIZE_MAX + 1, ' ');
    g_autoptr(GError) error = NULL;

    g_assert_null(stile_profile_import("\x7f"
                                       "ELF\0\0",
                                       6, NULL, &error));
    g_assert_nonnull(strstr(error->message, "not text"));
    g_clear_error(&error);
    g_assert_null(stile_profile_import(large, STILE_PROFILE_SIZE_MAX + 1, NULL, &error));
    g_assert_nonnull(strstr(error->message, "too large"));
}

static void
test_names(void)
{
    static const char *const bad[] = {"", "two\\nlines", "bell\\u0007"};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strdup_printf(
            "{\"stile-profile\": 1, \"network\": \"" NETWORK "\", \"name\": \"%s\"}", bad[i]);
        g_autoptr(NMConnection) connection = import(text, &error);

        g_assert_no_error(error);
        g_assert_cmpstr(nm_connection_get_id(connection), ==, "laptop");
    }
}

/* Through the module, as nmcli and the panels do it. */
static void
test_module(void)
{
    g_autofree char *module = g_test_build_filename(G_TEST_BUILT, ".libs",
                                                    "libnm-vpn-plugin-stile.so", NULL);
    g_autofree char *directory = g_dir_make_tmp("stile-nm-XXXXXX", NULL);
    g_autofree char *source = g_build_filename(directory, "laptop.stile", NULL);
    g_autofree char *exported = g_build_filename(directory, "out.stile", NULL);
    g_autofree char *text = NULL, *suggested = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(NMVpnEditorPlugin)
        plugin = nm_vpn_editor_plugin_load(module, STILE_VPN_SERVICE, &error);
    g_autoptr(NMConnection) connection = NULL, again = NULL;
    NMSettingVpn *vpn;

    g_assert_no_error(error);
    g_assert_cmpint(nm_vpn_editor_plugin_get_capabilities(plugin), ==,
                    NM_VPN_EDITOR_PLUGIN_CAPABILITY_IMPORT |
                        NM_VPN_EDITOR_PLUGIN_CAPABILITY_EXPORT |
                        NM_VPN_EDITOR_PLUGIN_CAPABILITY_IPV6);
    g_assert_null(nm_vpn_editor_plugin_import(plugin, source, &error));
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(nm_vpn_editor_plugin_import(plugin, "/dev/zero", &error));
    g_assert_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_INVALID_PROPERTY);
    g_clear_error(&error);

    g_assert_true(g_file_set_contents(source, INVITATION, -1, NULL));
    connection = nm_vpn_editor_plugin_import(plugin, source, &error);
    g_assert_no_error(error);
    vpn = nm_connection_get_setting_vpn(connection);
    nm_setting_vpn_add_data_item(vpn, "relay", "never");
    g_assert_true(nm_vpn_editor_plugin_export(plugin, exported, connection, &error));
    g_assert_true(g_file_get_contents(exported, &text, NULL, NULL));
    g_assert_null(strstr(text, "voucher"));
    again = nm_vpn_editor_plugin_import(plugin, exported, &error);
    g_assert_no_error(error);
    vpn = nm_connection_get_setting_vpn(again);
    g_assert_cmpstr(nm_setting_vpn_get_data_item(vpn, "relay"), ==, "never");
    g_assert_cmpstr(nm_setting_vpn_get_data_item(vpn, "network"), ==, NETWORK);
    g_assert_null(nm_setting_vpn_get_secret(vpn, "invitation"));
    suggested = nm_vpn_editor_plugin_get_suggested_filename(plugin, again);
    g_assert_cmpstr(suggested, ==, "home.stile");

    g_unlink(source);
    g_unlink(exported);
    g_rmdir(directory);
}

static void
test_module_exports(void)
{
    g_autofree char *module = g_test_build_filename(G_TEST_BUILT, ".libs",
                                                    "libnm-vpn-plugin-stile.so", NULL);
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    g_assert_nonnull(handle);
    g_assert_nonnull(dlsym(handle, "nm_vpn_editor_plugin_factory"));
    g_assert_null(dlsym(handle, "stile_profile_import"));
}

static char *
run_auth_dialog(const char *mode, const char *input)
{
    g_autofree char *program = g_test_build_filename(G_TEST_BUILT, "nm-stile-auth-dialog", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess)
        dialog = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                                  &error, program, "-u", "11111111-1111-4111-8111-111111111111",
                                  "-n", "home", "-s", STILE_VPN_SERVICE, "-i", mode, NULL);
    char *output = NULL;

    g_assert_no_error(error);
    g_subprocess_communicate_utf8(dialog, input, NULL, &output, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_get_successful(dialog));
    return output;
}

static void
test_auth_dialog(void)
{
    const char *input = "DATA_KEY=network\nDATA_VAL=" NETWORK "\n\nDONE\n\nQUIT\n\n";
    g_autofree char *lines = run_auth_dialog("-r", input);
    g_autofree char *ui = run_auth_dialog("--external-ui-mode", input);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(lines, ==, "\n\n");
    g_key_file_load_from_data(file, ui, strlen(ui), G_KEY_FILE_NONE, &error);
    g_assert_no_error(error);
    g_assert_cmpint(g_key_file_get_integer(file, "VPN Plugin UI", "Version", NULL), ==, 2);
    g_assert_true(g_key_file_has_key(file, "VPN Plugin UI", "Title", NULL));
}

static void
test_export_unjoined(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(NMConnection) connection = import("stile:AAEC", &error);

    g_assert_null(stile_profile_export(connection, &error));
    g_assert_error(error, NM_CONNECTION_ERROR, NM_CONNECTION_ERROR_MISSING_PROPERTY);
}

static void
assert_variant(GVariant *dict, const char *expected)
{
    g_autoptr(GVariant)
        wanted = g_variant_parse(G_VARIANT_TYPE_VARDICT, expected, NULL, NULL, NULL);
    g_autofree char *text = g_variant_print(dict, TRUE);
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_assert_nonnull(wanted);
    g_assert_cmpuint(g_variant_n_children(dict), ==, g_variant_n_children(wanted));
    g_variant_iter_init(&iter, wanted);
    while (g_variant_iter_loop(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) found = g_variant_lookup_value(dict, key, NULL);

        if (found == NULL || !g_variant_equal(found, value))
            g_error("%s is not as in %s: %s", key, expected, text);
    }
}

static void
test_ip_config(void)
{
    const char *const both[] = {"10.86.0.2/16", "fd00::2/64", "10.86.0.3/16", NULL};
    const char *const only6[] = {"fd00::2/64", NULL};
    const char *const bad[] = {"10.86.0.2", "10.86.0.2/33", "nonsense/8", "fd00::1/0", ""};
    const char *const none[] = {NULL};
    g_autoptr(GInetAddress) gateway = g_inet_address_new_from_string("192.168.1.2");
    guint32 number = GUINT32_TO_BE(0x0a560002), base = GUINT32_TO_BE(0xc0a80102);
    g_autofree char *ip4 = g_strdup_printf(
        "{'address': <uint32 %u>, 'prefix': <uint32 16>, 'never-default': <true>}", number);
    g_autofree char *general = g_strdup_printf(
        "{'tundev': <'stile0'>, 'gateway': <uint32 %u>, 'mtu': <uint32 1280>, "
        "'has-ip4': <true>, 'has-ip6': <true>, 'can-persist': <true>}",
        base);
    g_autoptr(GError) error = NULL;
    g_autoptr(StileIpConfig) config = stile_ip_config_new("stile0", both, 1280, gateway, &error);
    g_autoptr(StileIpConfig) config6 = NULL;

    g_assert_no_error(error);
    assert_variant(config->config, general);
    assert_variant(config->ip4, ip4);
    assert_variant(config->ip6,
                   "{'address': <[byte 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]>, "
                   "'prefix': <uint32 64>, 'never-default': <true>}");
    config6 = stile_ip_config_new("stile0", only6, 0, gateway, &error);
    g_assert_no_error(error);
    g_assert_null(config6->ip4);
    g_assert_null(g_variant_lookup_value(config6->config, "mtu", NULL));

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(
            stile_ip_config_new("stile0", (const char *[]){bad[i], NULL}, 0, gateway, &error));
        g_assert_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
        g_clear_error(&error);
    }
    g_assert_null(stile_ip_config_new("stile0", none, 0, gateway, &error));
}

static void
test_up_options(void)
{
    g_autoptr(NMSettingVpn) vpn = NM_SETTING_VPN(nm_setting_vpn_new());
    g_autoptr(GVariant) bare = g_variant_ref_sink(stile_up_options(vpn));
    g_autoptr(GVariant) full = NULL;

    assert_variant(bare, "{'managed': <true>}");
    nm_setting_vpn_add_data_item(vpn, "network", NETWORK);
    nm_setting_vpn_add_data_item(vpn, "mtu", "1300");
    nm_setting_vpn_add_data_item(vpn, "relay", "only");
    nm_setting_vpn_add_data_item(vpn, "effort", "tremendous");
    nm_setting_vpn_add_data_item(vpn, "rendezvous", "mqtt://a, mqtts://b");
    nm_setting_vpn_add_data_item(vpn, "turn", "turn:me@t:3478 turn:open");
    nm_setting_vpn_add_secret(vpn, "turn-password", "secret");
    g_test_expect_message("stile-nm", G_LOG_LEVEL_WARNING, "*effort is not used*");
    full = g_variant_ref_sink(stile_up_options(vpn));
    g_test_assert_expected_messages();
    assert_variant(full, "{'managed': <true>, 'mtu': <uint32 1300>, 'relay': <'only'>, "
                         "'rendezvous': <['mqtt://a', 'mqtts://b']>, "
                         "'turn': <[{'uri': <'turn:t:3478'>, 'username': <'me'>, "
                         "'password': <'secret'>}, {'uri': <'turn:open'>}]>}");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nm/import/invitation", test_invitation);
    g_test_add_func("/nm/import/uri", test_uri);
    g_test_add_func("/nm/import/refused", test_refused);
    g_test_add_func("/nm/import/refused-binary", test_refused_binary);
    g_test_add_func("/nm/import/names", test_names);
    g_test_add_func("/nm/export/unjoined", test_export_unjoined);
    g_test_add_func("/nm/module/round-trip", test_module);
    g_test_add_func("/nm/module/exports", test_module_exports);
    g_test_add_func("/nm/auth-dialog", test_auth_dialog);
    g_test_add_func("/nm/ip-config", test_ip_config);
    g_test_add_func("/nm/up-options", test_up_options);
    return g_test_run();
}
