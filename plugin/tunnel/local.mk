# tunnel: the WireGuard protocol, a state machine without socket, thread or loop.
libstile_la_SOURCES += \
	plugin/tunnel/allowed-ips.c plugin/tunnel/allowed-ips.h \
	plugin/tunnel/cookie.c plugin/tunnel/cookie.h \
	plugin/tunnel/events.c \
	plugin/tunnel/handshake.c plugin/tunnel/handshake.h \
	plugin/tunnel/ikpsk2.c plugin/tunnel/ikpsk2.h \
	plugin/tunnel/index.c plugin/tunnel/index.h \
	plugin/tunnel/message.c plugin/tunnel/message.h \
	plugin/tunnel/packet.c plugin/tunnel/packet.h \
	plugin/tunnel/peer.c plugin/tunnel/peer.h \
	plugin/tunnel/ratelimit.c plugin/tunnel/ratelimit.h \
	plugin/tunnel/receive.c \
	plugin/tunnel/replay.c plugin/tunnel/replay.h \
	plugin/tunnel/send.c \
	plugin/tunnel/session.c plugin/tunnel/session.h \
	plugin/tunnel/table.c plugin/tunnel/table.h \
	plugin/tunnel/tai64n.c plugin/tunnel/tai64n.h \
	plugin/tunnel/timers.c plugin/tunnel/timers.h \
	plugin/tunnel/tunnel.c plugin/tunnel/tunnel.h

check_PROGRAMS += tests/unit/test-allowed-ips tests/unit/test-handshake tests/unit/test-replay \
	tests/unit/test-tunnel-timers
tests_unit_test_tunnel_timers_SOURCES = tests/unit/test-tunnel-timers.c
tests_unit_test_tunnel_timers_LDADD = $(unit_ldadd)
tests_unit_test_allowed_ips_SOURCES = tests/unit/test-allowed-ips.c
tests_unit_test_allowed_ips_LDADD = $(unit_ldadd)
tests_unit_test_handshake_SOURCES = tests/unit/test-handshake.c
tests_unit_test_handshake_LDADD = $(unit_ldadd)
tests_unit_test_replay_SOURCES = tests/unit/test-replay.c
tests_unit_test_replay_LDADD = $(unit_ldadd)

tunnel_world = tests/unit/tunnel-world.c tests/unit/tunnel-world.h
check_PROGRAMS += tests/unit/test-tunnel tests/unit/test-tunnel-hostile tests/unit/test-tunnel-memory
tests_unit_test_tunnel_SOURCES = tests/unit/test-tunnel.c $(tunnel_world)
tests_unit_test_tunnel_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_tunnel_LDADD = $(unit_ldadd)
tests_unit_test_tunnel_hostile_SOURCES = tests/unit/test-tunnel-hostile.c $(tunnel_world)
tests_unit_test_tunnel_hostile_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_tunnel_hostile_LDADD = $(unit_ldadd)
tests_unit_test_tunnel_memory_SOURCES = tests/unit/test-tunnel-memory.c $(tunnel_world)
tests_unit_test_tunnel_memory_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_tunnel_memory_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-tunnel-message tests/fuzz/fuzz-tunnel-packet
tests_fuzz_fuzz_tunnel_message_SOURCES = tests/fuzz/fuzz-tunnel-message.c $(tunnel_world) \
	$(fuzz_driver)
tests_fuzz_fuzz_tunnel_message_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_tunnel_message_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_tunnel_message_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_tunnel_packet_SOURCES = tests/fuzz/fuzz-tunnel-packet.c $(tunnel_world) \
	$(fuzz_driver)
tests_fuzz_fuzz_tunnel_packet_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_fuzz_tunnel_packet_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_tunnel_packet_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/tunnel-message/cookie tests/fuzz/seeds/tunnel-message/initiation \
	tests/fuzz/seeds/tunnel-message/response tests/fuzz/seeds/tunnel-message/transport \
	tests/fuzz/seeds/tunnel-packet/ipv4 tests/fuzz/seeds/tunnel-packet/ipv4-other \
	tests/fuzz/seeds/tunnel-packet/ipv6 tests/fuzz/seeds/tunnel-packet/ipv6-other

# A plain WireGuard peer for tests/lab/test-wireguard-go and test-dataplane.
EXTRA_PROGRAMS += tests/lab/wg-peer
check_DATA += tests/lab/wg-peer$(EXEEXT)
CLEANFILES += tests/lab/wg-peer$(EXEEXT)
tests_lab_wg_peer_SOURCES = tests/lab/wg-peer.c
tests_lab_wg_peer_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/lab/test-dataplane tests/lab/test-wireguard-go

# The data plane: the thread between the tun device and the sockets.
libstile_la_SOURCES += \
	plugin/tunnel/checksum.c plugin/tunnel/checksum.h \
	plugin/tunnel/coalesce.c plugin/tunnel/coalesce.h \
	plugin/tunnel/dataplane.c plugin/tunnel/dataplane.h \
	plugin/tunnel/dataplane-in.c \
	plugin/tunnel/dataplane-loop.c \
	plugin/tunnel/dataplane-out.c \
	plugin/tunnel/dataplane-private.h \
	plugin/tunnel/flow-queue.c plugin/tunnel/flow-queue.h \
	plugin/tunnel/headers.c plugin/tunnel/headers.h \
	plugin/tunnel/mailbox.c plugin/tunnel/mailbox.h \
	plugin/tunnel/moderation.c plugin/tunnel/moderation.h \
	plugin/tunnel/segment.c plugin/tunnel/segment.h

dataplane_world = tests/unit/dataplane-world.c tests/unit/dataplane-world.h tests/unit/packets.h
check_PROGRAMS += tests/unit/test-dataplane tests/unit/test-dataplane-hostile \
	tests/unit/test-dataplane-wire tests/unit/test-flow-queue tests/unit/test-moderation \
	tests/unit/test-segment
tests_unit_test_moderation_SOURCES = tests/unit/test-moderation.c
tests_unit_test_moderation_LDADD = $(unit_ldadd)
tests_unit_test_flow_queue_SOURCES = tests/unit/test-flow-queue.c tests/unit/packets.h
tests_unit_test_flow_queue_LDADD = $(unit_ldadd)
tests_unit_test_dataplane_SOURCES = tests/unit/test-dataplane.c $(dataplane_world)
tests_unit_test_dataplane_LDADD = $(unit_ldadd)
tests_unit_test_dataplane_hostile_SOURCES = tests/unit/test-dataplane-hostile.c $(dataplane_world)
tests_unit_test_dataplane_hostile_LDADD = $(unit_ldadd)
tests_unit_test_dataplane_wire_SOURCES = tests/unit/test-dataplane-wire.c $(dataplane_world)
tests_unit_test_dataplane_wire_LDADD = $(unit_ldadd)
tests_unit_test_segment_SOURCES = tests/unit/test-segment.c tests/unit/packets.h
tests_unit_test_segment_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-coalesce tests/fuzz/fuzz-segment
tests_fuzz_fuzz_coalesce_SOURCES = tests/fuzz/fuzz-coalesce.c $(fuzz_driver)
tests_fuzz_fuzz_coalesce_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_coalesce_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_segment_SOURCES = tests/fuzz/fuzz-segment.c $(fuzz_driver)
tests_fuzz_fuzz_segment_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_segment_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/coalesce/interleaved tests/fuzz/seeds/coalesce/raw \
	tests/fuzz/seeds/coalesce/runs \
	tests/fuzz/seeds/segment/icmp tests/fuzz/seeds/segment/single \
	tests/fuzz/seeds/segment/tcp4 tests/fuzz/seeds/segment/tcp6 \
	tests/fuzz/seeds/segment/tcp6-options tests/fuzz/seeds/segment/udp4 \
	tests/fuzz/seeds/segment/udp6
