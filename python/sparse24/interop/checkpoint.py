"""Safetensors checkpoints, read and written a tensor at a time.

The library of that name reads into NumPy only types that NumPy has, and writes only what is in memory at once. Here
tensors are bits (unsigned integers), so every type passes, and a checkpoint may be larger than memory.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

import numpy as np

#: Element type in a file -> bytes of an element.
BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1,
         "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1}

#: In a directory, the file that tells which tensor is where.
INDEX = "model.safetensors.index.json"

#: The largest header that safetensors reads.
_MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Tensor:
    """Where a tensor is, or is to be: `dtype` as files name it, and for one that is, the file and its bytes there."""

    name: str
    dtype: str
    shape: Tuple[int, ...]
    file: Path
    begin: int = 0

    @property
    def nbytes(self):
        return math.prod(self.shape) * BYTES[self.dtype]


def _files_of(path):
    """Gives the files of a checkpoint: a file, or of a directory those of its index, or all .safetensors files."""
    if not path.is_dir():
        return [path]
    if (path / INDEX).exists():
        try:
            index = json.loads((path / INDEX).read_text(encoding="utf-8"))
            return [path / name for name in sorted(set(index["weight_map"].values()))]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path / INDEX} has no weight_map; without the file all .safetensors count") from error
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise ValueError(f"{path} has no .safetensors files")
    return files


class Reader:
    """The tensors of a file or a directory; `tensors` maps names to them. Raises ValueError if a file is broken."""

    def __init__(self, path):
        self.files = _files_of(Path(path))
        self.tensors, self.metadata = {}, {}
        for file in self.files:
            self._read_header(file)

    def _read_header(self, file):
        with open(file, "rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            if not 2 <= size <= min(_MAX_HEADER, file.stat().st_size - 8):
                raise ValueError(f"{file} is no safetensors file: its header would have {size} bytes")
            try:
                header = json.loads(stream.read(size))
                self.metadata[file] = header.pop("__metadata__", None)
                entries = []
                for name, entry in header.items():
                    begin, end = map(int, entry["data_offsets"])
                    entries.append((name, str(entry["dtype"]), tuple(map(int, entry["shape"])), begin, end))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"{file} is no safetensors file: its header isn't the expected JSON") from error
        for name, dtype, shape, begin, end in entries:
            if dtype not in BYTES:
                raise ValueError(f"{file}: {name} has the unknown element type {dtype}")
            tensor = Tensor(name, dtype, shape, file, 8 + size + begin)
            if begin < 0 or min(shape, default=0) < 0 or end - begin != tensor.nbytes:
                raise ValueError(f"{file} is damaged: {name} has {end - begin} bytes, but its shape {list(shape)} "
                                 f"of {dtype} doesn't; make the file again")
            if 8 + size + end > file.stat().st_size:
                raise ValueError(f"{file} is cut short: {name} ends beyond it; copy the file again")
            if tensor.name in self.tensors:
                raise ValueError(f"{tensor.name} is in {self.tensors[tensor.name].file} and in {file}")
            self.tensors[tensor.name] = tensor

    def read(self, name):
        """Gives a tensor's bits, an array of unsigned integers that is mapped, not read."""
        tensor = self.tensors[name]
        dtype = np.dtype(f"<u{BYTES[tensor.dtype]}")
        if not tensor.nbytes:
            return np.zeros(tensor.shape, dtype)
        octets = np.memmap(tensor.file, np.uint8, "r", tensor.begin, (tensor.nbytes,))
        if tensor.begin % dtype.itemsize:
            octets = np.array(octets)
        return octets.view(dtype).reshape(tensor.shape)


class Writer:
    """Writes a file whose tensors (of class Tensor; their order and `begin` don't matter) are known beforehand.

    Used with `with`. The bytes go to `<file>.partial`, which becomes the file at the end, or disappears on an error.
    """

    def __init__(self, file, tensors, metadata=None):
        self.file = Path(file)
        self._partial = Path(f"{file}.partial")
        header, self._begins, end = {}, {}, 0
        if metadata:
            header["__metadata__"] = metadata
        # Large elements first, as safetensors writes them: so each is aligned.
        for tensor in sorted(tensors, key=lambda tensor: (-BYTES[tensor.dtype], tensor.name)):
            begin, end = end, end + tensor.nbytes
            header[tensor.name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, end]}
            self._begins[tensor.name] = begin, tensor.nbytes
        self._header = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        self._header += b" " * (-len(self._header) % 8)

    def __enter__(self):
        self._stream = open(self._partial, "wb")
        self._stream.write(len(self._header).to_bytes(8, "little") + self._header)
        return self

    def write(self, name, array):
        """Writes a tensor's elements."""
        begin, size = self._begins.pop(name)
        data = np.ascontiguousarray(array)
        if data.nbytes != size:
            raise ValueError(f"{name} has {data.nbytes} bytes, not the {size} that were announced")
        self._stream.seek(8 + len(self._header) + begin)
        data.tofile(self._stream)

    def __exit__(self, kind, error, traceback):
        self._stream.close()
        if kind is None and not self._begins:
            os.replace(self._partial, self.file)
            return
        self._partial.unlink()
        if kind is None:
            raise ValueError(f"{self.file} lacks {', '.join(self._begins)}")
