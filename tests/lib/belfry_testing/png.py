"""PNGs, sound ones and others; and what stands in one."""

import random
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(
        ">I", zlib.crc32(kind + data))


def header(width, height, color=6, depth=8, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0,
                                      interlace))


def make(width=192, height=192, rgba=(255, 0, 0, 255), extra=b"", noise=False):
    """EXTRA: chunks behind the header. NOISE: it does not shrink."""
    row = bytes(rgba) * width
    rows = b"".join(b"\0" + (random.Random(y).randbytes(4 * width) if noise else row)
                    for y in range(height))
    return (SIGNATURE + header(width, height) + extra +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND"))


def size(png):
    assert png.startswith(SIGNATURE)
    return struct.unpack(">II", png[16:24])
