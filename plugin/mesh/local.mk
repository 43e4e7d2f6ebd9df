# mesh: the rules that tie the floors below together.

# Membership: certificates, invitations, the state of a network and where it is kept.
libstile_la_SOURCES += \
	plugin/mesh/certificate.c plugin/mesh/certificate.h \
	plugin/mesh/identity.c plugin/mesh/identity.h \
	plugin/mesh/invitation.c plugin/mesh/invitation.h \
	plugin/mesh/json.c plugin/mesh/json.h \
	plugin/mesh/roster.c plugin/mesh/roster.h \
	plugin/mesh/servers.c plugin/mesh/servers.h \
	plugin/mesh/state.c \
	plugin/mesh/store.c plugin/mesh/store.h

check_PROGRAMS += tests/unit/test-certificate tests/unit/test-identity \
	tests/unit/test-invitation tests/unit/test-roster tests/unit/test-store
tests_unit_test_certificate_SOURCES = tests/unit/test-certificate.c
tests_unit_test_certificate_LDADD = $(unit_ldadd)
tests_unit_test_identity_SOURCES = tests/unit/test-identity.c
tests_unit_test_identity_LDADD = $(unit_ldadd)
tests_unit_test_invitation_SOURCES = tests/unit/test-invitation.c
tests_unit_test_invitation_LDADD = $(unit_ldadd)
tests_unit_test_roster_SOURCES = tests/unit/test-roster.c
tests_unit_test_roster_LDADD = $(unit_ldadd)
tests_unit_test_store_SOURCES = tests/unit/test-store.c
tests_unit_test_store_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-certificate tests/fuzz/fuzz-invitation \
	tests/fuzz/fuzz-revocations tests/fuzz/fuzz-state
tests_fuzz_fuzz_certificate_SOURCES = tests/fuzz/fuzz-certificate.c $(fuzz_driver)
tests_fuzz_fuzz_certificate_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_certificate_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_invitation_SOURCES = tests/fuzz/fuzz-invitation.c $(fuzz_driver)
tests_fuzz_fuzz_invitation_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_invitation_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_revocations_SOURCES = tests/fuzz/fuzz-revocations.c $(fuzz_driver)
tests_fuzz_fuzz_revocations_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_revocations_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_state_SOURCES = tests/fuzz/fuzz-state.c $(fuzz_driver)
tests_fuzz_fuzz_state_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_state_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/certificate/certificate \
	tests/fuzz/seeds/certificate/voucher \
	tests/fuzz/seeds/certificate/voucher-ipv4 \
	tests/fuzz/seeds/invitation/binary \
	tests/fuzz/seeds/invitation/file \
	tests/fuzz/seeds/invitation/uri \
	tests/fuzz/seeds/revocations/empty \
	tests/fuzz/seeds/revocations/three \
	tests/fuzz/seeds/state/creator

# Reaching one peer: what is said to it, which way is taken and why.
libstile_la_SOURCES += \
	plugin/mesh/choice.c plugin/mesh/choice.h \
	plugin/mesh/connection.c plugin/mesh/connection.h plugin/mesh/connection-private.h \
	plugin/mesh/connection-candidates.c \
	plugin/mesh/connection-ladder.c \
	plugin/mesh/connection-liveness.c \
	plugin/mesh/connection-retry.c \
	plugin/mesh/connection-signal.c \
	plugin/mesh/connection-ways.c \
	plugin/mesh/outside.c plugin/mesh/outside.h \
	plugin/mesh/reason.c plugin/mesh/reason.h \
	plugin/mesh/server-uri.c plugin/mesh/server-uri.h \
	plugin/mesh/signal.c plugin/mesh/signal.h \
	plugin/mesh/stand-in.c plugin/mesh/stand-in.h \
	plugin/mesh/stun-members.c plugin/mesh/stun-members.h \
	plugin/mesh/technique.c plugin/mesh/technique.h

check_PROGRAMS += tests/unit/test-static-endpoints tests/unit/test-stun-members \
	tests/unit/test-technique
tests_unit_test_static_endpoints_SOURCES = tests/unit/test-static-endpoints.c
tests_unit_test_static_endpoints_LDADD = $(unit_ldadd)
tests_unit_test_stun_members_SOURCES = tests/unit/test-stun-members.c tests/unit/addresses.h
tests_unit_test_stun_members_LDADD = $(unit_ldadd)
tests_unit_test_technique_SOURCES = tests/unit/test-technique.c
tests_unit_test_technique_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-choice tests/unit/test-connection tests/unit/test-outside \
	tests/unit/test-signal
tests_unit_test_outside_SOURCES = tests/unit/test-outside.c
tests_unit_test_outside_LDADD = $(unit_ldadd)
tests_unit_test_choice_SOURCES = tests/unit/test-choice.c
tests_unit_test_choice_LDADD = $(unit_ldadd)
tests_unit_test_connection_SOURCES = tests/unit/test-connection.c $(simend_sources)
tests_unit_test_connection_LDADD = $(unit_ldadd)
tests_unit_test_signal_SOURCES = tests/unit/test-signal.c
tests_unit_test_signal_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-signal
tests_fuzz_fuzz_signal_SOURCES = tests/fuzz/fuzz-signal.c $(fuzz_driver)
tests_fuzz_fuzz_signal_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_signal_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/signal/ice \
	tests/fuzz/seeds/signal/presence \
	tests/fuzz/seeds/signal/presence-offers \
	tests/fuzz/seeds/signal/retry \
	tests/fuzz/seeds/signal/stand-in

check_PROGRAMS += tests/unit/test-stream-relay tests/unit/test-udp-watch
tests_unit_test_stream_relay_SOURCES = tests/unit/test-stream-relay.c \
	tests/unit/coturn-client.c tests/unit/coturn-client.h \
	tests/unit/coturn.c tests/unit/coturn.h \
	tests/unit/server.c tests/unit/server.h
tests_unit_test_stream_relay_LDADD = $(unit_ldadd)
tests_unit_test_udp_watch_SOURCES = tests/unit/test-udp-watch.c
tests_unit_test_udp_watch_LDADD = $(unit_ldadd)

# The objects of stile.h, and what a network is while it is up.
libstile_la_SOURCES += \
	plugin/mesh/engine.c \
	plugin/mesh/join.c plugin/mesh/join.h \
	plugin/mesh/nat.c plugin/mesh/nat.h plugin/mesh/nat-private.h plugin/mesh/nat-properties.c \
	plugin/mesh/network.c plugin/mesh/network.h \
	plugin/mesh/options.c plugin/mesh/options.h \
	plugin/mesh/path.c plugin/mesh/path.h \
	plugin/mesh/peer.c plugin/mesh/peer.h plugin/mesh/peer-actions.c \
	plugin/mesh/ping.c plugin/mesh/ping.h \
	plugin/mesh/relay.c plugin/mesh/relay.h \
	plugin/mesh/static-endpoints.c plugin/mesh/static-endpoints.h \
	plugin/mesh/relays.c plugin/mesh/relays.h \
	plugin/mesh/resolve.c plugin/mesh/resolve.h \
	plugin/mesh/mesh.c plugin/mesh/mesh.h plugin/mesh/mesh-private.h \
	plugin/mesh/mesh-rendezvous.c \
	plugin/mesh/mesh-stun.c \
	plugin/mesh/mesh-underlay.c \
	plugin/mesh/server-name.c plugin/mesh/server-name.h \
	plugin/mesh/router.c plugin/mesh/router.h \
	plugin/mesh/stream-relay.c plugin/mesh/stream-relay.h \
	plugin/mesh/udp-watch.c plugin/mesh/udp-watch.h \
	plugin/mesh/underlay.c plugin/mesh/underlay.h
