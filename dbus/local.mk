# dbus: the service stiled, and stilectl, which speaks only D-Bus.
dbusinterfaces_DATA = dbus/net.stile.Stile1.xml
EXTRA_DIST += $(dbusinterfaces_DATA)

# What makes the system know the service.
dbusservices_DATA = dbus/data/net.stile.Stile1.service
dbusconf_DATA = dbus/data/net.stile.Stile1.conf
polkitactions_DATA = dbus/data/net.stile.Stile1.policy
systemdsystemunit_DATA = dbus/data/stiled.service
udevrules_DATA = dbus/data/85-stile.rules
dbus_substituted = dbus/data/net.stile.Stile1.service dbus/data/stiled.service
EXTRA_DIST += $(dbusconf_DATA) $(polkitactions_DATA) $(udevrules_DATA) \
	$(dbus_substituted:=.in)
CLEANFILES += $(dbus_substituted)
$(dbus_substituted): %: %.in Makefile
	$(AM_V_GEN)$(MKDIR_P) dbus/data && sed 's|@libexecdir[@]|$(libexecdir)|g' $< >$@

# What gdbus-codegen makes of the interface: its description, for the bridge.
dbus_generated = dbus/interfaces.c dbus/interfaces.h
BUILT_SOURCES += $(dbus_generated)
CLEANFILES += $(dbus_generated)
dbus/interfaces.h: dbus/net.stile.Stile1.xml
	$(AM_V_GEN)$(MKDIR_P) dbus && $(GDBUS_CODEGEN) --interface-info-header --pragma-once \
		--output $@ $<
dbus/interfaces.c: dbus/net.stile.Stile1.xml dbus/interfaces.h
	$(AM_V_GEN)$(MKDIR_P) dbus && $(GDBUS_CODEGEN) --interface-info-body --output $@ $<

# All of the service but main(): so that tests can show a double of the engine on a bus.
dbus_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)
dbus_cflags = $(STILE_CFLAGS) $(DBUS_CFLAGS)
noinst_LTLIBRARIES += libstiled.la
nodist_libstiled_la_SOURCES = $(dbus_generated)
libstiled_la_CPPFLAGS = $(dbus_cppflags) \
	-DSTILE_STATE_DIRECTORY=\"$(localstatedirfull)/lib/stile\"
libstiled_la_CFLAGS = $(dbus_cflags)
libstiled_la_LIBADD = $(DBUS_LIBS)
libstiled_la_SOURCES = \
	dbus/authorize.c dbus/authorize.h \
	dbus/bridge.c dbus/bridge.h \
	dbus/capabilities.c dbus/capabilities.h \
	dbus/error.c dbus/error.h \
	dbus/footprint.c dbus/footprint.h \
	dbus/kinds.h dbus/manager.c dbus/nat.c dbus/network.c dbus/path.c dbus/peer.c \
	dbus/relay.c \
	dbus/names.c dbus/names.h \
	dbus/state-directory.c dbus/state-directory.h \
	dbus/subscribers.c dbus/subscribers.h \
	dbus/tree.c dbus/tree.h \
	dbus/value.c dbus/value.h

# It links no engine; the formulas of odds are pure and stand in one file, which is compiled in.
bin_PROGRAMS += dbus/stilectl
dbus_stilectl_SOURCES = \
	dbus/ctl/ask.c dbus/ctl/ask.h \
	dbus/ctl/client.c dbus/ctl/ctl.h \
	dbus/ctl/commands.h dbus/ctl/invite.c dbus/ctl/join.c dbus/ctl/nat.c \
	dbus/ctl/network.c dbus/ctl/odds.c dbus/ctl/ping.c dbus/ctl/profile.c \
	dbus/ctl/revoke.c dbus/ctl/set.c dbus/ctl/show.c dbus/ctl/up.c dbus/ctl/watch.c \
	dbus/ctl/main.c \
	dbus/ctl/nm.c dbus/ctl/nm.h \
	dbus/ctl/output.c dbus/ctl/output.h \
	dbus/ctl/qr.c dbus/ctl/qr.h \
	dbus/ctl/render.c dbus/ctl/render-nat.c dbus/ctl/render.h \
	dbus/ctl/secret.c dbus/ctl/secret.h \
	dbus/ctl/snapshot.c dbus/ctl/snapshot.h \
	dbus/names.c dbus/names.h \
	plugin/punch/odds.c plugin/punch/odds.h
dist_man_MANS += dbus/stiled.8 dbus/stilectl.1
bashcompletiondir = $(datadir)/bash-completion/completions
bashcompletion_DATA = dbus/data/stilectl
EXTRA_DIST += $(bashcompletion_DATA) dbus/README.md
dbus_stilectl_CPPFLAGS = $(dbus_cppflags) -I$(top_srcdir)/dbus/ctl
dbus_stilectl_CFLAGS = $(STILE_CFLAGS) $(DBUS_CFLAGS) $(QRENCODE_CFLAGS)
dbus_stilectl_LDADD = $(DBUS_LIBS) $(QRENCODE_LIBS)

libexec_PROGRAMS += dbus/stiled
dbus_stiled_SOURCES = dbus/main.c
dbus_stiled_CPPFLAGS = $(dbus_cppflags)
dbus_stiled_CFLAGS = $(dbus_cflags)
dbus_stiled_LDADD = libstiled.la libstile.la $(DBUS_LIBS)

# The service with the double of the engine, for the tests of stilectl.
fake_engine = tests/unit/fake-engine.c tests/unit/fake-engine.h tests/unit/fake-home.c \
	tests/unit/fake-nat.c
EXTRA_PROGRAMS += tests/unit/fake-stiled
check_DATA += tests/unit/fake-stiled$(EXEEXT)
CLEANFILES += tests/unit/fake-stiled$(EXEEXT)
tests_unit_fake_stiled_SOURCES = dbus/main.c $(fake_engine)
tests_unit_fake_stiled_CPPFLAGS = $(dbus_cppflags)
tests_unit_fake_stiled_CFLAGS = $(dbus_cflags)
tests_unit_fake_stiled_LDADD = libstiled.la libstile.la $(DBUS_LIBS)

check_PROGRAMS += tests/unit/test-bus
tests_unit_test_bus_SOURCES = tests/unit/test-bus.c tests/unit/private-bus.c tests/unit/private-bus.h \
	$(fake_engine)
tests_unit_test_bus_CPPFLAGS = $(dbus_cppflags)
tests_unit_test_bus_CFLAGS = $(dbus_cflags)
tests_unit_test_bus_LDADD = libstiled.la libstile.la $(DBUS_LIBS)

check_SCRIPTS += tests/unit/test-stilectl
EXTRA_DIST += tests/unit/test-stilectl tests/unit/stilectl.golden

check_PROGRAMS += tests/unit/test-bus-engine
tests_unit_test_bus_engine_SOURCES = tests/unit/test-bus-engine.c
tests_unit_test_bus_engine_CPPFLAGS = $(dbus_cppflags)
tests_unit_test_bus_engine_CFLAGS = $(dbus_cflags)
tests_unit_test_bus_engine_LDADD = libstiled.la libstile.la $(DBUS_LIBS)

check_PROGRAMS += tests/unit/test-service-parts
tests_unit_test_service_parts_SOURCES = tests/unit/test-service-parts.c
tests_unit_test_service_parts_CPPFLAGS = $(dbus_cppflags)
tests_unit_test_service_parts_CFLAGS = $(dbus_cflags)
tests_unit_test_service_parts_LDADD = libstiled.la libstile.la $(DBUS_LIBS)
