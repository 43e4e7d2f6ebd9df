# nm-integration: NetworkManager's side. Links no engine code; speaks D-Bus to net.stile.Stile1.
if NETWORKMANAGER

nm_cppflags = -I$(srcdir)/nm-integration -I$(top_builddir) -DLOCALEDIR=\"$(localedir)\" \
	-DGETTEXT_PACKAGE=\"stile\" -DG_LOG_DOMAIN=\"stile-nm\"
nm_cflags = $(STILE_CFLAGS) $(LIBNM_CFLAGS) $(DBUS_CFLAGS)
nm_profile = nm-integration/profile.c nm-integration/profile.h nm-integration/json.c nm-integration/json.h

libexec_PROGRAMS += nm-stile-service nm-stile-auth-dialog
nm_stile_service_SOURCES = nm-integration/nm-stile-service.c \
	nm-integration/activation.c nm-integration/activation.h \
	nm-integration/ip-config.c nm-integration/ip-config.h \
	nm-integration/up-options.c nm-integration/up-options.h \
	nm-integration/remember.c nm-integration/remember.h $(nm_profile)
nm_stile_service_CPPFLAGS = $(nm_cppflags)
nm_stile_service_CFLAGS = $(nm_cflags)
nm_stile_service_LDADD = $(LIBNM_LIBS) $(DBUS_LIBS)

nm_stile_auth_dialog_SOURCES = nm-integration/nm-stile-auth-dialog.c nm-integration/profile.h
nm_stile_auth_dialog_CPPFLAGS = $(nm_cppflags)
nm_stile_auth_dialog_CFLAGS = $(nm_cflags)
nm_stile_auth_dialog_LDADD = $(LIBNM_LIBS)

# A module that exports nothing but its factory.
nm_module_ldflags = $(AM_LDFLAGS) -module -avoid-version
nm_export = -Wl,--version-script=$(srcdir)/nm-integration

nmplugin_LTLIBRARIES = libnm-vpn-plugin-stile.la
libnm_vpn_plugin_stile_la_SOURCES = nm-integration/nm-stile-plugin.c $(nm_profile)
libnm_vpn_plugin_stile_la_CPPFLAGS = $(nm_cppflags)
libnm_vpn_plugin_stile_la_CFLAGS = $(nm_cflags)
libnm_vpn_plugin_stile_la_LIBADD = $(LIBNM_LIBS) $(DBUS_LIBS)
libnm_vpn_plugin_stile_la_LDFLAGS = $(nm_module_ldflags) $(nm_export)/plugin.ver

nm_editor = nm-integration/nm-stile-editor.c $(nm_profile)
if EDITOR_GTK3
nmplugin_LTLIBRARIES += libnm-vpn-plugin-stile-editor.la
libnm_vpn_plugin_stile_editor_la_SOURCES = $(nm_editor)
libnm_vpn_plugin_stile_editor_la_CPPFLAGS = $(nm_cppflags)
libnm_vpn_plugin_stile_editor_la_CFLAGS = $(nm_cflags) $(GTK3_CFLAGS)
libnm_vpn_plugin_stile_editor_la_LIBADD = $(LIBNM_LIBS) $(DBUS_LIBS) $(GTK3_LIBS)
libnm_vpn_plugin_stile_editor_la_LDFLAGS = $(nm_module_ldflags) $(nm_export)/editor.ver
endif
if EDITOR_GTK4
nmplugin_LTLIBRARIES += libnm-gtk4-vpn-plugin-stile-editor.la
libnm_gtk4_vpn_plugin_stile_editor_la_SOURCES = $(nm_editor)
libnm_gtk4_vpn_plugin_stile_editor_la_CPPFLAGS = $(nm_cppflags)
libnm_gtk4_vpn_plugin_stile_editor_la_CFLAGS = $(nm_cflags) $(GTK4_CFLAGS)
libnm_gtk4_vpn_plugin_stile_editor_la_LIBADD = $(LIBNM_LIBS) $(DBUS_LIBS) $(GTK4_LIBS)
libnm_gtk4_vpn_plugin_stile_editor_la_LDFLAGS = $(nm_module_ldflags) $(nm_export)/editor.ver
endif

nmvpnservice_DATA = nm-stile-service.name
CLEANFILES += nm-stile-service.name
nm-stile-service.name: nm-integration/nm-stile-service.name.in Makefile
	$(AM_V_GEN)sed -e 's,@libexecdir\@,$(libexecdir),' -e 's,@nmplugindir\@,$(nmplugindir),' \
		$(srcdir)/nm-integration/nm-stile-service.name.in >$@.tmp && mv $@.tmp $@

nmdbusconfdir = $(dbusconfdir)
nmdbusconf_DATA = nm-integration/nm-stile-service.conf
nmmetainfodir = $(datadir)/metainfo
nmmetainfo_DATA = nm-integration/net.stile.NetworkManager.metainfo.xml
dist_man_MANS += nm-integration/nm-settings-stile.5

check_PROGRAMS += tests/unit/test-nm-plugin
tests_unit_test_nm_plugin_SOURCES = tests/unit/test-nm-plugin.c \
	nm-integration/ip-config.c nm-integration/ip-config.h \
	nm-integration/up-options.c nm-integration/up-options.h $(nm_profile)
tests_unit_test_nm_plugin_CPPFLAGS = $(nm_cppflags)
tests_unit_test_nm_plugin_CFLAGS = $(nm_cflags)
tests_unit_test_nm_plugin_LDADD = $(LIBNM_LIBS) $(DBUS_LIBS)

check_PROGRAMS += tests/unit/test-nm-activation
tests_unit_test_nm_activation_SOURCES = tests/unit/test-nm-activation.c \
	nm-integration/activation.c nm-integration/activation.h \
	nm-integration/ip-config.c nm-integration/ip-config.h \
	nm-integration/up-options.c nm-integration/up-options.h $(nm_profile)
tests_unit_test_nm_activation_CPPFLAGS = $(nm_cppflags)
tests_unit_test_nm_activation_CFLAGS = $(nm_cflags)
tests_unit_test_nm_activation_LDADD = $(LIBNM_LIBS) $(DBUS_LIBS)

FUZZ_TARGETS += tests/fuzz/fuzz-nm-profile
tests_fuzz_fuzz_nm_profile_SOURCES = tests/fuzz/fuzz-nm-profile.c $(fuzz_driver) $(nm_profile)
tests_fuzz_fuzz_nm_profile_CPPFLAGS = $(nm_cppflags)
tests_fuzz_fuzz_nm_profile_CFLAGS = $(nm_cflags)
tests_fuzz_fuzz_nm_profile_LDADD = $(LIBNM_LIBS) $(DBUS_LIBS)
tests_fuzz_fuzz_nm_profile_LDFLAGS = $(fuzz_ldflags)

endif

EXTRA_DIST += nm-integration/README.md nm-integration/nm-stile-service.name.in \
	nm-integration/nm-stile-service.conf \
	nm-integration/net.stile.NetworkManager.metainfo.xml \
	nm-integration/plugin.ver nm-integration/editor.ver \
	tests/fuzz/seeds/nm-profile
