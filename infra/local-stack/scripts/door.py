"""Keeps web pages of other origins out of the emulator, by the rules of the crate's `door.rs`.

The emulator answers every origin, and accepts a presigned query with any secret. A page that reached it could create a
function and run it on this machine.
"""

import http.server
import json

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Door:
    """An ASGI application in front of another one."""

    def __init__(self, app, admitted: dict):
        self.app = app
        self.hosts = {host.encode() for host in admitted["hosts"]}
        self.origins = {origin.encode() for origin in admitted["origins"]}

    async def __call__(self, scope, receive, send):
        objection = self.objection(scope["headers"]) if "headers" in scope else None
        if objection is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = json.dumps({"message": objection}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def objection(self, headers) -> str | None:
        """The reason to refuse a request; None admits it."""
        values = {b"host": [], b"origin": [], b"sec-fetch-site": []}
        for name, value in headers:
            values.get(name.lower(), []).append(value.lower())
        if not values[b"host"] or not self.hosts.issuperset(values[b"host"]):
            return "a request for a foreign host is refused; `cargo xtask dev --allow-host NAME` admits one"
        if not self.origins.issuperset(values[b"origin"]):
            return "a page of a foreign origin is refused; `cargo xtask dev --allow-origin ORIGIN` admits one"
        if not values[b"origin"] and not {b"none", b"same-origin"}.issuperset(values[b"sec-fetch-site"]):
            return "a page of another site is refused; type the address to open it"
        return None


def close_runtime_apis() -> None:
    """Each running function takes its events from a port of its own. No page may reach it."""
    handler = http.server.BaseHTTPRequestHandler
    parse_request = handler.parse_request

    def parse_request_of_functions(self) -> bool:
        if not parse_request(self):
            return False
        name, _, port = self.headers.get("Host", "").lower().rpartition(":")
        if name in LOCAL_NAMES and port.isdecimal() and not {"origin", "sec-fetch-site"} & {n.lower() for n in self.headers}:
            return True
        self.close_connection = True
        self.send_error(403)
        return False

    handler.parse_request = parse_request_of_functions
