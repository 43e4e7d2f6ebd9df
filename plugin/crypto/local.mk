# crypto: keys, hashes, AEAD and Noise over libcrypto; no other room names OpenSSL.
libstile_la_SOURCES += \
	plugin/crypto/aead.c plugin/crypto/aead.h \
	plugin/crypto/aead-wide.c plugin/crypto/aead-wide.h \
	plugin/crypto/algorithms.c plugin/crypto/algorithms.h \
	plugin/crypto/hash.c plugin/crypto/hash.h \
	plugin/crypto/keys.c plugin/crypto/keys.h \
	plugin/crypto/noise.c plugin/crypto/noise.h

check_PROGRAMS += tests/unit/test-crypto
tests_unit_test_crypto_SOURCES = tests/unit/test-crypto.c
tests_unit_test_crypto_LDADD = $(unit_ldadd)
