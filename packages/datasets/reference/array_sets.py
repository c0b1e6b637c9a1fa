"""Small data sets as numpy and Python write them, for the tests of `formats/`.

    python reference/array_sets.py        (Python 3.11.7, numpy 2.4.6)

The pictures are those of `src/testing/small-pictures.ts`: 12 x 12 x 3, 5 of each of 7 classes.
"""

import pickle
import struct
import sys
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np

SIDE, COUNT = 12, 5
CLASSES = {"train": ["n03", "n01", "n02"], "val": ["n05", "n04"], "test": ["n06", "n07"]}
HERE = Path(__file__).parent


def picture(name: str, i: int) -> np.ndarray:
    c = int(name[1:])
    flat = [(37 * c + 11 * i + 3 * k) % 256 for k in range(SIDE * SIDE * 3)]
    return np.array(flat, dtype=np.uint8).reshape(SIDE, SIDE, 3)


def pictures(split: str) -> np.ndarray:
    return np.stack([picture(name, i) for name in CLASSES[split] for i in range(COUNT)])


def labels(split: str) -> list[int]:
    return [c for c in range(len(CLASSES[split])) for _ in range(COUNT)]


def png(pixels: np.ndarray) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


class Python2Pickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, obj):
        data = obj.encode("latin1") if isinstance(obj, str) else bytes(obj)
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(obj)

    dispatch[bytes] = save_string
    dispatch[str] = save_string


def write(name: str, value: object, protocol: int) -> None:
    (HERE / name).write_bytes(pickle.dumps(value, protocol=protocol))


def write_python2(name: str, value: object) -> None:
    with open(HERE / name, "wb") as file:
        Python2Pickler(file, protocol=2).dump(value)
    # numpy 1 called the module so.
    data = (HERE / name).read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (HERE / name).write_bytes(data)


def main() -> None:
    for split in CLASSES:
        rows = {name: list(range(COUNT * c, COUNT * (c + 1))) for c, name in enumerate(CLASSES[split])}
        cache = {"image_data": pictures(split), "class_dict": rows}
        write(f"cache-{split}.pkl", cache, protocol=4)
        write_python2(f"cache-python2-{split}.pkl", cache)
        as_bytes = {
            b"image_data": pictures(split),
            b"class_dict": OrderedDict((name.encode(), range(r[0], r[-1] + 1)) for name, r in rows.items()),
        }
        write(f"cache-bytes-{split}.pkl", as_bytes, protocol=3)
        # Python 3 writes bytes of protocol 2 as text.
        names = {name: 10 + c for c, name in enumerate(CLASSES[split])}
        write(
            f"labels-{split}.pkl",
            {"data": pictures(split), "labels": [10 + label for label in labels(split)], "catname2label": names},
            protocol=2,
        )
        numbers = [np.int64(label) for label in labels(split)]
        write(f"scalars-{split}.pkl", {"data": pictures(split), "labels": numbers}, protocol=5)
        files = [png(p) for p in pictures(split)]
        arrays = [np.frombuffer(f, dtype=np.uint8).reshape(-1, 1) for f in files]
        write(f"png-{split}.pkl", arrays if split == "train" else files, protocol=2 if split == "val" else 4)
        write(
            f"png-labels-{split}.pkl",
            {
                "label_specific": np.array(labels(split)),
                "label_general": np.zeros(len(files), dtype=np.int32),
                "label_specific_str": CLASSES[split],
                "label_general_str": ["animal"],
            },
            protocol=2,
        )
    np.savez(HERE / "stored.npz", images=pictures("train"))
    np.savez_compressed(HERE / "compressed.npz", images=pictures("train"))
    class Foreign:
        def __reduce__(self):
            return (print, ("executed",))

    write("foreign.pkl", {"data": Foreign()}, protocol=4)
    write("protocol0.pkl", {"data": 1}, protocol=0)
    print(sys.version, np.__version__)


if __name__ == "__main__":
    main()
