# nat: what the NAT in front of us does.
libstile_la_SOURCES += \
	plugin/nat/allocation.c plugin/nat/allocation.h \
	plugin/nat/behaviour.c plugin/nat/behaviour.h \
	plugin/nat/hairpin.c plugin/nat/hairpin.h \
	plugin/nat/inquiry.c plugin/nat/inquiry.h \
	plugin/nat/layers.c plugin/nat/layers.h \
	plugin/nat/lifetime.c plugin/nat/lifetime.h \
	plugin/nat/mapping.c plugin/nat/mapping.h \
	plugin/nat/nat64-watch.c plugin/nat/nat64-watch.h \
	plugin/nat/pref64.c plugin/nat/pref64.h \
	plugin/nat/probe-socket.c plugin/nat/probe-socket.h \
	plugin/nat/probe-wire.c plugin/nat/probe-wire.h \
	plugin/nat/prober.c plugin/nat/prober.h \
	plugin/nat/responder.c plugin/nat/responder.h

check_PROGRAMS += tests/unit/test-nat tests/unit/test-nat64 tests/unit/test-nat64-watch \
	tests/unit/test-nat-prober tests/unit/test-nat-responder
tests_unit_test_nat_responder_SOURCES = tests/unit/test-nat-responder.c tests/unit/addresses.h
tests_unit_test_nat_responder_LDADD = $(unit_ldadd)
tests_unit_test_nat_SOURCES = tests/unit/test-nat.c
tests_unit_test_nat_LDADD = $(unit_ldadd)
tests_unit_test_nat64_SOURCES = tests/unit/test-nat64.c tests/unit/addresses.h
tests_unit_test_nat64_LDADD = $(unit_ldadd)
tests_unit_test_nat64_watch_SOURCES = tests/unit/test-nat64-watch.c
tests_unit_test_nat64_watch_LDADD = $(unit_ldadd)
tests_unit_test_nat_prober_SOURCES = tests/unit/test-nat-prober.c $(simnet_sources) \
	tests/unit/simstun.c tests/unit/simstun.h
tests_unit_test_nat_prober_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-nat-answer tests/fuzz/fuzz-nat64 tests/fuzz/fuzz-pref64
tests_fuzz_fuzz_nat_answer_SOURCES = tests/fuzz/fuzz-nat-answer.c $(fuzz_driver)
tests_fuzz_fuzz_nat_answer_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_nat_answer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_nat64_SOURCES = tests/fuzz/fuzz-nat64.c $(fuzz_driver)
tests_fuzz_fuzz_nat64_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_nat64_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pref64_SOURCES = tests/fuzz/fuzz-pref64.c $(fuzz_driver)
tests_fuzz_fuzz_pref64_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_pref64_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/nat-answer/full \
	tests/fuzz/seeds/nat-answer/plain \
	tests/fuzz/seeds/nat-answer/private \
	tests/fuzz/seeds/nat-answer/refused \
	tests/fuzz/seeds/nat64/of-48 \
	tests/fuzz/seeds/nat64/twice \
	tests/fuzz/seeds/nat64/well-known \
	tests/fuzz/seeds/pref64/among-others \
	tests/fuzz/seeds/pref64/odd \
	tests/fuzz/seeds/pref64/of-each-length
