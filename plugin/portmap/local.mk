# portmap: PCP and NAT-PMP behind one interface.
libstile_la_SOURCES += \
	plugin/portmap/epoch.c plugin/portmap/epoch.h \
	plugin/portmap/nat-pmp.c plugin/portmap/nat-pmp.h \
	plugin/portmap/pcp.c plugin/portmap/pcp.h \
	plugin/portmap/portmap.c plugin/portmap/portmap.h plugin/portmap/portmap-private.h \
	plugin/portmap/portmap-socket.c

check_PROGRAMS += tests/unit/test-portmap tests/unit/test-portmap-miniupnpd
tests_unit_test_portmap_SOURCES = tests/unit/test-portmap.c
tests_unit_test_portmap_LDADD = $(unit_ldadd)
tests_unit_test_portmap_miniupnpd_SOURCES = tests/unit/test-portmap-miniupnpd.c
tests_unit_test_portmap_miniupnpd_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-nat-pmp tests/fuzz/fuzz-pcp
tests_fuzz_fuzz_nat_pmp_SOURCES = tests/fuzz/fuzz-nat-pmp.c $(fuzz_driver)
tests_fuzz_fuzz_nat_pmp_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_nat_pmp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pcp_SOURCES = tests/fuzz/fuzz-pcp.c $(fuzz_driver)
tests_fuzz_fuzz_pcp_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_pcp_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/nat-pmp/external \
	tests/fuzz/seeds/nat-pmp/map \
	tests/fuzz/seeds/nat-pmp/unsupported-version \
	tests/fuzz/seeds/pcp/address-mismatch \
	tests/fuzz/seeds/pcp/announce \
	tests/fuzz/seeds/pcp/map-ipv4 \
	tests/fuzz/seeds/pcp/map-ipv6 \
	tests/fuzz/seeds/pcp/unsupported-version
