"""Types of parameters: which of them count as one, and which integer a value needs."""

from __future__ import annotations

UNTYPED = "text"
"""psycopg sends text without a type, and arrays of it; so do most clients that send text."""

_FAMILIES = {
    "boolean": (16,),
    "integer": (20, 21, 23),
    "integer[]": (1005, 1007, 1016),
    "oid": (26,),
    "float": (700, 701),
    "float[]": (1021, 1022),
    "numeric": (1700,),
    "numeric[]": (1231,),
    "text": (0, 18, 19, 25, 705, 1042, 1043, 1002, 1003, 1009, 1014, 1015),
    "bytea": (17,),
    "date": (1082,),
    "date[]": (1182,),
    "time": (1083, 1266),
    "timestamp": (1114,),
    "timestamp[]": (1115,),
    "timestamptz": (1184,),
    "timestamptz[]": (1185,),
    "interval": (1186,),
    "uuid": (2950,),
    "uuid[]": (2951,),
    "json": (114, 3802),
    "inet": (650, 869),
}
_FAMILY_OF = {str(oid): family for family, oids in _FAMILIES.items() for oid in oids}

_OID_OF = {
    "boolean": 16, "integer": 23, "integer[]": 1007, "float": 701, "numeric": 1700, "bytea": 17,
    "date": 1082, "date[]": 1182, "time": 1083, "timestamp": 1114, "timestamp[]": 1115,
    "timestamptz": 1184, "interval": 1186, "uuid": 2950, "uuid[]": 2951,
}  # fmt: skip
"""The member a server takes in place of the others: an int4 goes wherever an int8 does."""

INTEGERS = {"21": 2**15, "23": 2**31, "20": 2**63}
"""OIDs of int2, int4 and int8, narrowest first, with the first value each can't hold."""

INTEGER_ARRAYS = {"1005": 2**15, "1007": 2**31, "1016": 2**63}

BOOLEAN = "16"


def family(type_name: str | None) -> str:
    """The family of a type: drivers pick int2, int4 or int8 by value, so they are one.

    Args:
        type_name: The OID's digits for a built-in type, else a qualified name; None: untyped.

    >>> family("21"), family("20"), family(None), family("shop.status"), family("600")
    ('integer', 'integer', 'text', 'shop.status', 'oid 600')
    """
    if type_name is None:
        return UNTYPED
    if type_name.isdigit():
        return _FAMILY_OF.get(type_name, f"oid {type_name}")
    return type_name


def oid_of(family_name: str) -> int:
    """The OID that stands for a family; 0, untyped, where no one member does.

    >>> oid_of("integer"), oid_of("oid 600"), oid_of("text"), oid_of("shop.status")
    (23, 600, 0, 0)
    """
    if family_name.startswith("oid "):
        return int(family_name[4:])
    return _OID_OF.get(family_name, 0)


def rank(type_name: str | None) -> tuple[int, str]:
    """Orders types of one family, narrowest first."""
    order = ["21", "23", "20", "1005", "1007", "1016"]
    return (order.index(type_name), "") if type_name in order else (99, type_name or "")


def integer_for(value: str, at_least: str) -> str:
    """The narrowest integer type that holds the value, as psycopg chooses it.

    >>> integer_for("5", "21"), integer_for("23500000", "21"), integer_for("5", "20")
    ('21', '23', '20')
    """
    try:
        size = abs(int(value))
    except ValueError:
        return at_least
    wide_enough = [oid for oid, limit in INTEGERS.items() if size < limit]
    candidates = wide_enough or ["20"]
    return max(candidates[0], at_least, key=list(INTEGERS).index)
