# punch: what ICE does not know.
libstile_la_SOURCES += plugin/punch/odds.c plugin/punch/odds.h

check_PROGRAMS += tests/unit/test-odds
tests_unit_test_odds_SOURCES = tests/unit/test-odds.c
tests_unit_test_odds_LDADD = $(unit_ldadd)
