# rendezvous
libstile_la_SOURCES += \
	plugin/rendezvous/avahi.c plugin/rendezvous/avahi.h \
	plugin/rendezvous/lan.c plugin/rendezvous/lan.h \
	plugin/rendezvous/lan-frame.c plugin/rendezvous/lan-frame.h \
	plugin/rendezvous/lan-link.c plugin/rendezvous/lan-link.h \
	plugin/rendezvous/lan-name.c plugin/rendezvous/lan-name.h \
	plugin/rendezvous/broker.c plugin/rendezvous/broker.h \
	plugin/rendezvous/envelope.c plugin/rendezvous/envelope.h \
	plugin/rendezvous/mqtt-client.c plugin/rendezvous/mqtt-client.h \
	plugin/rendezvous/mqtt-packet.c plugin/rendezvous/mqtt-packet.h \
	plugin/rendezvous/reason.c plugin/rendezvous/reason.h \
	plugin/rendezvous/rendezvous.c plugin/rendezvous/rendezvous.h \
	plugin/rendezvous/freshness.c plugin/rendezvous/freshness.h \
	plugin/rendezvous/attendance.c plugin/rendezvous/attendance.h \
	plugin/rendezvous/topics.c plugin/rendezvous/topics.h \
	plugin/rendezvous/url.c plugin/rendezvous/url.h \
	plugin/rendezvous/websocket.c plugin/rendezvous/websocket.h

check_PROGRAMS += tests/unit/test-mqtt
tests_unit_test_mqtt_SOURCES = tests/unit/test-mqtt.c
tests_unit_test_mqtt_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-websocket
tests_unit_test_websocket_SOURCES = tests/unit/test-websocket.c
tests_unit_test_websocket_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-envelope
tests_unit_test_envelope_SOURCES = tests/unit/test-envelope.c
tests_unit_test_envelope_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-rendezvous
tests_unit_test_rendezvous_SOURCES = tests/unit/test-rendezvous.c \
	tests/unit/member.c tests/unit/member.h tests/unit/mosquitto.c tests/unit/mosquitto.h \
	tests/unit/server.c tests/unit/server.h
tests_unit_test_rendezvous_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-broker
tests_unit_test_broker_SOURCES = tests/unit/test-broker.c \
	tests/unit/member.c tests/unit/member.h tests/unit/mosquitto.c tests/unit/mosquitto.h \
	tests/unit/server.c tests/unit/server.h
tests_unit_test_broker_LDADD = $(unit_ldadd)

check_PROGRAMS += tests/unit/test-lan
tests_unit_test_lan_SOURCES = tests/unit/test-lan.c
tests_unit_test_lan_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-avahi
tests_unit_test_avahi_SOURCES = tests/unit/test-avahi.c \
	tests/unit/private-bus.c tests/unit/private-bus.h
tests_unit_test_avahi_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-lan-name
tests_fuzz_fuzz_lan_name_SOURCES = tests/fuzz/fuzz-lan-name.c $(fuzz_driver)
tests_fuzz_fuzz_lan_name_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_lan_name_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-lan-frame
tests_fuzz_fuzz_lan_frame_SOURCES = tests/fuzz/fuzz-lan-frame.c $(fuzz_driver)
tests_fuzz_fuzz_lan_frame_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_lan_frame_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-mqtt-packet
tests_fuzz_fuzz_mqtt_packet_SOURCES = tests/fuzz/fuzz-mqtt-packet.c $(fuzz_driver)
tests_fuzz_fuzz_mqtt_packet_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_mqtt_packet_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-websocket
tests_fuzz_fuzz_websocket_SOURCES = tests/fuzz/fuzz-websocket.c $(fuzz_driver)
tests_fuzz_fuzz_websocket_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_websocket_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-broker-url
tests_fuzz_fuzz_broker_url_SOURCES = tests/fuzz/fuzz-broker-url.c $(fuzz_driver)
tests_fuzz_fuzz_broker_url_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_broker_url_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-presence
tests_fuzz_fuzz_presence_SOURCES = tests/fuzz/fuzz-presence.c $(fuzz_driver)
tests_fuzz_fuzz_presence_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_presence_LDFLAGS = $(fuzz_ldflags)
FUZZ_TARGETS += tests/fuzz/fuzz-message
tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz-message.c $(fuzz_driver)
tests_fuzz_fuzz_message_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_message_LDFLAGS = $(fuzz_ldflags)

EXTRA_DIST += plugin/rendezvous/README.md
EXTRA_DIST += \
	tests/fuzz/seeds/mqtt-packet/publish-long tests/fuzz/seeds/mqtt-packet/publish-qos1 \
	tests/fuzz/seeds/mqtt-packet/refusals tests/fuzz/seeds/mqtt-packet/session \
	tests/fuzz/seeds/broker-url/full tests/fuzz/seeds/broker-url/no-address \
	tests/fuzz/seeds/broker-url/plain \
	tests/fuzz/seeds/broker-url/scope tests/fuzz/seeds/broker-url/websocket \
	tests/fuzz/seeds/broker-url/websocket-plain tests/fuzz/seeds/websocket/frames \
	tests/fuzz/seeds/websocket/handshake tests/fuzz/seeds/websocket/not-found \
	tests/fuzz/seeds/lan-frame/frame tests/fuzz/seeds/lan-frame/presence \
	tests/fuzz/seeds/lan-name/address4 tests/fuzz/seeds/lan-name/address6 \
	tests/fuzz/seeds/lan-name/name tests/fuzz/seeds/presence/empty tests/fuzz/seeds/presence/present \
	tests/fuzz/seeds/presence/will tests/fuzz/seeds/message/empty \
	tests/fuzz/seeds/message/message
