"""Reading QR codes, as a camera would: by zbar, from pictures and from terminals."""

import pathlib
import re
import subprocess
import tempfile

BLACK_ON_WHITE = "\x1b[38;5;16;48;5;231m"
# Drawn in the upper half, in the lower half.
HALVES = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
SCALE = 4


def _decode(name, data):
    with tempfile.TemporaryDirectory(prefix="belfry-qr-") as folder:
        path = pathlib.Path(folder, name)
        path.write_bytes(data)
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "--nodbus", str(path)],
                              capture_output=True, timeout=60)
    assert done.returncode == 0, f"no code in it: {done.stderr.decode()}"
    return done.stdout.decode().removesuffix("\n")


def from_png(data):
    return _decode("code.png", data)


def from_svg(data):
    """Rendered over grey, as the page behind it may have any colour."""
    done = subprocess.run(["rsvg-convert", "--background-color", "#777"], input=data,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return from_png(done.stdout)


def screen(text, ink="#000", paper="#fff"):
    """Rows of colours, as a terminal shows TEXT that writes INK on PAPER."""
    rows = []
    for line in text.splitlines():
        line, colours = re.subn(re.escape(BLACK_ON_WHITE), "", line)
        line, resets = re.subn(re.escape("\x1b[0m"), "", line)
        assert colours == resets and colours in (0, 1)
        shown = ("#000", "#fff") if colours else (ink, paper)
        for half in (0, 1):
            rows.append([shown[0] if HALVES[c][half] else shown[1] for c in line])
    return rows


def from_screen(rows):
    grey = {"#000": 0, "#fff": 255}
    assert len({len(r) for r in rows}) == 1, "lines of different lengths"
    pixels = bytes(grey[c] for r in rows for _ in range(SCALE) for c in r
                   for _ in range(SCALE))
    head = f"P5 {SCALE * len(rows[0])} {SCALE * len(rows)} 255\n".encode()
    return _decode("code.pgm", head + pixels)
