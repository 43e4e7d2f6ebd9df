/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "crypto/aead-wide.h"

#if defined HAVE_INTEL_IPSEC_MB_H && defined __x86_64__
#include "crypto/aead.h"
#include <dlfcn.h>
#include <intel-ipsec-mb.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Loaded, not linked: twelve megabytes that most machines have no use for. The name has the version
 * of the interface that the header declares. */
#define LIBRARY    "libIPSec_MB.so.1"
#define NONCE_SIZE 12

typedef struct {
    IMB_MGR *(*alloc)(guint64 flags);
    void (*init_avx512)(IMB_MGR *manager);
    void (*free)(IMB_MGR *manager);
} Library;

typedef struct {
    IMB_MGR *manager; /* NULL when there is none to be had */
} State;

static gboolean
has_wide_vectors(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
}

static gpointer
load_library(gpointer data)
{
    static Library library;
    void *handle;

    if (!has_wide_vectors())
        return NULL;
    handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        g_debug("no wide vectors: %s", dlerror());
        return NULL;
    }
    library.alloc = (IMB_MGR * (*)(guint64)) dlsym(handle, "alloc_mb_mgr");
    library.init_avx512 = (void (*)(IMB_MGR *))dlsym(handle, "init_mb_mgr_avx512");
    library.free = (void (*)(IMB_MGR *))dlsym(handle, "free_mb_mgr");
    return library.alloc && library.init_avx512 && library.free ? &library : NULL;
}

static const Library *
get_library(void)
{
    static GOnce once = G_ONCE_INIT;

    return g_once(&once, load_library, NULL);
}

static void
state_free(gpointer data)
{
    State *state = data;

    if (state->manager)
        get_library()->free(state->manager);
    g_free(state);
}

/* Its start tests all its ciphers, and leaves megabytes of their code resident. What is needed of
 * it comes back by itself: it is a file's, and unchanged. */
static int
let_go(struct dl_phdr_info *info, size_t size, void *base)
{
    if (info->dlpi_addr != (ElfW(Addr))base)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        gsize page = (gsize)sysconf(_SC_PAGESIZE);
        gsize start = (info->dlpi_addr + part->p_vaddr) / page * page;

        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            madvise((void *)start, info->dlpi_addr + part->p_vaddr + part->p_memsz - start,
                    MADV_DONTNEED);
    }
    return 1;
}

static void
let_go_of_code(const Library *library)
{
    Dl_info found;

    if (dladdr(*(void *const *)&library->init_avx512, &found) != 0)
        dl_iterate_phdr(let_go, found.dli_fbase);
}

static IMB_MGR *
manager_new(void)
{
    const guint64 wanted = IMB_FEATURE_AVX512_SKX | IMB_FEATURE_AVX512_IFMA |
                           IMB_FEATURE_SELF_TEST_PASS;
    const Library *library = get_library();
    IMB_MGR *manager = library ? library->alloc(0) : NULL;

    if (!manager)
        return NULL;
    library->init_avx512(manager);
    let_go_of_code(library);
    if ((manager->features & wanted) == wanted)
        return manager;
    g_debug("no wide vectors: the library has features %" G_GINT64_MODIFIER "x only",
            (guint64)manager->features);
    library->free(manager);
    return NULL;
}

static IMB_MGR *
get_manager(void)
{
    static GPrivate states = G_PRIVATE_INIT(state_free);
    State *state = g_private_get(&states);

    if (G_UNLIKELY(!state)) {
        state = g_new(State, 1);
        state->manager = manager_new();
        g_private_set(&states, state);
    }
    return state->manager;
}

gboolean
stile_aead_wide(gboolean seal, const guint8 *key, guint64 counter, const void *ad, gsize ad_size,
                const guint8 *in, gsize size, guint8 *out, guint8 *ret_tag)
{
    IMB_MGR *manager = get_manager();
    const guint64 nonce = GUINT64_TO_LE(counter);
    guint8 iv[NONCE_SIZE] = {0};
    IMB_JOB *job;

    if (!manager)
        return FALSE;
    memcpy(iv + NONCE_SIZE - sizeof nonce, &nonce, sizeof nonce);
    job = IMB_GET_NEXT_JOB(manager);
    memset(job, 0, sizeof *job);
    job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
    job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
    job->cipher_direction = seal ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
    job->chain_order = seal ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->enc_keys = key;
    job->dec_keys = key;
    job->key_len_in_bytes = STILE_AEAD_KEY_SIZE;
    job->u.CHACHA20_POLY1305.aad = ad ? ad : iv;
    job->u.CHACHA20_POLY1305.aad_len_in_bytes = ad_size;
    job->iv = iv;
    job->iv_len_in_bytes = sizeof iv;
    job->src = in;
    job->dst = out;
    job->msg_len_to_cipher_in_bytes = size;
    job->msg_len_to_hash_in_bytes = size;
    job->auth_tag_output = ret_tag;
    job->auth_tag_output_len_in_bytes = STILE_AEAD_TAG_SIZE;
    /* This cipher is done at once; the queue is for others. */
    job = IMB_SUBMIT_JOB_NOCHECK(manager);
    if (!job)
        job = IMB_FLUSH_JOB(manager);
    g_assert(job && job->status == IMB_STATUS_COMPLETED);
    return TRUE;
}

#else

gboolean
stile_aead_wide(gboolean seal, const guint8 *key, guint64 counter, const void *ad, gsize ad_size,
                const guint8 *in, gsize size, guint8 *out, guint8 *ret_tag)
{
    return FALSE;
}

#endif
