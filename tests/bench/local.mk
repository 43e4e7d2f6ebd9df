# bench: how fast the data plane is, beside others (tests/bench/run). Nothing here is installed.
EXTRA_PROGRAMS += tests/bench/crowd tests/bench/members tests/bench/packets tests/bench/wg-peer-plain
CLEANFILES += tests/bench/crowd$(EXEEXT) tests/bench/members$(EXEEXT) tests/bench/packets$(EXEEXT) tests/bench/wg-peer-plain$(EXEEXT)
tests_bench_crowd_SOURCES = tests/bench/crowd.c
tests_bench_crowd_LDADD = $(unit_ldadd)
# Built by each make check, so that it keeps up with the engine.
check_DATA += tests/bench/members$(EXEEXT)
tests_bench_members_SOURCES = tests/bench/members.c
tests_bench_members_LDADD = $(unit_ldadd)
tests_bench_packets_SOURCES = tests/bench/packets.c
# The object before the library takes the place of the library's own: no crypto, here alone.
tests_bench_wg_peer_plain_SOURCES = tests/lab/wg-peer.c tests/bench/aead-none.c
tests_bench_wg_peer_plain_LDADD = $(unit_ldadd)
EXTRA_DIST += tests/lib-packages.sh tests/bench/run tests/bench/at-rest tests/bench/measure.py tests/bench/report.py \
	tests/bench/tunnels.sh tests/packages-bench
