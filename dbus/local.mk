# dbus: the service stiled, and stilectl, which speaks only D-Bus.
dbusinterfaces_DATA = dbus/net.stile.Stile1.xml
EXTRA_DIST += $(dbusinterfaces_DATA)
