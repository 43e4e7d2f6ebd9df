# shellcheck shell=bash
# A desktop session in a box: X server, session bus, window manager, and GNOME's settings on the
# network panel. Sourced after lib.sh.
#
#   panel_start BOX               in the background, as the user "desktop"
#   panel BOX ARGUMENT…           panel.py in that session
#   panel_run BOX COMMAND…        another program in it, in the background
#   panel_picture BOX FILE        what is on the screen, as PNG

panel_start() { # BOX
    box_put "$1" /usr/local/bin/panel.py <"$LAB_ROOT/tests/desktop/panel.py"
    box_in "$1" chmod 755 /usr/local/bin/panel.py
    box_in "$1" sh -c 'mkdir -p -m 1777 /tmp/.X11-unix && install -d -m 700 -o desktop -g desktop /run/user/1900'
    panel_as_user "$1" sh -c '
        cd && exec >session.log 2>&1 </dev/null
        export XDG_CURRENT_DESKTOP=GNOME XDG_SESSION_TYPE=x11 GSK_RENDERER=cairo \
            LIBGL_ALWAYS_SOFTWARE=1 GSETTINGS_BACKEND=memory
        Xvfb :9 -screen 0 1100x900x24 -nolisten tcp &
        until [ -S /tmp/.X11-unix/X9 ]; do sleep 0.05; done
        setsid dbus-run-session -- sh -c "
            echo \$DBUS_SESSION_BUS_ADDRESS >session-bus.new && mv session-bus.new session-bus
            openbox &
            exec gnome-control-center --verbose network" &' &
    disown
    wait_until 20 box_in "$1" test -s /home/desktop/session-bus
    panel "$1" shows gnome-control-center VPN
}

panel_as_user() { # BOX COMMAND…
    local box=$1
    shift
    box_in "$box" setpriv --reuid desktop --regid desktop --init-groups env HOME=/home/desktop USER=desktop \
        DISPLAY=:9 XDG_RUNTIME_DIR=/run/user/1900 "$@"
}

panel_in_session() { # BOX COMMAND…
    local box=$1 bus
    shift
    bus=$(box_in "$box" cat /home/desktop/session-bus) || return 1
    panel_as_user "$box" env DBUS_SESSION_BUS_ADDRESS="$bus" GSETTINGS_BACKEND=memory "$@"
}

panel() { # BOX ARGUMENT…
    local box=$1
    shift
    panel_in_session "$box" timeout 60 panel.py "$@"
}

panel_run() { # BOX COMMAND…
    panel_in_session "$@" >>"$LAB_DIR/log/panel-run" 2>&1 </dev/null &
    disown
}

panel_picture() { # BOX FILE
    panel_in_session "$1" import -window root png:- >"$2"
}
