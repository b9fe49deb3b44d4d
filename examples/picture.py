"""Pictures for the examples: reads PNG (8-bit grey or RGB) and PGM, writes PNG and PGM, with zlib and numpy alone.

    python examples/picture.py in.png out.pgm        turns one into the other
"""
from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.float64]  # (height, width), 0 black to 1 white
Bytes = npt.NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CELLS = 1 << 28
LUMA = np.array([0.299, 0.587, 0.114])  # how bright the eye finds red, green and blue


class PictureError(ValueError):
    """The file is not a picture that we read; the text says why."""


def read_picture(path: str | Path) -> Grey:
    """The picture in file `path` as grey values from 0 to 1. Raises OSError and PictureError."""
    data = Path(path).read_bytes()
    if data.startswith(SIGNATURE):
        return read_png(data)
    if data.startswith(b"P5"):
        return read_pgm(data)
    raise PictureError("neither a PNG nor a binary PGM (P5) file")


def read_pgm(data: bytes) -> Grey:
    fields: list[int] = []
    at = 2
    while len(fields) < 3:
        while data[at : at + 1].isspace() or data[at : at + 1] == b"#":
            at = data.find(b"\n", at) + 1 if data[at : at + 1] == b"#" else at + 1
            if at == 0:
                raise PictureError("the PGM header is cut short")
        end = at
        while data[end : end + 1].isdigit():
            end += 1
        if end == at or end - at > 9:
            raise PictureError("the PGM header is cut short or not of numbers")
        fields.append(int(data[at:end]))
        at = end
    width, height, top = fields
    check_size(width, height)
    if not 0 < top < 65536:
        raise PictureError(f"a PGM's largest value must be 1 to 65535, not {top}")
    kind = np.dtype(">u2" if top > 255 else "u1")
    if len(data) < at + 1 + width * height * kind.itemsize:
        raise PictureError("the PGM file is cut short")
    cells = np.frombuffer(data, kind, width * height, at + 1)
    return cells.reshape(height, width).astype(np.float64) / top


def read_png(data: bytes) -> Grey:
    header, body = b"", b""
    for name, content in chunks(data):
        if name == b"IHDR":
            header = content
        elif name == b"IDAT":
            body += content
    if len(header) != 13:
        raise PictureError("the PNG has no header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    check_size(width, height)
    if depth != 8 or colour not in (0, 2) or interlaced:
        raise PictureError("only PNGs of 8-bit grey or RGB, not interlaced, are read here")
    samples = 3 if colour == 2 else 1
    stride = width * samples
    try:
        raw = zlib.decompressobj().decompress(body, height * (stride + 1))
    except zlib.error as error:
        raise PictureError(f"the PNG does not unpack: {error}") from None
    if len(raw) != height * (stride + 1):
        raise PictureError("the PNG is cut short")
    pixels = unfilter(np.frombuffer(raw, np.uint8).reshape(height, stride + 1), samples)
    if samples == 1:
        return pixels.astype(np.float64) / 255
    return np.asarray(pixels.reshape(height, width, 3) @ LUMA / 255, dtype=np.float64)


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        checksum = data[at + 8 + size : at + 12 + size]
        if len(checksum) < 4 or zlib.crc32(name + content) != struct.unpack(">I", checksum)[0]:
            raise PictureError("a part of the PNG is cut short or damaged")
        yield name, content
        at += 12 + size


def unfilter(lines: Bytes, samples: int) -> Bytes:
    """Undoes PNG's prediction of each byte from its neighbours: left, above, and above left."""
    rows = np.empty((lines.shape[0], lines.shape[1] - 1), np.uint8)
    above = np.zeros(rows.shape[1], np.uint8)
    for row, line in zip(rows, lines):
        how, row[:] = int(line[0]), line[1:]
        if how == 1:
            for sample in range(samples):
                row[sample::samples] = np.cumsum(row[sample::samples], dtype=np.uint8)
        elif how == 2:
            row += above
        elif how in (3, 4):
            row[:] = unfilter_slowly(bytes(row), bytes(above), samples, paeth if how == 4 else mean)
        elif how != 0:
            raise PictureError(f"the PNG uses an unknown filter ({how})")
        above = row
    return rows


def mean(left: int, above: int, corner: int) -> int:
    return (left + above) // 2


def paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((abs(guess - left), 0, left), (abs(guess - above), 1, above), (abs(guess - corner), 2, corner))[2]


def unfilter_slowly(row: bytes, above: bytes, samples: int, predict: Callable[[int, int, int], int]) -> Bytes:
    """For the two filters in which each byte depends on the one before."""
    out = bytearray(samples) + row
    over = bytes(samples) + above
    for at in range(samples, len(out)):
        out[at] = (out[at] + predict(out[at - samples], over[at], over[at - samples])) & 255
    return np.frombuffer(out, np.uint8)[samples:]


def check_size(width: int, height: int) -> None:
    if width < 1 or height < 1 or width * height > MAX_CELLS:
        raise PictureError(f"a picture of {width} x {height} is empty or too large")


def write_png(path: str | Path, pixels: Bytes) -> None:
    """Writes (height, width) grey or (height, width, 3) RGB bytes."""
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = pixels.reshape(height, -1)
    lines = np.full((height, rows.shape[1] + 1), 2, np.uint8)  # filter 2: what changed since the row above
    lines[:, 1:] = rows
    lines[1:, 1:] -= rows[:-1]
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(SIGNATURE)
        for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(content)) + name + content)
            file.write(struct.pack(">I", zlib.crc32(name + content)))


def write_pgm(path: str | Path, grey: Grey) -> None:
    height, width = grey.shape
    Path(path).write_bytes(b"P5\n%d %d\n255\n" % (width, height) + to_bytes(grey).tobytes())


def to_bytes(values: npt.NDArray[np.float64]) -> Bytes:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


# From cold to hot: where on the scale from 0 to 1 which colour stands.
SCALE = np.linspace(0, 1, 6)
COLOURS = np.array([[0, 0, 12], [58, 12, 110], [170, 30, 90], [235, 90, 30], [252, 190, 50], [255, 255, 225]])


def in_heat_colours(grey: Grey) -> Bytes:
    """The picture as a heat camera would show it: RGB, dark and blue for 0 to bright and yellow for 1."""
    return np.stack([np.interp(grey, SCALE, COLOURS[:, i]) for i in range(3)], axis=-1).astype(np.uint8)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} FROM TO.pgm|TO.png")
    source, target = sys.argv[1:]
    try:
        grey = read_picture(source)
    except (OSError, PictureError) as error:
        sys.exit(f"{sys.argv[0]}: {source}: {error}")
    if target.endswith(".pgm"):
        write_pgm(target, grey)
    else:
        write_png(target, to_bytes(grey))


if __name__ == "__main__":
    main()
