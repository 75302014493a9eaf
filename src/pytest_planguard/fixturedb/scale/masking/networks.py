"""Stand-ins for network addresses.

A network is a text of zeros and ones as long as its prefix: what PostgreSQL compares first are the
bits both have, then the lengths, then the rest (network_cmp_internal in network.c).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from pytest_planguard.fixturedb.scale.masking.codes import codes

_ATTEMPTS = 64

_Bits = tuple[int, str, str]
"""Width, bits of the network, bits of the host."""


def standins(values: Collection[str], taken_values: Collection[str]) -> dict[str, str]:
    """Addresses of the same family and length of network, in order, by value.

    Args:
        values: Distinct; one that is no address is missing from the answer, as is one there is no
            room for.
        taken_values: What no stand-in may be.
    """
    read = {value: found for value in values if (found := _bits(value)) is not None}
    taken = {found for value in taken_values if (found := _bits(value)) is not None}
    made: dict[_Bits, _Bits] = {}
    for width in (32, 128):
        ordered = sorted({bits for bits in read.values() if bits[0] == width and bits[1]})
        made |= _addresses(ordered, width, taken)
    return {
        value: _address(made.get(bits, bits), value)
        for value, bits in read.items()
        if bits in made or not int("0" + bits[1] + bits[2])  # 0.0.0.0/0 is everything
    }


def order(value: str) -> _Bits:
    """What PostgreSQL sorts addresses by."""
    return _bits(value) or (0, "", "")


def _bits(value: str) -> _Bits | None:
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        return None
    width = interface.max_prefixlen
    bits = f"{int(interface.ip):0{width}b}"
    length = interface.network.prefixlen
    return width, bits[:length], bits[length:]


def _addresses(ordered: list[_Bits], width: int, taken: set[_Bits]) -> dict[_Bits, _Bits]:
    """Moves all of them up a little where one would be an address that stays."""
    lengths = [len(network) for _, network, _ in ordered]
    for attempt in range(_ATTEMPTS):
        found = codes([width] * attempt + lengths, "01")[attempt:]
        made = {
            bits: (
                width,
                code.ljust(len(bits[1]), "0"),
                "0" * (width - max(len(bits[1]), len(code))),
            )
            for bits, code in zip(ordered, found, strict=True)
            if len(code) <= width
        }
        if not taken & set(made.values()):
            return made
    return {}


def _address(bits: _Bits, like: str) -> str:
    width, network, host = bits
    number = int(network + host, 2)
    address = ipaddress.IPv4Address(number) if width == 32 else ipaddress.IPv6Address(number)
    return f"{address}/{len(network)}" if "/" in like else str(address)
