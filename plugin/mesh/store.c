/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mesh/store.h"

#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER      "networks"
#define SUFFIX      ".json"
#define ID_BYTES    16 /* of the network's id, in the file's name */
#define NAME_LENGTH (2 * ID_BYTES + sizeof SUFFIX - 1)
#define FILE_MAX    (16 * 1024 * 1024)
#define COPIES_MAX  100

struct _StileStore {
    char *folder; /* of the networks */
};

static void
set_errno(GError **error, int number, const char *what, const char *path)
{
    StileError code = number == EACCES || number == EPERM || number == EROFS
                          ? STILE_ERROR_NOT_AUTHORIZED
                          : STILE_ERROR_FAILED;

    g_set_error(error, STILE_ERROR, code, "Cannot %s %s: %s", what, path, g_strerror(number));
}

static gboolean
make_private_directory(const char *path, GError **error)
{
    struct stat found;

    if (g_mkdir_with_parents(path, 0700) != 0 || stat(path, &found) != 0) {
        set_errno(error, errno, "make the directory", path);
        return FALSE;
    }
    if (!S_ISDIR(found.st_mode)) {
        set_errno(error, ENOTDIR, "use", path);
        return FALSE;
    }
    if ((found.st_mode & 077) != 0 && chmod(path, 0700) != 0) {
        set_errno(error, errno, "take others' access away from", path);
        return FALSE;
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        set_errno(error, errno, "use", path);
        return FALSE;
    }
    return TRUE;
}

static gboolean
has_hex_name(const char *name)
{
    for (gsize i = 0; i < 2 * (gsize)ID_BYTES; i++)
        if (!g_ascii_isxdigit(name[i]) || g_ascii_isupper(name[i]))
            return FALSE;
    return g_str_has_prefix(name + 2 * (gsize)ID_BYTES, SUFFIX);
}

/* GLib writes `NAME.XXXXXX` and renames it. What a crash left of that has keys in it, and nobody
 * reads it again. */
static void
remove_leftovers(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir)))
        if (has_hex_name(name) && name[NAME_LENGTH] == '.' &&
            strlen(name) == NAME_LENGTH + strlen(".XXXXXX")) {
            g_autofree char *path = g_build_filename(folder, name, NULL);

            g_unlink(path);
        }
}

StileStore *
stile_store_open(const char *directory, GError **error)
{
    g_autofree char *folder = g_build_filename(directory, FOLDER, NULL);
    StileStore *store;

    if (!make_private_directory(directory, error) || !make_private_directory(folder, error))
        return NULL;
    remove_leftovers(folder);
    store = g_new0(StileStore, 1);
    store->folder = g_steal_pointer(&folder);
    return store;
}

void
stile_store_free(StileStore *store)
{
    if (!store)
        return;
    g_free(store->folder);
    g_free(store);
}

static char *
path_of(StileStore *store, const StileNetworkState *state)
{
    char name[NAME_LENGTH + 1];

    for (gsize i = 0; i < ID_BYTES; i++)
        g_snprintf(name + 2 * i, 3, "%02x", state->id[i]);
    memcpy(name + 2 * (gsize)ID_BYTES, SUFFIX, sizeof SUFFIX);
    return g_build_filename(store->folder, name, NULL);
}

static StileNetworkState *
load(StileStore *store, const char *path, GError **error)
{
    g_autoptr(StileNetworkState) state = NULL;
    g_autoptr(GError) unread = NULL;
    g_autofree char *text = NULL;
    g_autofree char *named = NULL;
    struct stat found;
    gsize size;

    if (lstat(path, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > FILE_MAX) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_FAILED,
                            "It is not a file of reasonable size");
        return NULL;
    }
    if (!g_file_get_contents(path, &text, &size, &unread)) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_FAILED, unread->message);
        return NULL;
    }
    state = stile_network_state_parse(text, size, error);
    stile_memory_wipe(text, size);
    if (!state)
        return NULL;
    named = path_of(store, state);
    if (strcmp(named, path) != 0) {
        g_set_error_literal(error, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT,
                            "It is the state of another network");
        return NULL;
    }
    return g_steal_pointer(&state);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    const StileNetworkState *const *first = a, *const *second = b;

    return g_utf8_collate((*first)->name, (*second)->name);
}

GPtrArray *
stile_store_load(StileStore *store, GPtrArray **warnings)
{
    g_autoptr(GPtrArray)
        states = g_ptr_array_new_with_free_func((GDestroyNotify)stile_network_state_free);
    g_autoptr(GPtrArray) sentences = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) closed = NULL;
    g_autoptr(GDir) dir = g_dir_open(store->folder, 0, &closed);
    const char *name;

    if (!dir)
        g_ptr_array_add(sentences, g_strdup(closed->message));
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(store->folder, name, NULL);
        g_autoptr(GError) error = NULL;
        StileNetworkState *state;

        if (!has_hex_name(name) || strlen(name) != NAME_LENGTH)
            continue;
        if ((state = load(store, path, &error)))
            g_ptr_array_add(states, state);
        else
            g_ptr_array_add(sentences,
                            g_strdup_printf("%s cannot be used and was left as it is: %s", path,
                                            error->message));
    }
    g_ptr_array_sort(states, compare_names);
    if (warnings)
        *warnings = g_steal_pointer(&sentences);
    return g_steal_pointer(&states);
}

/* A rename is on the disk when its directory is. */
static gboolean
sync_folder(StileStore *store, GError **error)
{
    int fd = open(store->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean ok = fd >= 0 && fsync(fd) == 0;

    if (!ok)
        set_errno(error, errno, "write", store->folder);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* A second name for the file, so that at no moment it has none. */
static gboolean
keep_damaged(const char *path, GError **error)
{
    for (guint i = 1; i <= COPIES_MAX; i++) {
        g_autofree char *kept = g_strdup_printf("%s.damaged-%u", path, i);

        if (link(path, kept) == 0)
            return TRUE;
        if (errno != EEXIST)
            break;
    }
    set_errno(error, errno, "keep a copy of the damaged file", path);
    return FALSE;
}

gboolean
stile_store_save(StileStore *store, const StileNetworkState *state, GError **error)
{
    g_autofree char *path = path_of(store, state);
    g_autofree char *text = stile_network_state_to_text(state);
    gsize size = strlen(text);
    g_autoptr(StileNetworkState) again = stile_network_state_parse(text, size, error);
    g_autoptr(GError) unwritten = NULL;
    gboolean written;

    /* What could not be loaded is not written over what could. */
    if (!again) {
        stile_memory_wipe(text, size);
        return FALSE;
    }
    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_autoptr(StileNetworkState) old = load(store, path, NULL);

        if (!old && !keep_damaged(path, error)) {
            stile_memory_wipe(text, size);
            return FALSE;
        }
    }
    written = g_file_set_contents_full(path, text, (gssize)size,
                                       G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                       0600, &unwritten);
    stile_memory_wipe(text, size);
    if (!written) {
        gboolean denied = g_error_matches(unwritten, G_FILE_ERROR, G_FILE_ERROR_ACCES) ||
                          g_error_matches(unwritten, G_FILE_ERROR, G_FILE_ERROR_PERM);

        g_set_error_literal(error, STILE_ERROR,
                            denied ? STILE_ERROR_NOT_AUTHORIZED : STILE_ERROR_FAILED,
                            unwritten->message);
        return FALSE;
    }
    return sync_folder(store, error);
}

gboolean
stile_store_remove(StileStore *store, const StileNetworkState *state, GError **error)
{
    g_autofree char *path = path_of(store, state);

    if (g_unlink(path) != 0 && errno != ENOENT) {
        set_errno(error, errno, "remove", path);
        return FALSE;
    }
    return sync_folder(store, error);
}
