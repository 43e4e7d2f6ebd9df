# tests: what belongs to no single room. Unit tests and fuzz targets are named by their rooms.
EXTRA_DIST += tests/fuzz/driver.c
EXTRA_DIST += tests/check tests/packages tests/lab/lib.sh tests/lab/lib-tap.sh tests/lab/test-lab tests/lab/test-readme

# Builds all fuzz targets and names them in the last line: tests/check runs them.
.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
	@echo $(FUZZ_TARGETS)
EXTRA_DIST += tests/demo tests/desktop/box tests/desktop/lib.sh tests/desktop/lib-world.sh \
	tests/desktop/lib-panel.sh tests/desktop/narrate.py \
	tests/desktop/panel.py tests/desktop/test-networkmanager tests/desktop/test-settings-panel
