# portmap: PCP, NAT-PMP and UPnP IGD behind one interface.
libstile_la_SOURCES += \
	plugin/portmap/announcements.c plugin/portmap/announcements.h \
	plugin/portmap/epoch.c plugin/portmap/epoch.h \
	plugin/portmap/http.c plugin/portmap/http.h \
	plugin/portmap/http-exchange.c plugin/portmap/http-exchange.h \
	plugin/portmap/markup.c plugin/portmap/markup.h \
	plugin/portmap/nat-pmp.c plugin/portmap/nat-pmp.h \
	plugin/portmap/pcp.c plugin/portmap/pcp.h \
	plugin/portmap/pcp-peers.c plugin/portmap/pcp-peers.h \
	plugin/portmap/portmap.c plugin/portmap/portmap.h plugin/portmap/portmap-private.h \
	plugin/portmap/portmap-socket.c \
	plugin/portmap/problem.c plugin/portmap/problem.h \
	plugin/portmap/soap.c plugin/portmap/soap.h \
	plugin/portmap/ssdp.c plugin/portmap/ssdp.h \
	plugin/portmap/upnp.c plugin/portmap/upnp.h \
	plugin/portmap/upnp-description.c plugin/portmap/upnp-description.h \
	plugin/portmap/upnp-sweep.c plugin/portmap/upnp-sweep.h

check_PROGRAMS += tests/unit/test-pcp-peers \
	tests/unit/test-portmap tests/unit/test-portmap-messages tests/unit/test-portmap-miniupnpd \
	tests/unit/test-upnp \
	tests/unit/test-upnp-hostile tests/unit/test-upnp-messages
upnp_world = tests/unit/upnp-world.c tests/unit/upnp-world.h
tests_unit_test_upnp_SOURCES = tests/unit/test-upnp.c $(upnp_world)
tests_unit_test_upnp_LDADD = $(unit_ldadd)
tests_unit_test_upnp_hostile_SOURCES = tests/unit/test-upnp-hostile.c $(upnp_world)
tests_unit_test_upnp_hostile_LDADD = $(unit_ldadd)
tests_unit_test_upnp_messages_SOURCES = tests/unit/test-upnp-messages.c tests/unit/upnp-world.h
tests_unit_test_upnp_messages_LDADD = $(unit_ldadd)
tests_unit_test_pcp_peers_SOURCES = tests/unit/test-pcp-peers.c
tests_unit_test_pcp_peers_LDADD = $(unit_ldadd)
tests_unit_test_portmap_SOURCES = tests/unit/test-portmap.c
tests_unit_test_portmap_LDADD = $(unit_ldadd)
tests_unit_test_portmap_messages_SOURCES = tests/unit/test-portmap-messages.c
tests_unit_test_portmap_messages_LDADD = $(unit_ldadd)
tests_unit_test_portmap_miniupnpd_SOURCES = tests/unit/test-portmap-miniupnpd.c
tests_unit_test_portmap_miniupnpd_LDADD = $(unit_ldadd)

FUZZ_TARGETS += \
	tests/fuzz/fuzz-http tests/fuzz/fuzz-nat-pmp tests/fuzz/fuzz-pcp tests/fuzz/fuzz-soap \
	tests/fuzz/fuzz-ssdp tests/fuzz/fuzz-upnp-description
tests_fuzz_fuzz_nat_pmp_SOURCES = tests/fuzz/fuzz-nat-pmp.c $(fuzz_driver)
tests_fuzz_fuzz_nat_pmp_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_nat_pmp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pcp_SOURCES = tests/fuzz/fuzz-pcp.c $(fuzz_driver)
tests_fuzz_fuzz_pcp_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_pcp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz-http.c $(fuzz_driver)
tests_fuzz_fuzz_http_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_http_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_soap_SOURCES = tests/fuzz/fuzz-soap.c $(fuzz_driver)
tests_fuzz_fuzz_soap_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_soap_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_ssdp_SOURCES = tests/fuzz/fuzz-ssdp.c $(fuzz_driver)
tests_fuzz_fuzz_ssdp_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_ssdp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_upnp_description_SOURCES = tests/fuzz/fuzz-upnp-description.c $(fuzz_driver)
tests_fuzz_fuzz_upnp_description_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_upnp_description_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/http/chunked \
	tests/fuzz/seeds/http/length \
	tests/fuzz/seeds/http/until-close \
	tests/fuzz/seeds/http/url \
	tests/fuzz/seeds/nat-pmp/external \
	tests/fuzz/seeds/nat-pmp/map \
	tests/fuzz/seeds/nat-pmp/unsupported-version \
	tests/fuzz/seeds/pcp/address-mismatch \
	tests/fuzz/seeds/pcp/announce \
	tests/fuzz/seeds/pcp/map-ipv4 \
	tests/fuzz/seeds/pcp/map-ipv6 \
	tests/fuzz/seeds/pcp/peer \
	tests/fuzz/seeds/pcp/unsupported-version \
	tests/fuzz/seeds/soap/entry \
	tests/fuzz/seeds/soap/external \
	tests/fuzz/seeds/soap/fault \
	tests/fuzz/seeds/soap/reserved-port \
	tests/fuzz/seeds/ssdp/gateway \
	tests/fuzz/seeds/upnp-description/entity \
	tests/fuzz/seeds/upnp-description/version-1 \
	tests/fuzz/seeds/upnp-description/version-2 \
	tests/fuzz/seeds/upnp-description/vertical-tabs
