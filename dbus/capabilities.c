/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/capabilities.h"
#include "stile.h"
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * NET_ADMIN makes the tun device, its addresses and its routes. NET_RAW sends the echo requests of
 * a ping where the kernel does not let root's group have ping sockets. The device node and the
 * state directory are root's own, so no right over other people's files is needed.
 */
#define KEPT ((1U << CAP_NET_ADMIN) | (1U << CAP_NET_RAW))

static gboolean
fail(const char *what, GError **error)
{
    int saved = errno;

    g_set_error(error, STILE_ERROR, STILE_ERROR_FAILED, "Cannot %s: %s", what, g_strerror(saved));
    return FALSE;
}

gboolean
stile_capabilities_drop(GError **error)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

    G_STATIC_ASSERT(CAP_NET_ADMIN < 32 && CAP_NET_RAW < 32);
    if (syscall(SYS_capget, &header, data) != 0)
        return fail("read the capabilities", error);
    /* The bounding set first: changing it takes CAP_SETPCAP, which goes after. */
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
        gboolean keep = cap < 32 && (KEPT & (1U << cap));
        if (!keep && prctl(PR_CAPBSET_READ, cap) == 1 &&
            (data[0].effective & (1U << CAP_SETPCAP)) && prctl(PR_CAPBSET_DROP, cap) != 0)
            return fail("bound the capabilities", error);
    }
    for (guint i = 0; i < G_N_ELEMENTS(data); i++) {
        data[i].permitted &= i == 0 ? KEPT : 0;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) != 0)
        return fail("drop capabilities", error);
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return fail("clear the ambient capabilities", error);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail("forbid new privileges", error);
    return TRUE;
}
