/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "dbus/footprint.h"
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (256 * 1024)

/* Seconds after a start. Most of it is over in one; the NAT is known, and what can be reached is,
 * in ten. */
static const guint moments[] = {1, 3, 10};

struct _StileFootprint {
    GSource *timer;
    guint next; /* of the moments */
};

void
stile_footprint_init(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE);
}

static int
let_go(struct dl_phdr_info *info, size_t size, void *data)
{
    guintptr page = (guintptr)sysconf(_SC_PAGESIZE);

    for (guint i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        guintptr begin = (info->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        guintptr end = info->dlpi_addr + segment->p_vaddr + segment->p_filesz;

        /* Nothing that could have been written to: that would be lost. */
        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

static gboolean on_moment(gpointer user_data);

static void
stop(StileFootprint *self)
{
    if (!self->timer)
        return;
    g_source_destroy(self->timer);
    g_clear_pointer(&self->timer, g_source_unref);
}

static void
wait_for(StileFootprint *self, guint moment)
{
    guint before = moment > 0 ? moments[moment - 1] : 0;

    stop(self);
    if (moment == G_N_ELEMENTS(moments))
        return;
    self->next = moment;
    self->timer = g_timeout_source_new_seconds(moments[moment] - before);
    g_source_set_callback(self->timer, on_moment, self, NULL);
    g_source_attach(self->timer, g_main_context_get_thread_default());
}

static gboolean
on_moment(gpointer user_data)
{
    StileFootprint *self = user_data;

    malloc_trim(0);
    dl_iterate_phdr(let_go, NULL);
    wait_for(self, self->next + 1);
    return G_SOURCE_REMOVE;
}

StileFootprint *
stile_footprint_new(void)
{
    return g_new0(StileFootprint, 1);
}

void
stile_footprint_free(StileFootprint *self)
{
    stop(self);
    g_free(self);
}

void
stile_footprint_starting(StileFootprint *self)
{
    wait_for(self, 0);
}
