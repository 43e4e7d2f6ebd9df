# tests: what belongs to no single room. Unit tests and fuzz targets are named by their rooms.
EXTRA_DIST += tests/fuzz/driver.c
