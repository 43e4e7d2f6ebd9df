#!/usr/bin/python3
"""Reads and drives the programs of a desktop as assistive technology does (AT-SPI).

panel.py tree [PROGRAM]                 prints what is on the screen
panel.py shows PROGRAM TEXT             succeeds when a widget with that text is there
panel.py press PROGRAM TEXT BUTTON      presses a button in the same row as a text
panel.py toggle PROGRAM TEXT            works the switch in the same row as a text

Runs in the session of the desktop's user. Bounded: gives up after a while, and prints the screen.
"""

import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

PATIENCE = 20
SWITCHES = {"check box", "toggle button", "switch"}
OUTSIDE_OF_ROWS = {"frame", "dialog", "application", "window"}


def children(node):
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is not None:
            yield child


def walk(node, depth=0):
    """The tree below a node; what goes away meanwhile is left out."""
    yield node, depth
    try:
        below = list(children(node))
    except GLib.Error:
        return
    for child in below:
        yield from walk(child, depth + 1)


def programs(name):
    return [one for one in children(Atspi.get_desktop(0)) if name in (one.get_name() or "")]


def nodes(program):
    for one in programs(program):
        for node, _ in walk(one):
            yield node


def tree(program):
    for one in programs(program):
        for node, depth in walk(one):
            try:
                print("  " * depth + f"{node.get_role_name()}: {node.get_name()!r}")
            except GLib.Error:
                continue


def mentions(node, text):
    return any(text in (below.get_name() or "") for below, _ in walk(node))


def in_row_of(node, text):
    """Whether the text is in the row (the few widgets around) of a node."""
    row = node
    for _ in range(4):
        row = row.get_parent()
        if row is None or row.get_role_name() in OUTSIDE_OF_ROWS:
            return False
        if mentions(row, text):
            return True
    return False


def act(node):
    return node.get_n_actions() > 0 and node.do_action(0)


def shows(program, text):
    return any(text in (node.get_name() or "") for node in nodes(program))


def press(program, text, button):
    for node in nodes(program):
        if node.get_role_name() == "push button" and node.get_name() == button and in_row_of(node, text):
            return act(node)
    return False


def toggle(program, text):
    for node in nodes(program):
        if node.get_role_name() in SWITCHES and in_row_of(node, text):
            return act(node)
    return False


def patiently(what, *arguments):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if what(*arguments):
                return True
        except GLib.Error:
            pass  # the tree changed while it was read
        time.sleep(0.2)
    return False


def main(arguments):
    commands = {("shows", 3): shows, ("press", 4): press, ("toggle", 3): toggle}
    if arguments and arguments[0] == "tree":
        tree(arguments[1] if len(arguments) > 1 else "")
        return 0
    command = commands.get((arguments[0] if arguments else "", len(arguments)))
    if command is None:
        print(__doc__, file=sys.stderr)
        return 2
    if patiently(command, *arguments[1:]):
        return 0
    print(f"{' '.join(arguments)}: not found; on the screen is:")
    tree("")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
