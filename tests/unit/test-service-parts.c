/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proves the parts of the service that need no bus: which state directory is chosen and that two
 * services never share one; that engine values become what the bus can carry; that errors have our
 * names.
 */
#include "dbus/error.h"
#include "dbus/names.h"
#include "dbus/state-directory.h"
#include "dbus/value.h"
#include "stile.h"
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void
assert_choice(const char *option, const char *environment, const char *expected)
{
    g_autofree char *chosen = NULL;

    if (environment)
        g_setenv("STATE_DIRECTORY", environment, TRUE);
    else
        g_unsetenv("STATE_DIRECTORY");
    chosen = stile_state_directory_choose(option);
    g_assert_cmpstr(chosen, ==, expected);
}

static void
test_choose(void)
{
    assert_choice(NULL, NULL, "/var/lib/stile");
    assert_choice(NULL, "", "/var/lib/stile");
    assert_choice(NULL, "/run/a", "/run/a");
    assert_choice(NULL, "/run/a:/run/b", "/run/a");
    assert_choice("/opt/c", "/run/a", "/opt/c");
}

static void
test_lock(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *parent = g_dir_make_tmp("stile-state-XXXXXX", &error);
    g_autofree char *directory = g_build_filename(parent, "a", "b", NULL);
    g_autofree char *above = g_build_filename(parent, "a", NULL);
    struct stat status;
    int first, again;

    first = stile_state_directory_lock(directory, &error);
    g_assert_no_error(error);
    g_assert_cmpint(first, >=, 0);
    g_assert_cmpint(stat(directory, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 07777, ==, 0700);

    again = stile_state_directory_lock(directory, &error);
    g_assert_cmpint(again, ==, -1);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_EXISTS);
    g_clear_error(&error);

    close(first);
    again = stile_state_directory_lock(directory, &error);
    g_assert_no_error(error);
    close(again);
    g_rmdir(directory);
    g_rmdir(above);
    g_rmdir(parent);
}

static void
test_lock_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("stile-state-XXXXXX", &file, &error);

    g_assert_no_error(error);
    g_assert_cmpint(stile_state_directory_lock(file, &error), ==, -1);
    g_assert_error(error, STILE_ERROR, STILE_ERROR_FAILED);
    close(fd);
    g_unlink(file);
}

static void
assert_value(GValue *value, const char *signature, const char *expected)
{
    g_autoptr(GVariant) variant = stile_value_to_variant(value, signature);
    g_autofree char *text = g_variant_print(variant, TRUE);

    g_assert_false(g_variant_is_floating(variant));
    g_assert_cmpstr(text, ==, expected);
    g_value_unset(value);
}

static void
test_values(void)
{
    const char *texts[] = {"a", "\xff", NULL};
    GValue value = G_VALUE_INIT;

    g_value_init(&value, G_TYPE_STRING);
    assert_value(&value, "s", "''");
    g_value_init(&value, G_TYPE_STRING);
    g_value_set_static_string(&value, "caf\xc3\xa9 \xe9");
    assert_value(&value, "s", "'caf\xc3\xa9 \xef\xbf\xbd'");
    g_value_init(&value, G_TYPE_STRV);
    assert_value(&value, "as", "@as []");
    g_value_init(&value, G_TYPE_STRV);
    g_value_set_boxed(&value, texts);
    assert_value(&value, "as", "['a', '\xef\xbf\xbd']");
    g_value_init(&value, G_TYPE_VARIANT);
    assert_value(&value, "a(ss)", "@a(ss) []");
    g_value_init(&value, G_TYPE_VARIANT);
    g_value_set_variant(&value, g_variant_new_parsed("[('u', 's')]"));
    assert_value(&value, "a(ss)", "[('u', 's')]");
    g_value_init(&value, G_TYPE_UINT64);
    g_value_set_uint64(&value, G_MAXUINT64);
    assert_value(&value, "t", "uint64 18446744073709551615");
    /* The engine's number is of another type than the bus's. */
    g_value_init(&value, G_TYPE_INT);
    g_value_set_int(&value, 7);
    assert_value(&value, "u", "uint32 7");
    g_value_init(&value, G_TYPE_BOOLEAN);
    assert_value(&value, "b", "false");
}

static void
test_errors(void)
{
    static const char *const names[STILE_N_ERRORS] = {
        [STILE_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
        [STILE_ERROR_NOT_FOUND] = "NotFound",
        [STILE_ERROR_EXISTS] = "Exists",
        [STILE_ERROR_NOT_AUTHORIZED] = "NotAuthorized",
        [STILE_ERROR_EXPIRED] = "Expired",
        [STILE_ERROR_REVOKED] = "Revoked",
        [STILE_ERROR_UNREACHABLE] = "Unreachable",
        [STILE_ERROR_FAILED] = "Failed",
    };

    for (int code = 0; code < STILE_N_ERRORS; code++) {
        g_autofree char *expected = g_strconcat(STILE_ERROR_PREFIX, names[code], NULL);
        g_autoptr(GError) error = g_error_new_literal(STILE_ERROR, code, "words");
        g_autofree char *name = g_dbus_error_encode_gerror(error);
        g_autoptr(GError) back = g_dbus_error_new_for_dbus_error(expected, "words");
        g_assert_cmpstr(name, ==, expected);
        g_assert_error(back, STILE_ERROR, code);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    stile_error_register();
    g_test_add_func("/service/state-directory/choose", test_choose);
    g_test_add_func("/service/state-directory/lock", test_lock);
    g_test_add_func("/service/state-directory/no-directory", test_lock_file);
    g_test_add_func("/service/values", test_values);
    g_test_add_func("/service/errors", test_errors);
    return g_test_run();
}
