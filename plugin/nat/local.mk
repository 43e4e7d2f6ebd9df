# nat: what the NAT in front of us does.
libstile_la_SOURCES += plugin/nat/mapping.c plugin/nat/mapping.h

check_PROGRAMS += tests/unit/test-nat
tests_unit_test_nat_SOURCES = tests/unit/test-nat.c
tests_unit_test_nat_LDADD = $(unit_ldadd)
