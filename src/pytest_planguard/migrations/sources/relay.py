"""A door to the twin that writes down what passes: for migrations of any program.

It listens on a socket in a folder of its own, which nobody else may enter, hands every byte on,
and reads the messages a client sends (PostgreSQL manual, 54.7): Query, and Parse with Bind for
statements with parameters. It answers for the server once only: encryption is declined, as
on any such socket.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Self

from pytest_planguard.migrations.sources.bind import types_of, with_values
from pytest_planguard.migrations.sources.spoken import Spoken

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
"""Request codes in place of a protocol version."""

PORT = 5432
"""Part of the socket's name."""

Heard = Callable[[Spoken], None]
"""Told of each statement when it passes; what became of it is filled in later."""

Address = str | tuple[str, int]
"""Of a server: a socket's path, or a host and a port."""


class Relay:
    """Between a program and a server.

    Args:
        address: Where the server is.
        heard: Told of statements, in the order they pass.
        folder: Where its socket is.
    """

    def __init__(self, address: Address, heard: Heard, folder: Path) -> None:
        self._address = address
        self._heard = heard
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / f".s.PGSQL.{PORT}"))
        self._listener.listen()
        self._open: list[socket.socket] = []
        self._over = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        number = 0
        while not self._over:
            try:
                client, _ = self._listener.accept()
                server = _connected(self._address)
            except OSError:
                return
            number += 1
            self._open += [client, server]
            reader = Client(number, self._heard)
            threading.Thread(target=self._up, args=(client, server, reader), daemon=True).start()
            threading.Thread(target=_down, args=(server, client, reader), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, reader: Client) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                forward, answer = reader.took(data)
                if answer:
                    client.sendall(answer)
                if forward:
                    server.sendall(forward)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def _connected(address: Address) -> socket.socket:
    if not isinstance(address, str):
        return socket.create_connection(address)
    server = socket.socket(socket.AF_UNIX)
    server.connect(address)
    return server


def _down(server: socket.socket, client: socket.socket, reader: Client) -> None:
    with contextlib.suppress(OSError):
        while data := server.recv(65_536):
            reader.answered(data)
            client.sendall(data)
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)


class Client:
    """Reads what one client sends and is answered; pure but for ``heard``.

    Args:
        number: Of the connection.
        heard: Told of its statements.
    """

    def __init__(self, number: int, heard: Heard) -> None:
        self._number = number
        self._heard = heard
        self._buffer = b""
        self._started = False
        self._prepared: dict[bytes, tuple[str, tuple[int, ...]]] = {}
        """Texts and types of parameters, by the statement's name."""
        self._described: deque[bytes] = deque()
        """Names of statements whose types were asked for."""
        self._answers = b""
        self._failed = False
        self._waiting: deque[tuple[bytes, Spoken | None]] = deque()
        """Messages without an answer so far: Query, Bind, and what ends a row of those (Sync)."""

    def took(self, data: bytes) -> tuple[bytes, bytes]:
        """What is to be handed on, and what the client is answered in the server's place."""
        if self._started:
            self._read(data)
            return data, b""
        return self._opening(data)

    def _opening(self, data: bytes) -> tuple[bytes, bytes]:
        """Requests for encryption are declined; the start-up packet goes on."""
        self._buffer += data
        if len(self._buffer) < 8:
            return b"", b""
        length, code = struct.unpack("!II", self._buffer[:8])
        if len(self._buffer) < length:
            return b"", b""
        packet, rest = self._buffer[:length], self._buffer[length:]
        self._buffer = b""
        if code in (_SSL, _GSS):
            forward, answer = self._opening(rest) if rest else (b"", b"")
            return forward, b"N" + answer
        self._started = code != _CANCEL
        if rest:
            self._read(rest)
        return packet + rest, b""

    def _read(self, data: bytes) -> None:
        found, self._buffer = _messages(self._buffer + data)
        for kind, body in found:
            self._message(kind, body)

    def answered(self, data: bytes) -> None:
        """What the server says to it."""
        found, self._answers = _messages(self._answers + data)
        for kind, body in found:
            self._answer(kind, body)

    def _answer(self, kind: bytes, body: bytes) -> None:
        """CommandComplete and EmptyQueryResponse, ErrorResponse, ReadyForQuery (manual, 54.7)."""
        if kind in (b"C", b"I") and self._waiting:
            message, spoken = self._waiting[0]
            if spoken is not None:
                spoken.tag = _text(body) if kind == b"C" else ""
            if message == b"B":
                self._waiting.popleft()
        elif kind == b"t" and self._described:
            name = self._described.popleft()
            self._prepared[name] = (self._prepared.get(name, ("", ()))[0], types_of(body))
        elif kind == b"E":
            self._failed = True
            self._described.clear()
        elif kind == b"Z":
            self._settle()

    def _settle(self) -> None:
        """After an error the server reads on behind the next Sync."""
        while self._waiting:
            message, spoken = self._waiting.popleft()
            if spoken is not None:
                spoken.refused = self._failed
            if message != b"B":
                break
        self._failed = False

    def _hear(self, kind: bytes, text: str) -> None:
        spoken = Spoken(self._number, text)
        self._waiting.append((kind, spoken))
        self._heard(spoken)

    def _message(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self._hear(kind, _text(body))
        elif kind in (b"S", b"F"):
            self._waiting.append((kind, None))
        elif kind == b"P":
            name, _, rest = body.partition(b"\0")
            sql, _, types = rest.partition(b"\0")
            self._prepared[name] = (_text(sql), types_of(types))
        elif kind == b"D" and body[:1] == b"S":
            self._described.append(body[1:].partition(b"\0")[0])
        elif kind == b"B":
            _, _, rest = body.partition(b"\0")
            name, _, values = rest.partition(b"\0")
            text, oids = self._prepared.get(name, ("", ()))
            self._hear(kind, with_values(text, values, oids))


def _messages(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Whole messages of a kind, a length that counts itself and a body; and what is left."""
    found = []
    start = 0
    while len(data) - start >= 5:
        (length,) = struct.unpack_from("!I", data, start + 1)
        end = start + length + 1
        if len(data) < end:
            break
        found.append((data[start : start + 1], data[start + 5 : end]))
        start = end
    return found, data[start:]


def _text(body: bytes) -> str:
    return body.partition(b"\0")[0].decode(errors="replace")
