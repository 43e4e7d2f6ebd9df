/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target without libFuzzer, as part of `make check`: over its seeds
 * (tests/fuzz/seeds/NAME/…), over every truncation of each and over a bounded number of seeded
 * random changes to each. Always the same inputs: the changes follow from a seed's name, because a
 * folder has no order. Built with --enable-fuzzing, libFuzzer drives.
 */
#include <glib.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGES_PER_SEED 2000
#define MAX_GROWTH       64

/* The copy is exactly as long as the input, so that a sanitizer sees a read past its end. */
static void
try(const guint8 *data, gsize size)
{
    g_autofree guint8 *copy = g_memdup2(data, size);

    LLVMFuzzerTestOneInput(copy, size);
}

static void
change(GRand *rand, GByteArray *bytes)
{
    guint at = bytes->len ? (guint)g_rand_int_range(rand, 0, (gint32)bytes->len) : 0;
    guint8 noise[MAX_GROWTH];

    for (gsize i = 0; i < sizeof noise; i++)
        noise[i] = (guint8)g_rand_int(rand);
    switch (g_rand_int_range(rand, 0, 5)) {
    case 0:
        if (bytes->len)
            bytes->data[at] ^= (guint8)(1 << (noise[0] % 8));
        break;
    case 1:
        if (bytes->len)
            bytes->data[at] = noise[0];
        break;
    case 2: /* lengths and counters sit at the ends of their range */
        if (bytes->len)
            bytes->data[at] = noise[0] & 1 ? 0xff : 0;
        break;
    case 3:
        g_byte_array_set_size(bytes, at);
        break;
    default:
        g_byte_array_append(bytes, noise, 1 + noise[0] % MAX_GROWTH);
        break;
    }
}

static void
run_seed(const guint8 *data, gsize size, const char *name)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(g_str_hash(name));

    for (gsize cut = 0; cut <= MIN(size, 4096); cut++)
        try(data, cut);
    try(data, size);
    for (guint i = 0; i < CHANGES_PER_SEED; i++) {
        g_autoptr(GByteArray) bytes = g_byte_array_new();

        g_byte_array_append(bytes, data, (guint)size);
        for (gint32 n = g_rand_int_range(rand, 1, 5); n > 0; n--)
            change(rand, bytes);
        try(bytes->data, bytes->len);
    }
}

static void
run(gconstpointer user_data)
{
    const char *name = user_data;
    g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "tests/fuzz/seeds", name, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;
    guint seeds = 1;

    run_seed((const guint8 *)"", 0, "");
    while (dir && (file = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, file, NULL);
        g_autofree char *data = NULL;
        gsize size;

        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        run_seed((const guint8 *)data, size, file);
        seeds++;
    }
    g_test_message("%u seeds", seeds);
}

int
main(int argc, char **argv)
{
    g_autofree char *base = g_path_get_basename(argv[0]);
    const char *name = g_str_has_prefix(base, "lt-") ? base + 3 : base;
    g_autofree char *path = NULL;

    if (g_str_has_prefix(name, "fuzz-"))
        name += strlen("fuzz-");
    path = g_strdup_printf("/fuzz/%s", name);
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func(path, name, run);
    return g_test_run();
}
