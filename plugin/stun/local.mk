# stun: STUN messages, transactions, the TURN client.
libstile_la_SOURCES += \
	plugin/stun/channel-data.h \
	plugin/stun/credentials.c \
	plugin/stun/fingerprint.c plugin/stun/fingerprint.h \
	plugin/stun/frames.c plugin/stun/frames.h \
	plugin/stun/message.c plugin/stun/message.h \
	plugin/stun/message-build.c \
	plugin/stun/transactions.c plugin/stun/transactions.h \
	plugin/stun/turn.c plugin/stun/turn.h plugin/stun/turn-private.h \
	plugin/stun/turn-peers.c plugin/stun/turn-request.c \
	plugin/stun/turn-stream.c plugin/stun/turn-stream.h

check_PROGRAMS += tests/unit/test-stun-message tests/unit/test-stun-transactions \
	tests/unit/test-turn tests/unit/test-turn-peers tests/unit/test-turn-coturn \
	tests/unit/test-turn-stream
tests_unit_test_stun_message_SOURCES = tests/unit/test-stun-message.c
tests_unit_test_stun_message_LDADD = $(unit_ldadd)
tests_unit_test_stun_transactions_SOURCES = tests/unit/test-stun-transactions.c
tests_unit_test_stun_transactions_LDADD = $(unit_ldadd)
turn_world = tests/unit/turn-world.c tests/unit/turn-world.h \
	tests/unit/turn-server.c tests/unit/turn-server.h
tests_unit_test_turn_SOURCES = tests/unit/test-turn.c $(turn_world)
tests_unit_test_turn_LDADD = $(unit_ldadd)
tests_unit_test_turn_peers_SOURCES = tests/unit/test-turn-peers.c $(turn_world)
tests_unit_test_turn_peers_LDADD = $(unit_ldadd)
tests_unit_test_turn_stream_SOURCES = tests/unit/test-turn-stream.c
tests_unit_test_turn_stream_LDADD = $(unit_ldadd)
tests_unit_test_turn_coturn_SOURCES = tests/unit/test-turn-coturn.c \
	tests/unit/coturn-client.c tests/unit/coturn-client.h \
	tests/unit/coturn.c tests/unit/coturn.h \
	tests/unit/server.c tests/unit/server.h
tests_unit_test_turn_coturn_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-stun-message tests/fuzz/fuzz-channel-data \
	tests/fuzz/fuzz-turn-stream
tests_fuzz_fuzz_stun_message_SOURCES = tests/fuzz/fuzz-stun-message.c $(fuzz_driver)
tests_fuzz_fuzz_stun_message_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_stun_message_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_channel_data_SOURCES = tests/fuzz/fuzz-channel-data.c $(fuzz_driver)
tests_fuzz_fuzz_channel_data_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_channel_data_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_turn_stream_SOURCES = tests/fuzz/fuzz-turn-stream.c $(fuzz_driver)
tests_fuzz_fuzz_turn_stream_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_turn_stream_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/turn-stream/both \
	tests/fuzz/seeds/turn-stream/channel-data \
	tests/fuzz/seeds/turn-stream/http \
	tests/fuzz/seeds/turn-stream/messages \
	tests/fuzz/seeds/channel-data/empty \
	tests/fuzz/seeds/channel-data/padded \
	tests/fuzz/seeds/channel-data/unpadded \
	tests/fuzz/seeds/stun-message/rfc5769-request \
	tests/fuzz/seeds/stun-message/rfc5769-response-ipv4 \
	tests/fuzz/seeds/stun-message/rfc5769-response-ipv6 \
	tests/fuzz/seeds/stun-message/rfc5769-long-term \
	tests/fuzz/seeds/stun-message/error-438
