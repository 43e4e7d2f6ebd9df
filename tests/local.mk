# tests: what belongs to no single room. Unit tests and fuzz targets are named by their rooms.
EXTRA_DIST += tests/fuzz/driver.c
EXTRA_DIST += tests/check tests/packages tests/lab/lib.sh tests/lab/lib-tap.sh tests/lab/test-lab tests/lab/test-readme

# Builds all fuzz targets and names them in the last line: tests/check runs them.
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
	@echo $(FUZZ_TARGETS)
EXTRA_DIST += tests/demo tests/desktop/box tests/desktop/lib.sh tests/desktop/lib-world.sh \
	tests/desktop/test-demo tests/desktop/lib-panel.sh tests/desktop/narrate.py \
	tests/desktop/panel.py tests/desktop/test-networkmanager tests/desktop/test-service \
	tests/desktop/test-settings-panel

# Bad input, and what it gets: the table of issue 2 against the real service.
EXTRA_PROGRAMS += tests/lab/rogue-member
check_DATA += tests/lab/rogue-member$(EXEEXT)
CLEANFILES += tests/lab/rogue-member$(EXEEXT)
tests_lab_rogue_member_SOURCES = tests/lab/rogue-member.c
tests_lab_rogue_member_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/lab/lib-members.sh tests/lab/test-brokers tests/lab/test-hostile-members tests/lab/test-invitations tests/lab/test-relays
