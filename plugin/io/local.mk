# io: the datagram socket, the tun device, links and addresses of this machine
libstile_la_SOURCES += \
	plugin/io/advertisements.c plugin/io/advertisements.h \
	plugin/io/dns64.c plugin/io/dns64.h \
	plugin/io/endpoint.h \
	plugin/io/link-configure.c \
	plugin/io/links.c plugin/io/links.h \
	plugin/io/netlink.c plugin/io/netlink.h \
	plugin/io/proxy.c plugin/io/proxy.h \
	plugin/io/reach.c plugin/io/reach.h \
	plugin/io/reason.c plugin/io/reason.h \
	plugin/io/socket.c plugin/io/socket.h \
	plugin/io/stream.c plugin/io/stream.h \
	plugin/io/tun.c plugin/io/tun.h

check_PROGRAMS += tests/unit/test-links tests/unit/test-proxy tests/unit/test-socket \
	tests/unit/test-stream tests/unit/test-tun
tests_unit_test_links_SOURCES = tests/unit/test-links.c
tests_unit_test_links_LDADD = $(unit_ldadd)
tests_unit_test_proxy_SOURCES = tests/unit/test-proxy.c
tests_unit_test_proxy_LDADD = $(unit_ldadd)
tests_unit_test_socket_SOURCES = tests/unit/test-socket.c
tests_unit_test_socket_LDADD = $(unit_ldadd)
tests_unit_test_stream_SOURCES = tests/unit/test-stream.c
tests_unit_test_stream_LDADD = $(unit_ldadd)
tests_unit_test_tun_SOURCES = tests/unit/test-tun.c
tests_unit_test_tun_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-netlink
tests_fuzz_fuzz_netlink_SOURCES = tests/fuzz/fuzz-netlink.c $(fuzz_driver)
tests_fuzz_fuzz_netlink_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_netlink_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/netlink/advertisement tests/fuzz/seeds/netlink/dump tests/fuzz/seeds/netlink/routes
