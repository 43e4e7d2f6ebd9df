# base: address, bytes, clock, errors. The ground floor: imports nothing of ours.
libstile_la_SOURCES += \
	plugin/base/address.c plugin/base/address.h \
	plugin/base/bytes.c plugin/base/bytes.h \
	plugin/base/clock.c plugin/base/clock.h \
	plugin/base/error.c plugin/base/error.h \
	plugin/base/nat64.c plugin/base/nat64.h \
	plugin/base/source.h

check_PROGRAMS += tests/unit/test-base
tests_unit_test_base_SOURCES = tests/unit/test-base.c
tests_unit_test_base_LDADD = $(unit_ldadd)
