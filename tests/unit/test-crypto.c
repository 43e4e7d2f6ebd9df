/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cryptography gives what its documents publish: RFC 7748, 8032, 7693, 2202, 4231, 8439, the
 * XChaCha draft, wireguard-go's key derivation and snow's Noise_X vector; and it refuses what was
 * altered, bit by bit, keys of low order, and keys in sloppy base64. */
#include "base/error.h"
#include "crypto/noise.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static GBytes *
unhex(const char *text)
{
    gsize size = strlen(text) / 2;
    g_autofree guint8 *bytes = g_malloc(size + 1);

    for (gsize i = 0; i < size; i++)
        bytes[i] = (guint8)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                            g_ascii_xdigit_value(text[2 * i + 1]));
    return g_bytes_new(bytes, size);
}

static const guint8 *
bytes_of(GBytes *bytes)
{
    return g_bytes_get_data(bytes, NULL);
}

static void
assert_hex(const void *data, gsize size, const char *expected)
{
    g_autoptr(GBytes) bytes = unhex(expected);

    g_assert_cmpmem(data, size, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

/* RFC 7748 §5.2 and §6.1 */
static void
test_x25519(void)
{
    static const struct {
        const char *scalar, *point, *shared;
    } vectors[] = {
        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
        {"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
         "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
         "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"},
    };
    /* The points of order 1, 2, 4 and 8 of the curve and its twist, as far as they are below 2^255
     */
    static const char *const low_order[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    static const guint8 zeros[STILE_KEY_SIZE];
    g_autoptr(GBytes) alice = unhex(vectors[1].scalar);
    guint8 key[STILE_KEY_SIZE], other[STILE_KEY_SIZE], theirs[STILE_KEY_SIZE];
    guint8 shared[STILE_KEY_SIZE], again[STILE_KEY_SIZE];

    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) scalar = unhex(vectors[i].scalar);
        g_autoptr(GBytes) point = unhex(vectors[i].point);

        g_assert_true(stile_x25519(bytes_of(scalar), bytes_of(point), shared));
        assert_hex(shared, sizeof shared, vectors[i].shared);
    }
    stile_x25519_public(bytes_of(alice), key);
    assert_hex(key, sizeof key, "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    for (gsize i = 0; i < G_N_ELEMENTS(low_order); i++) {
        g_autoptr(GBytes) point = unhex(low_order[i]);

        memset(shared, 0xff, sizeof shared);
        g_assert_false(stile_x25519(bytes_of(alice), bytes_of(point), shared));
        g_assert_cmpmem(shared, sizeof shared, zeros, sizeof zeros);
    }

    stile_x25519_generate(key);
    stile_x25519_generate(other);
    g_assert_false(stile_memory_equal(key, other, sizeof key));
    g_assert_cmpuint(key[0] & 7, ==, 0);
    g_assert_cmpuint(key[31] & 0xc0, ==, 0x40);
    stile_x25519_public(other, theirs);
    g_assert_true(stile_x25519(key, theirs, shared));
    stile_x25519_public(key, theirs);
    g_assert_true(stile_x25519(other, theirs, again));
    g_assert_cmpmem(shared, sizeof shared, again, sizeof again);
}

/* RFC 8032 §7.1, TEST 1 to 3 */
static void
test_ed25519(void)
{
    static const struct {
        const char *private_key, *public_key, *message, *signature;
    } vectors[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
         "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
         "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
         "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
        g_autoptr(GBytes) private_key = unhex(vectors[i].private_key);
        g_autoptr(GBytes) message = unhex(vectors[i].message);
        gsize size = g_bytes_get_size(message);
        guint8 public_key[STILE_KEY_SIZE], signature[STILE_SIGNATURE_SIZE];

        stile_ed25519_public(bytes_of(private_key), public_key);
        assert_hex(public_key, sizeof public_key, vectors[i].public_key);
        stile_ed25519_sign(bytes_of(private_key), bytes_of(message), size, signature);
        assert_hex(signature, sizeof signature, vectors[i].signature);
        g_assert_true(stile_ed25519_verify(public_key, bytes_of(message), size, signature));
        g_assert_false(stile_ed25519_verify(public_key, "?", 1, signature));
        for (gsize bit = 0; bit < sizeof signature * 8; bit++) {
            signature[bit / 8] ^= (guint8)(1 << bit % 8);
            g_assert_false(stile_ed25519_verify(public_key, bytes_of(message), size, signature));
            signature[bit / 8] ^= (guint8)(1 << bit % 8);
        }
    }
}

static void
test_key_text(void)
{
    static const char *const bad[] = {
        "",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", /* a bit set that no byte has */
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH h8",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
        "\nAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "____________________________________________",
    };
    static const char *const text = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    guint8 key[STILE_KEY_SIZE], expected[STILE_KEY_SIZE];
    g_autofree char *written = NULL;
    g_autoptr(GError) error = NULL;

    for (guint8 i = 0; i < sizeof expected; i++)
        expected[i] = i;
    g_assert_true(stile_key_parse(key, text, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(key, sizeof key, expected, sizeof expected);
    written = stile_key_to_string(key);
    g_assert_cmpstr(written, ==, text);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) wrong = NULL;

        g_assert_false(stile_key_parse(key, bad[i], &wrong));
        g_assert_error(wrong, STILE_ERROR, STILE_ERROR_INVALID_ARGUMENT);
        g_assert_cmpmem(key, sizeof key, expected, sizeof expected);
    }
    stile_memory_wipe(key, sizeof key);
    for (gsize i = 0; i < sizeof key; i++)
        g_assert_cmpuint(key[i], ==, 0);
}

static void
test_hashes(void)
{
    guint8 hash[STILE_BLAKE2S_SIZE], key[STILE_KEY_SIZE], data[100], mac[STILE_MAC_SIZE];
    const StilePart abc[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};

    /* RFC 7693 Appendix B */
    stile_blake2s(abc, G_N_ELEMENTS(abc), hash);
    assert_hex(hash, 32, "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
    stile_blake2s(NULL, 0, hash);
    assert_hex(hash, 32, "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");

    /* No document has keyed BLAKE2s with 16 bytes of output: computed with Python's hashlib. */
    for (guint8 i = 0; i < sizeof data; i++)
        data[i] = i;
    memcpy(key, data, sizeof key);
    stile_blake2s_mac(key, sizeof key, data, sizeof data, mac);
    assert_hex(mac, sizeof mac, "0b67d33f8b859c3157fbabd9e6e47ed0");
    stile_blake2s_mac(key, 16, "abc", 3, mac);
    assert_hex(mac, sizeof mac, "75296c2d2c0f51210b383f386bc8b1ff");

    /* RFC 1321 and FIPS 180 */
    stile_md5("abc", 3, hash);
    assert_hex(hash, STILE_MD5_SIZE, "900150983cd24fb0d6963f7d28e17f72");
    stile_sha256("abc", 3, hash);
    assert_hex(hash, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 2202 and 4231: a short key, and one longer than the block */
static void
test_hmac(void)
{
    const StilePart data[] = {{"what do ya want ", 16}, {"for nothing?", 12}};
    const StilePart larger = {"Test Using Larger Than Block-Size Key - Hash Key First", 54};
    guint8 key[131], mac[STILE_SHA256_SIZE];

    memset(key, 0xaa, sizeof key);
    stile_hmac_sha1("Jefe", 4, data, G_N_ELEMENTS(data), mac);
    assert_hex(mac, STILE_SHA1_SIZE, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    stile_hmac_sha1(key, 80, &larger, 1, mac);
    assert_hex(mac, STILE_SHA1_SIZE, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    stile_hmac_sha256("Jefe", 4, data, G_N_ELEMENTS(data), mac);
    assert_hex(mac, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    stile_hmac_sha256(key, sizeof key, &larger, 1, mac);
    assert_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* wireguard-go's; its keys are shorter, and HMAC pads keys with zeros */
static void
test_kdf(void)
{
    static const char
        *const expected = "6f0e5ad38daba1bea8a0d213688736f19763239305e0f58aba697f9ffc41c633"
                          "df1194df20802a4fe594cde27e92991c8cae66c366e8106aaa937a55fa371e8a"
                          "fac6e2745a325f5dc5d11a5b165aad08b0ada28e7b4e666b7c077934a4d76c24";
    static const guint8 key[STILE_BLAKE2S_SIZE] = "test-key";

    for (guint n = 1; n <= 3; n++) {
        g_autofree char *part = g_strndup(expected, n * 64);
        guint8 outputs[3 * STILE_BLAKE2S_SIZE];

        memset(outputs, 0xee, sizeof outputs);
        stile_kdf(key, "test-input", 10, n, outputs);
        assert_hex(outputs, n * STILE_BLAKE2S_SIZE, part);
        if (n < 3)
            g_assert_cmpuint(outputs[n * STILE_BLAKE2S_SIZE], ==, 0xee);
    }
}

/* Where there is no faster way, both constructors are the same, and the tests pass all the same. */
static StileAead *
aead_new(gboolean bulk, const guint8 *key)
{
    return bulk ? stile_aead_new_bulk(key) : stile_aead_new(key);
}

/* RFC 8439 A.5: the one AEAD vector whose nonce begins with 32 zero bits, as ours do */
static void
test_aead(gconstpointer bulk)
{
    static const char *const plain =
        "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
        "replaced, or obsoleted by other documents at any time. It is inappropriate to use "
        "Internet-Drafts as reference material or to cite them other than as /“work in progress./”";
    static const char *const expected =
        "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e38"
        "2d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f9"
        "82b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d"
        "46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04"
        "b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049"
        "e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b"
        "eead9d67890cbb22392336fea1851f38";
    const guint64 counter = 0x0807060504030201;
    g_autoptr(GBytes)
        key = unhex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
    g_autoptr(GBytes) ad = unhex("f33388860000000000004e91");
    g_autoptr(StileAead) aead = aead_new(bulk != NULL, bytes_of(key));
    gsize size = strlen(plain), sealed_size = size + STILE_AEAD_TAG_SIZE;
    g_autofree guint8 *sealed = g_malloc(sealed_size);
    g_autofree guint8 *opened = g_malloc(sealed_size);

    g_assert_cmpuint(size, ==, 265);
    stile_aead_seal(aead, counter, bytes_of(ad), 12, (const guint8 *)plain, size, sealed);
    assert_hex(sealed, sealed_size, expected);
    g_assert_true(stile_aead_open(aead, counter, bytes_of(ad), 12, sealed, sealed_size, opened));
    g_assert_cmpmem(opened, size, plain, size);

    /* In place, both ways, under contexts that were used before. */
    memcpy(opened, plain, size);
    stile_aead_seal(aead, counter, bytes_of(ad), 12, opened, size, opened);
    assert_hex(opened, sealed_size, expected);
    g_assert_true(stile_aead_open(aead, counter, bytes_of(ad), 12, opened, sealed_size, opened));
    g_assert_cmpmem(opened, size, plain, size);

    g_assert_false(
        stile_aead_open(aead, counter + 1, bytes_of(ad), 12, sealed, sealed_size, opened));
    g_assert_false(stile_aead_open(aead, counter, bytes_of(ad), 11, sealed, sealed_size, opened));
    g_assert_false(stile_aead_open(aead, counter, NULL, 0, sealed, sealed_size, opened));
    for (gsize cut = 0; cut < sealed_size; cut++)
        g_assert_false(stile_aead_open(aead, counter, bytes_of(ad), 12, sealed, cut, opened));
    for (gsize bit = 0; bit < sealed_size * 8; bit++) {
        sealed[bit / 8] ^= (guint8)(1 << bit % 8);
        g_assert_false(
            stile_aead_open(aead, counter, bytes_of(ad), 12, sealed, sealed_size, opened));
        sealed[bit / 8] ^= (guint8)(1 << bit % 8);
    }
}

/* Every size around the blocks of ChaCha20 and Poly1305, and up to the largest packet: what one way
 * has sealed the other opens. */
static void
test_aead_sizes(gconstpointer bulk)
{
    static const guint8 key[STILE_AEAD_KEY_SIZE] = {1, 2, 3};
    const gsize most = 65536;
    g_autoptr(StileAead) sealing = aead_new(bulk != NULL, key);
    g_autoptr(StileAead) opening = aead_new(bulk == NULL, key);
    g_autofree guint8 *plain = g_malloc(most);
    g_autofree guint8 *sealed = g_malloc(most + STILE_AEAD_TAG_SIZE);
    guint64 counter = G_MAXUINT64 - 100;

    for (gsize i = 0; i < most; i++)
        plain[i] = (guint8)(i * 7 + (i >> 8));
    for (gsize size = 0; size <= most; size = size < 300 ? size + 1 : size * 2 - 88, counter++) {
        g_autofree guint8 *opened = g_malloc(size + 1);

        stile_aead_seal(sealing, counter, plain, size % 40, plain, size, sealed);
        opened[size] = 0xee;
        g_assert_true(stile_aead_open(opening, counter, plain, size % 40, sealed,
                                      size + STILE_AEAD_TAG_SIZE, opened));
        g_assert_cmpmem(opened, size, plain, size);
        g_assert_cmpuint(opened[size], ==, 0xee);
    }
}

/* A buffer whose end is the end of what may be touched. */
static guint8 *
guarded_new(gsize size, guint8 **ret_map, gsize *ret_map_size)
{
    gsize page = (gsize)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    guint8 *map = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);

    g_assert_true(map != MAP_FAILED);
    g_assert_cmpint(mprotect(map + whole, page, PROT_NONE), ==, 0);
    *ret_map = map;
    *ret_map_size = whole + page;
    return map + whole - size;
}

/* From one buffer to another, nothing is read or written behind their ends, however wide the
 * vectors; and an empty message needs no place. */
static void
test_aead_edges(gconstpointer bulk)
{
    enum {
        MOST = 1600
    };
    static const guint8 key[STILE_AEAD_KEY_SIZE] = {3, 2, 1};
    g_autoptr(StileAead) aead = aead_new(bulk != NULL, key);
    guint8 *maps[2], empty[STILE_AEAD_TAG_SIZE];
    gsize sizes[2];
    guint8 *in = guarded_new(MOST, &maps[0], &sizes[0]);
    guint8 *out = guarded_new(MOST + STILE_AEAD_TAG_SIZE, &maps[1], &sizes[1]);

    for (gsize i = 0; i < MOST; i++)
        in[i] = (guint8)(i * 11);
    for (gsize size = 0; size <= MOST; size++) {
        guint8 *from = in + MOST - size, *to = out + MOST - size;

        stile_aead_seal(aead, size, NULL, 0, from, size, to);
        memset(from, 0, size);
        g_assert_true(stile_aead_open(aead, size, NULL, 0, to, size + STILE_AEAD_TAG_SIZE, from));
        for (gsize i = MOST - size; i < MOST; i++)
            g_assert_cmpuint(in[i], ==, (guint8)(i * 11));
    }
    stile_aead_seal(aead, 0, NULL, 0, NULL, 0, empty);
    g_assert_true(stile_aead_open(aead, 0, NULL, 0, empty, sizeof empty, in));
    munmap(maps[0], sizes[0]);
    munmap(maps[1], sizes[1]);
}

/* draft-irtf-cfrg-xchacha-03 A.3.1 */
static void
test_xaead(void)
{
    static const char *const plain =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    guint8 key[STILE_AEAD_KEY_SIZE], nonce[STILE_XAEAD_NONCE_SIZE], sealed[256], opened[256];
    g_autoptr(GBytes) ad = unhex("50515253c0c1c2c3c4c5c6c7");
    gsize size = strlen(plain);

    for (guint8 i = 0; i < sizeof key; i++)
        key[i] = 0x80 + i;
    for (guint8 i = 0; i < sizeof nonce; i++)
        nonce[i] = 0x40 + i;
    stile_xaead_seal(key, nonce, bytes_of(ad), 12, (const guint8 *)plain, size, sealed);
    assert_hex(sealed, size + STILE_AEAD_TAG_SIZE,
               "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
               "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
               "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
               "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
    g_assert_true(
        stile_xaead_open(key, nonce, bytes_of(ad), 12, sealed, size + STILE_AEAD_TAG_SIZE, opened));
    g_assert_cmpmem(opened, size, plain, size);
    for (gsize i = 0; i < sizeof nonce; i++) {
        nonce[i] ^= 1;
        g_assert_false(stile_xaead_open(key, nonce, bytes_of(ad), 12, sealed,
                                        size + STILE_AEAD_TAG_SIZE, opened));
        nonce[i] ^= 1;
    }
}

/* snow's tests/vectors/snow.txt: Noise_X_25519_ChaChaPoly_BLAKE2s. The second message is transport
 * data under the first key of the split. */
static void
test_noise_x(void)
{
    static const char *const prologue = "There is no right and wrong. There's only fun and boring.";
    g_autoptr(GBytes)
        sender = unhex("46a83245140e0e4f41bf9a4c9ac371d4e85e17234b47fcd0df24d7aefc53dcd9");
    g_autoptr(GBytes)
        ephemeral = unhex("3ae59286fd03fc16c0600f11cf7a0d625d127682954e953420b5fe37758a6d8a");
    g_autoptr(GBytes)
        recipient = unhex("a2a9126bda77706d2f5ed7feea4fc47e799a1027c7cb74f60a5880f0ce76c1ad");
    g_autoptr(GBytes)
        payload = unhex("d84cd4053da30cfd165f4f590fc7bccfd75265f052c6f61475d42a0ef1829273");
    guint8 recipient_public[STILE_KEY_SIZE], sender_public[STILE_KEY_SIZE];
    guint8 proven[STILE_KEY_SIZE], out[32 + STILE_NOISE_X_OVERHEAD], opened[32];
    guint8 low_order[STILE_KEY_SIZE] = {1};

    stile_x25519_public(bytes_of(recipient), recipient_public);
    assert_hex(recipient_public, 32,
               "e977c1cf66396d7d081dfd8254dd148aa9d20bbeaaac18834699a7b8881b5942");
    stile_x25519_public(bytes_of(sender), sender_public);
    g_assert_true(stile_noise_x_seal(bytes_of(sender), recipient_public, bytes_of(ephemeral),
                                     prologue, strlen(prologue), bytes_of(payload), 32, out));
    assert_hex(out, sizeof out,
               "7c85930e7caf65893b90a0581280856a88ffa09286e271109c80645689ebc16f"
               "fec1721ba54038c45d11269e39a118c407f4dd32d4bed8aad79662a5861cf996"
               "d53f1307c173a3e82d2d3bd92a6cb1304717515660f70c3ac55a7b0cd69d5289"
               "1a0f35e74acae5ca277ce62c40a317160cf47ecfa9b7feb8079eabad165d690c");
    g_assert_true(stile_noise_x_open(bytes_of(recipient), prologue, strlen(prologue), out,
                                     sizeof out, proven, opened));
    g_assert_cmpmem(proven, sizeof proven, sender_public, sizeof sender_public);
    g_assert_cmpmem(opened, sizeof opened, bytes_of(payload), 32);

    g_assert_false(stile_noise_x_open(bytes_of(recipient), prologue, strlen(prologue) - 1, out,
                                      sizeof out, proven, opened));
    g_assert_false(stile_noise_x_open(bytes_of(sender), prologue, strlen(prologue), out, sizeof out,
                                      proven, opened));
    for (gsize cut = 0; cut < sizeof out; cut++)
        g_assert_false(stile_noise_x_open(bytes_of(recipient), prologue, strlen(prologue), out, cut,
                                          proven, opened));
    /* All bits but one: X25519 takes the highest bit of a public key for zero, the hash does not.
     */
    for (gsize bit = 0; bit < sizeof out * 8; bit++) {
        out[bit / 8] ^= (guint8)(1 << bit % 8);
        g_assert_false(stile_noise_x_open(bytes_of(recipient), prologue, strlen(prologue), out,
                                          sizeof out, proven, opened));
        out[bit / 8] ^= (guint8)(1 << bit % 8);
    }
    g_assert_false(stile_noise_x_seal(bytes_of(sender), low_order, NULL, NULL, 0, NULL, 0, out));

    /* A fresh ephemeral key, nothing inside, no prologue. */
    g_assert_true(
        stile_noise_x_seal(bytes_of(sender), recipient_public, NULL, NULL, 0, NULL, 0, out));
    g_assert_true(stile_noise_x_open(bytes_of(recipient), NULL, 0, out, STILE_NOISE_X_OVERHEAD,
                                     proven, opened));
    g_assert_cmpmem(proven, sizeof proven, sender_public, sizeof sender_public);
}

static void
test_noise_symmetric(void)
{
    static const char *const long_name = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
    const StilePart name = {long_name, strlen(long_name)};
    guint8 hash[STILE_BLAKE2S_SIZE], message[3 + STILE_AEAD_TAG_SIZE];
    guint8 first[2][STILE_AEAD_KEY_SIZE], second[2][STILE_AEAD_KEY_SIZE];
    StileNoise a, b;

    stile_noise_init(&a, "Noise_X");
    g_assert_cmpmem(a.hash, 8, "Noise_X\0", 8);
    stile_noise_init(&a, long_name);
    stile_noise_init(&b, long_name);
    stile_blake2s(&name, 1, hash);
    g_assert_cmpmem(a.hash, sizeof a.hash, hash, sizeof hash);

    /* Without a key, nothing is sealed but all is hashed. */
    stile_noise_encrypt_and_hash(&a, (const guint8 *)"abc", 3, message);
    g_assert_cmpmem(message, 3, "abc", 3);
    g_assert_true(stile_noise_decrypt_and_hash(&b, message, 3, message));
    stile_noise_mix_key(&a, "secret", 6);
    stile_noise_mix_key(&b, "secret", 6);
    stile_noise_mix_key_and_hash(&a, "preshared", 9);
    stile_noise_mix_key_and_hash(&b, "preshared", 9);
    for (guint i = 0; i < 3; i++) {
        memcpy(message, "abc", 3);
        stile_noise_encrypt_and_hash(&a, message, 3, message);
        message[0] ^= 1;
        g_assert_false(stile_noise_decrypt_and_hash(&b, message, sizeof message, hash));
        message[0] ^= 1;
        /* The failure left b as it was. */
        g_assert_true(stile_noise_decrypt_and_hash(&b, message, sizeof message, message));
        g_assert_cmpmem(message, 3, "abc", 3);
        g_assert_cmpmem(a.hash, sizeof a.hash, b.hash, sizeof b.hash);
    }
    stile_noise_split(&a, first[0], first[1]);
    stile_noise_split(&b, second[0], second[1]);
    g_assert_cmpmem(first, sizeof first, second, sizeof second);
    g_assert_false(stile_memory_equal(first[0], first[1], sizeof first[0]));
    stile_noise_clear(&a);
    stile_noise_clear(&b);
    g_assert_false(a.has_key);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/crypto/x25519", test_x25519);
    g_test_add_func("/crypto/ed25519", test_ed25519);
    g_test_add_func("/crypto/key-text", test_key_text);
    g_test_add_func("/crypto/hashes", test_hashes);
    g_test_add_func("/crypto/hmac", test_hmac);
    g_test_add_func("/crypto/kdf", test_kdf);
    g_test_add_data_func("/crypto/aead", NULL, test_aead);
    g_test_add_data_func("/crypto/aead-bulk", "bulk", test_aead);
    g_test_add_data_func("/crypto/aead-sizes", NULL, test_aead_sizes);
    g_test_add_data_func("/crypto/aead-sizes-bulk", "bulk", test_aead_sizes);
    g_test_add_data_func("/crypto/aead-edges", NULL, test_aead_edges);
    g_test_add_data_func("/crypto/aead-edges-bulk", "bulk", test_aead_edges);
    g_test_add_func("/crypto/xaead", test_xaead);
    g_test_add_func("/crypto/noise-x", test_noise_x);
    g_test_add_func("/crypto/noise-symmetric", test_noise_symmetric);
    return g_test_run();
}
