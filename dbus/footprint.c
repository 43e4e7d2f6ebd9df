/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "dbus/footprint.h"
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE (256 * 1024)

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

void
stile_footprint_trim(void)
{
    malloc_trim(0);
    dl_iterate_phdr(let_go, NULL);
}
