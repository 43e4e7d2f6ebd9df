# rendezvous
libstile_la_SOURCES += \
	plugin/rendezvous/broker.c plugin/rendezvous/broker.h \
	plugin/rendezvous/envelope.c plugin/rendezvous/envelope.h \
	plugin/rendezvous/mqtt-client.c plugin/rendezvous/mqtt-client.h \
	plugin/rendezvous/mqtt-packet.c plugin/rendezvous/mqtt-packet.h \
	plugin/rendezvous/reach.c plugin/rendezvous/reach.h \
	plugin/rendezvous/reason.c plugin/rendezvous/reason.h \
	plugin/rendezvous/rendezvous.c plugin/rendezvous/rendezvous.h \
	plugin/rendezvous/freshness.c plugin/rendezvous/freshness.h \
	plugin/rendezvous/attendance.c plugin/rendezvous/attendance.h \
	plugin/rendezvous/topics.c plugin/rendezvous/topics.h \
	plugin/rendezvous/url.c plugin/rendezvous/url.h

check_PROGRAMS += tests/unit/test-mqtt
tests_unit_test_mqtt_SOURCES = tests/unit/test-mqtt.c
tests_unit_test_mqtt_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-envelope
tests_unit_test_envelope_SOURCES = tests/unit/test-envelope.c
tests_unit_test_envelope_LDADD = $(unit_ldadd)
check_PROGRAMS += tests/unit/test-rendezvous
tests_unit_test_rendezvous_SOURCES = tests/unit/test-rendezvous.c \
	tests/unit/mosquitto.c tests/unit/mosquitto.h
tests_unit_test_rendezvous_LDADD = $(unit_ldadd)
