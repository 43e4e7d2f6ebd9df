/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/state-directory.h"
#include "stile.h"
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

#define TRIES        40
#define TRY_AFTER_US (50 * 1000)

char *
stile_state_directory_choose(const char *option)
{
    const char *given = g_getenv("STATE_DIRECTORY");

    if (option)
        return g_strdup(option);
    if (given && *given)
        return g_strndup(given, strcspn(given, ":"));
    return g_strdup(STILE_STATE_DIRECTORY);
}

static int
fail(const char *directory, int number, GError **error)
{
    int code = STILE_ERROR_FAILED;

    if (number == EWOULDBLOCK) {
        g_set_error(error, STILE_ERROR, STILE_ERROR_EXISTS, "Another stiled uses %s", directory);
        return -1;
    }
    if (number == EACCES || number == EPERM)
        code = STILE_ERROR_NOT_AUTHORIZED;
    g_set_error(error, STILE_ERROR, code, "Cannot use the state directory %s: %s", directory,
                g_strerror(number));
    return -1;
}

int
stile_state_directory_lock(const char *directory, GError **error)
{
    int fd, number = 0;

    if (g_mkdir_with_parents(directory, 0700) != 0)
        return fail(directory, errno, error);
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(directory, errno, error);
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        number = errno;
        if (number != EWOULDBLOCK)
            break;
        g_usleep(TRY_AFTER_US);
    }
    close(fd);
    return fail(directory, number, error);
}
