"""The matrices of which make_interop.py has other systems make data, and which the tests make again.

Integer arithmetic only, so they are the same everywhere.
"""

import numpy as np

#: Element type -> bits of eight nonzeros: ordinary, subnormal, infinite, NaN (of integers the extremes). bf16 has the
#: NaN that torch.gather makes of every NaN on CPUs with AVX-512.
NONZEROS = {
    "f16": [0x3C00, 0xBC00, 0x0001, 0x7C00, 0x7E01, 0x7BFF, 0x8001, 0x4248],
    "bf16": [0x3F80, 0xBF80, 0x0001, 0x7F80, 0xFFFF, 0x7F7F, 0x8001, 0x4049],
    "tf32": [0x3F800000, 0xBF800000, 0x00000001, 0x7F800000, 0x7FC00001, 0x80000001, 0x40490FDB, 0x00002000],
    "s8": [0x01, 0xFF, 0x80, 0x7F, 0x02, 0x03, 0xFE, 0x55],
    "u8": [0x01, 0xFF, 0x80, 0x7F, 0x02, 0x03, 0xFE, 0x55],
    "e4m3": [0x01, 0x81, 0x7F, 0x7E, 0x38, 0xB8, 0xFF, 0x40],
    "e5m2": [0x01, 0x81, 0x7C, 0x7F, 0x3C, 0xBC, 0xFE, 0x40],
}
NONZEROS["f32"] = NONZEROS["tf32"]

#: Element type -> bits of -0.0.
NEGATIVE_ZERO = {"f16": 0x8000, "bf16": 0x8000, "tf32": 0x80000000, "f32": 0x80000000, "e4m3": 0x80, "e5m2": 0x80}

#: Element type -> the type of the array that holds its bits.
DTYPES = {name: np.dtype(f"<u{1 if max(bits) < 256 else 2 if max(bits) < 65536 else 4}")
          for name, bits in NONZEROS.items()}


def _random(count, seed):
    """Gives 64-bit integers: splitmix64."""
    with np.errstate(over="ignore"):
        x = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 32)) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ x >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ x >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return x ^ x >> np.uint64(31)


def dense(element_type, rows, k, seed=0, avoid=()):
    """Gives bits, rows × k: every set of at most two nonzeros of four (tf32: one of two) is as frequent; a quarter of
    the zeros is -0.0. Bits to `avoid` are replaced by zero."""
    size = 2 if element_type == "tf32" else 4
    groups = -(-k // size)
    patterns = [p for p in range(1 << size) if bin(p).count("1") <= size // 2]
    choice = np.array(patterns)[_random(rows * groups, seed) % np.uint64(len(patterns))]
    nonzero = choice[:, None] >> np.arange(size) & 1 == 1
    random = _random(rows * groups * size, seed + 1).reshape(-1, size)
    table = np.array(NONZEROS[element_type], DTYPES[element_type])
    zeros = np.where(random >> np.uint64(8) & np.uint64(3) == 0, NEGATIVE_ZERO.get(element_type, 0), 0)
    bits = np.where(nonzero, table[random % np.uint64(8)], zeros.astype(table.dtype)).reshape(rows, -1)[:, :k]
    return np.ascontiguousarray(np.where(np.isin(bits, avoid), 0, bits).astype(table.dtype))


#: What PyTorch compresses: (element type, rows, k).
PYTORCH = [("f16", 32, 64), ("f16", 96, 64), ("bf16", 32, 128), ("s8", 16, 128), ("s8", 32, 256), ("tf32", 64, 64)]

#: What CUTLASS compresses: (element type, tile_k, rows, k).
CUTLASS = [("f16", 32, 64, 32), ("f16", 64, 70, 136), ("bf16", 96, 8, 100), ("bf16", 128, 66, 136),
           ("tf32", 16, 64, 32), ("tf32", 32, 70, 70), ("tf32", 64, 3, 66), ("s8", 64, 64, 64), ("s8", 128, 70, 136),
           ("u8", 128, 5, 20), ("e4m3", 128, 64, 128), ("e5m2", 64, 65, 132)]

#: What compressed-tensors compresses: (element type, rows, k).
COMPRESSED_TENSORS = [("f16", 5, 24), ("bf16", 7, 36), ("f32", 3, 16), ("s8", 6, 40), ("e4m3", 9, 64)]

#: Bits that compressed-tensors mistakes, for their 8-bit `abs` is -128: of s8 it drops -128 before a zero, of e4m3 it
#: prefers other zeros to -0.0.
COMPRESSED_TENSORS_AVOID = {"s8": (0x80,), "e4m3": (0x80,)}


def case_name(*case):
    return "_".join(map(str, case))
