# stun: STUN messages, transactions, the TURN client.
libstile_la_SOURCES += \
	plugin/stun/credentials.c \
	plugin/stun/fingerprint.c plugin/stun/fingerprint.h \
	plugin/stun/message.c plugin/stun/message.h \
	plugin/stun/message-build.c

