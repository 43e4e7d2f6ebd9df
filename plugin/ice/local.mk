# ice: candidates, gathering, connectivity checks.
libstile_la_SOURCES += \
	plugin/ice/agent.c plugin/ice/agent.h plugin/ice/agent-private.h \
	plugin/ice/agent-candidates.c \
	plugin/ice/candidate.c plugin/ice/candidate.h \
	plugin/ice/check.c \
	plugin/ice/checklist.c \
	plugin/ice/gather.c plugin/ice/gather.h \
	plugin/ice/heartbeat.c \
	plugin/ice/nominate.c \
	plugin/ice/preference.c plugin/ice/preference.h \
	plugin/ice/request.c

simnet_sources = tests/unit/simnet.c tests/unit/simnet.h
simend_sources = $(simnet_sources) tests/unit/simend.c tests/unit/simend.h
icepeer_sources = $(simend_sources) tests/unit/icepeer.c tests/unit/icepeer.h
iceworld_sources = $(icepeer_sources) tests/unit/iceworld.c tests/unit/iceworld.h

check_PROGRAMS += \
	tests/unit/test-candidate \
	tests/unit/test-gather \
	tests/unit/test-ice-agent \
	tests/unit/test-ice-connect \
	tests/unit/test-ice-hostile
tests_unit_test_candidate_SOURCES = tests/unit/test-candidate.c $(simnet_sources)
tests_unit_test_candidate_LDADD = $(unit_ldadd)
tests_unit_test_gather_SOURCES = tests/unit/test-gather.c $(icepeer_sources)
tests_unit_test_gather_LDADD = $(unit_ldadd)
tests_unit_test_ice_agent_SOURCES = tests/unit/test-ice-agent.c $(iceworld_sources)
tests_unit_test_ice_agent_LDADD = $(unit_ldadd)
tests_unit_test_ice_connect_SOURCES = tests/unit/test-ice-connect.c $(icepeer_sources)
tests_unit_test_ice_connect_LDADD = $(unit_ldadd)
tests_unit_test_ice_hostile_SOURCES = tests/unit/test-ice-hostile.c $(iceworld_sources)
tests_unit_test_ice_hostile_LDADD = $(unit_ldadd)

FUZZ_TARGETS += tests/fuzz/fuzz-candidate
tests_fuzz_fuzz_candidate_SOURCES = tests/fuzz/fuzz-candidate.c $(fuzz_driver)
tests_fuzz_fuzz_candidate_LDADD = $(fuzz_ldadd)
tests_fuzz_fuzz_candidate_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += \
	tests/fuzz/seeds/candidate/host4 \
	tests/fuzz/seeds/candidate/host6 \
	tests/fuzz/seeds/candidate/link-local6 \
	tests/fuzz/seeds/candidate/mapped \
	tests/fuzz/seeds/candidate/reflexive \
	tests/fuzz/seeds/candidate/relayed
