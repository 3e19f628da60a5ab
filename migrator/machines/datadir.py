"""Gives a copied data directory a system identifier of its own.

Copying an initialised data directory is much quicker than initdb, but two servers made so would claim to be the same one.
pg_resetwal cannot set the identifier, and not every package of server binaries has it: so it is written where it stands.
"""

import secrets
import struct
from pathlib import Path

_CRC32C = 0x82F63B78
_LONG_HEADER_SYSTEM_IDENTIFIER = 24  # offsetof(XLogLongPageHeaderData, xlp_sysid)


def identify_anew(data: Path) -> None:
    """Write a new, random system identifier to pg_control and to the WAL segments. The server must not be running."""
    identifier = struct.pack("=Q", secrets.randbits(62) | 1 << 61)
    control = data / "global" / "pg_control"
    content = bytearray(control.read_bytes())
    crc_at = _crc_offset(content)
    content[0:8] = identifier
    content[crc_at : crc_at + 4] = struct.pack("=I", crc32c(bytes(content[:crc_at])))
    _overwrite(control, 0, bytes(content))
    for segment in (data / "pg_wal").glob("[0-9A-F]" * 24):
        _overwrite(segment, _LONG_HEADER_SYSTEM_IDENTIFIER, identifier)


def crc32c(content: bytes) -> int:
    """The CRC-32C (Castagnoli) that PostgreSQL writes."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC32C if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def _crc_offset(content: bytes | bytearray) -> int:
    """Where pg_control's checksum stands: the one place that holds the CRC of everything before it."""
    for offset in range(128, 512, 4):
        if struct.unpack_from("=I", content, offset)[0] == crc32c(bytes(content[:offset])):
            return offset
    raise ValueError("pg_control has no checksum that fits its content")


def _overwrite(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
