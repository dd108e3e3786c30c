"""Small compressed payloads that inflate to far more than anybody has memory for, made by hand for each codec."""

import struct
import zlib

MIB = 1 << 20


def gzip_bomb(inflated_bytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MIB)
    return b"".join(packer.compress(zeros) for _ in range(inflated_bytes // MIB)) + packer.flush()


def zstd_bomb(inflated_bytes: int, window_log: int = 20) -> bytes:
    """A frame without content size; blocks of one repeated byte, 128 KiB each, in four bytes."""
    block_bytes = 128 << 10
    count = inflated_bytes // block_bytes

    def block(last: bool) -> bytes:
        return struct.pack("<I", block_bytes << 3 | 1 << 1 | last)[:3] + b"\0"

    return struct.pack("<IBB", 0xFD2FB528, 0, (window_log - 10) << 3) + block(False) * (count - 1) + block(True)


def lz4_bomb(inflated_bytes: int, declared_bytes: int | None = None) -> bytes:
    """A frame of independent 4 MiB blocks, each one literal and one match as long as the block."""
    block_bytes = 4 * MIB
    match = block_bytes - 1 - 5 - 4 - 15  # a block ends with five literals
    block = b"\x1f\0\1\0" + b"\xff" * (match // 255) + bytes([match % 255]) + b"\x50" + bytes(5)
    flags = 0x60 | (0x08 if declared_bytes is not None else 0)
    descriptor = bytes([flags, 0x70]) + (struct.pack("<Q", declared_bytes) if declared_bytes is not None else b"")
    head = struct.pack("<I", 0x184D2204) + descriptor + bytes([xxh32(descriptor) >> 8 & 0xFF])
    return head + (struct.pack("<I", len(block)) + block) * (inflated_bytes // block_bytes) + bytes(4)


def snappy_bomb(inflated_bytes: int, block_bytes: int = 4 * MIB) -> bytes:
    """Blocks in the frame that Java clients write; each claims and holds block_bytes: a literal, then copies of 64."""
    copies = (block_bytes - 64) // 64
    block = uvarint(block_bytes) + b"\xf0\x3f" + bytes(64) + (b"\xfe" + struct.pack("<H", 64)) * copies
    one = struct.pack(">I", len(block)) + block
    return b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1) + one * (inflated_bytes // block_bytes)


def snappy_lie(declared_bytes: int) -> bytes:
    """A raw block that claims to be huge and holds one byte."""
    return uvarint(declared_bytes) + b"\0x"


def uvarint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def xxh32(data: bytes) -> int:
    """Of less than 16 bytes: the header checksum of an LZ4 frame."""
    mask, primes = 0xFFFFFFFF, (2654435761, 2246822519, 3266489917, 668265263, 374761393)
    assert len(data) < 16
    value, at = (primes[4] + len(data)) & mask, 0

    def rotate(number: int, by: int) -> int:
        return (number << by | number >> (32 - by)) & mask

    while at + 4 <= len(data):
        value = rotate((value + struct.unpack_from("<I", data, at)[0] * primes[2]) & mask, 17) * primes[3] & mask
        at += 4
    for byte in data[at:]:
        value = rotate((value + byte * primes[4]) & mask, 11) * primes[0] & mask
    value = (value ^ value >> 15) * primes[1] & mask
    value = (value ^ value >> 13) * primes[2] & mask
    return value ^ value >> 16
