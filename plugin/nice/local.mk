# nice: libnice's interface to the ICE agent, as a shared library of its own. It takes of the engine
# what it stands on, and nothing above.
lib_LTLIBRARIES += libstile-nice.la
libstile_nice_la_SOURCES = \
	plugin/base/address.c \
	plugin/base/bytes.c \
	plugin/base/clock.c \
	plugin/base/error.c \
	plugin/base/nat64.c \
	plugin/crypto/algorithms.c \
	plugin/crypto/hash.c \
	plugin/crypto/keys.c \
	plugin/io/links.c \
	plugin/io/netlink.c \
	plugin/io/socket.c \
	plugin/nat/inquiry.c \
	plugin/stun/credentials.c \
	plugin/stun/fingerprint.c \
	plugin/stun/message.c \
	plugin/stun/message-build.c \
	plugin/stun/transactions.c \
	plugin/stun/turn.c \
	plugin/stun/turn-peers.c \
	plugin/stun/turn-request.c \
	plugin/ice/agent.c \
	plugin/ice/agent-candidates.c \
	plugin/ice/candidate.c \
	plugin/ice/check.c \
	plugin/ice/checklist.c \
	plugin/ice/gather.c \
	plugin/ice/heartbeat.c \
	plugin/ice/nominate.c \
	plugin/ice/preference.c \
	plugin/ice/request.c \
	plugin/nice/absent.c \
	plugin/nice/address.c \
	plugin/nice/agent.c \
	plugin/nice/candidate.c plugin/nice/candidate-private.h \
	plugin/nice/events.c plugin/nice/events.h \
	plugin/nice/stream.c plugin/nice/stream.h
libstile_nice_la_LIBADD = $(ENGINE_LIBS)
libstile_nice_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -no-undefined -Wl,--as-needed \
	-Wl,--version-script=$(srcdir)/plugin/nice/stile-nice.map
EXTRA_libstile_nice_la_DEPENDENCIES = plugin/nice/stile-nice.map

stilenicedir = $(includedir)/stile/nice
stilenice_HEADERS = plugin/nice/address.h plugin/nice/agent.h plugin/nice/candidate.h
stilenicepcdir = $(libdir)/pkgconfig
stilenicepc_DATA = plugin/nice/stile-nice.pc
EXTRA_DIST += plugin/nice/README.md plugin/nice/stile-nice.map

# One source, two libraries, for tests/lab/test-nice. Debian's must not find our headers, so it gets
# none of our paths.
EXTRA_PROGRAMS += tests/lab/nice-peer-stile
check_DATA += tests/lab/nice-peer-stile$(EXEEXT)
CLEANFILES += tests/lab/nice-peer-stile$(EXEEXT)
tests_lab_nice_peer_stile_SOURCES = tests/lab/nice-peer.c
tests_lab_nice_peer_stile_LDADD = libstile-nice.la $(DBUS_LIBS)
EXTRA_DIST += tests/lab/test-nice
if LIBNICE
EXTRA_PROGRAMS += tests/lab/nice-peer-debian
check_DATA += tests/lab/nice-peer-debian$(EXEEXT)
CLEANFILES += tests/lab/nice-peer-debian$(EXEEXT)
tests_lab_nice_peer_debian_SOURCES = tests/lab/nice-peer.c
tests_lab_nice_peer_debian_CPPFLAGS = $(LIBNICE_CFLAGS)
tests_lab_nice_peer_debian_LDADD = $(LIBNICE_LIBS) $(DBUS_LIBS)
endif
