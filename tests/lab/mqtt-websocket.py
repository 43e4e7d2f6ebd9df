#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""MQTT over WebSocket for a broker that has none, as Debian's mosquitto: Debian's websockify, which by itself
does not know the subprotocol `mqtt`.

    mqtt-websocket.py ADDRESS PORT BROKER-PORT [CERTIFICATE KEY]
"""
import sys

from websockify.websocket import WebSocket
from websockify.websocketproxy import ProxyRequestHandler, WebSocketProxy


class MqttWebSocket(WebSocket):
    def select_subprotocol(self, protocols):
        return "mqtt" if "mqtt" in protocols else ""


class Handler(ProxyRequestHandler):
    SocketClass = MqttWebSocket


address, port, broker, *tls = sys.argv[1:]
WebSocketProxy(
    RequestHandlerClass=Handler,
    listen_host=address,
    listen_port=int(port),
    target_host=address,
    target_port=int(broker),
    cert=tls[0] if tls else "",
    key=tls[1] if tls else None,
    ssl_only=bool(tls),
    timeout=0,
).start_server()
