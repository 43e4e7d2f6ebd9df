# tests: what belongs to no single room. Unit tests and fuzz targets are named by their rooms.
EXTRA_DIST += tests/fuzz/driver.c
EXTRA_DIST += tests/check tests/packages tests/lab/lib.sh tests/lab/lib-nat.sh tests/lab/lib-tap.sh tests/lab/test-lab tests/lab/test-readme

# Builds all fuzz targets and names them in the last line: tests/check runs them.
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
	@echo $(FUZZ_TARGETS)
EXTRA_DIST += tests/demo tests/desktop/box tests/desktop/lib.sh tests/desktop/lib-world.sh \
	tests/desktop/test-demo tests/desktop/lib-panel.sh tests/desktop/narrate.py \
	tests/desktop/panel.py tests/desktop/test-networkmanager tests/desktop/test-service \
	tests/desktop/test-settings-panel

# natbox: a NAT of any kind, for the lab.
EXTRA_PROGRAMS += tests/lab/natbox
check_DATA += tests/lab/natbox$(EXEEXT)
CLEANFILES += tests/lab/natbox$(EXEEXT)
tests_lab_natbox_SOURCES = tests/lab/natbox.c \
	tests/lab/natbox-control.c tests/lab/natbox-control.h \
	tests/lab/natbox-link.c tests/lab/natbox-link.h \
	tests/lab/natbox-options.c tests/lab/natbox-options.h \
	tests/lab/natbox-packet.c tests/lab/natbox-packet.h \
	tests/lab/natbox-ports.c tests/lab/natbox-ports.h \
	tests/lab/natbox-table.c tests/lab/natbox-table.h \
	tests/lab/natbox-translate.c tests/lab/natbox-translate.h
tests_lab_natbox_LDADD = $(ENGINE_LIBS)
EXTRA_DIST += tests/lab/test-nat tests/lab/test-natbox tests/lab/test-nat-pairs \
	tests/lab/test-direct tests/lab/test-lan tests/lab/lib-lan.sh tests/lab/lan-stranger.py tests/lab/test-member-stun \
	tests/lab/probe.py tests/lab/advertise.py
FUZZ_TARGETS += tests/fuzz/fuzz-natbox
tests_fuzz_fuzz_natbox_SOURCES = tests/fuzz/fuzz-natbox.c tests/lab/natbox-options.c tests/lab/natbox-packet.c \
	tests/lab/natbox-ports.c tests/lab/natbox-table.c tests/lab/natbox-translate.c $(fuzz_driver)
tests_fuzz_fuzz_natbox_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_natbox_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/natbox/echo tests/fuzz/seeds/natbox/error-in tests/fuzz/seeds/natbox/error-in-short \
	tests/fuzz/seeds/natbox/error-out tests/fuzz/seeds/natbox/full tests/fuzz/seeds/natbox/hairpin \
	tests/fuzz/seeds/natbox/tcp tests/fuzz/seeds/natbox/udp tests/fuzz/seeds/natbox/udp-no-sum \
	tests/fuzz/seeds/natbox/unsolicited-icmp tests/fuzz/seeds/natbox/unsolicited-rst

# Bad input, and what it gets: the table of issue 2 against the real service.
EXTRA_PROGRAMS += tests/lab/rogue-member
check_DATA += tests/lab/rogue-member$(EXEEXT)
CLEANFILES += tests/lab/rogue-member$(EXEEXT)
tests_lab_rogue_member_SOURCES = tests/lab/rogue-member.c
tests_lab_rogue_member_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/lab/lib-members.sh tests/lab/attack.py tests/lab/mqtt-websocket.py tests/lab/test-brokers tests/lab/test-proxies tests/lab/test-crashes tests/lab/test-hostile-datagrams tests/lab/test-hostile-members tests/lab/test-invitations tests/lab/test-no-udp tests/lab/test-relays
