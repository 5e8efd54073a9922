"""Makes interop_*.npz: what PyTorch, CUTLASS and compressed-tensors themselves make of the matrices of interop_inputs.

    python make_interop.py pytorch               # needs torch
    python make_interop.py compressed-tensors    # needs torch, and compressed-tensors before 0.15
    python make_interop.py cutlass --include CUTLASS/include CUDA/include CUDA/include/cccl

No GPU is needed: of CUTLASS the compressor's kernel is compiled for the CPU (interop_cutlass.cpp, with a C++20 g++).
Each file says in its `version` what made it. The files in the repository were made by PyTorch 2.15.0,
compressed-tensors 0.14.0.1, and CUTLASS 4.7.0.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import interop_inputs as inputs
import numpy as np

HERE = Path(__file__).resolve().parent


def torch_tensor(bits, element_type):
    """Gives a torch tensor with those bits."""
    import torch

    dtype = {"f16": torch.float16, "bf16": torch.bfloat16, "tf32": torch.float32, "f32": torch.float32,
             "s8": torch.int8, "e4m3": torch.float8_e4m3fn}[element_type]
    return torch.from_numpy(bits.view(f"<i{bits.dtype.itemsize}")).view(dtype)


def bits_of(tensor):
    """Gives a torch tensor's bits."""
    import torch

    return tensor.view(getattr(torch, f"int{8 * tensor.element_size()}")).numpy().view(f"<u{tensor.element_size()}")


def pytorch(bits, element_type):
    """Gives packed (bits) and meta as PyTorch makes them, and the dense matrix (bits) that it makes of those."""
    from torch.sparse import _semi_structured_conversions as conversions

    packed, meta = conversions.sparse_semi_structured_from_dense_cutlass(torch_tensor(bits, element_type))
    dense = conversions.sparse_semi_structured_to_dense_cutlass(packed, meta)
    return {"packed": bits_of(packed), "meta": meta.numpy(), "dense": bits_of(dense)}


def compressed_tensors(bits, element_type):
    """Gives the arrays of `sparse-24-bitmask` and, prefixed by "plain_", of `sparse-bitmask` as their library makes
    them, and the dense matrices that it makes of those (bits)."""
    from compressed_tensors.compressors.sparse_compressors.sparse_24_bitmask import Sparse24BitMaskTensor
    from compressed_tensors.compressors.sparse_compressors.sparse_bitmask import BitmaskTensor

    tensor, made = torch_tensor(bits, element_type), {}
    for prefix, kind in (("", Sparse24BitMaskTensor), ("plain_", BitmaskTensor)):
        compressed = kind.from_dense(tensor)
        for key, value in compressed.dict("x").items():
            part = key[len("x."):]
            made[prefix + part] = bits_of(value) if part == "compressed" else value.numpy()
        made[prefix + "dense"] = bits_of(compressed.decompress())
    return made


def cutlass(program, bits, element_type, tile_k):
    """Gives A (bits) and E as CUTLASS makes them."""
    rows, k = bits.shape
    made = subprocess.run([program, element_type, str(tile_k), str(rows), str(k)], input=bits.tobytes(),
                          stdout=subprocess.PIPE, check=True).stdout
    columns = k // 2 + -(k // 2) % (16 // bits.dtype.itemsize)
    size = rows * columns * bits.dtype.itemsize
    return {"a": np.frombuffer(made[:size], bits.dtype).reshape(rows, columns),
            "e": np.frombuffer(made[size:], np.uint8)}


def save(name, version, cases):
    """Writes {case: {array's name: array}}."""
    arrays = {f"{case}.{key}": array for case, made in cases.items() for key, array in made.items()}
    np.savez_compressed(HERE / f"interop_{name}.npz", version=version, **arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pytorch", "compressed-tensors", "cutlass"))
    parser.add_argument("--include", nargs="+", default=[], help="directories with CUTLASS's and CUDA's headers")
    options = parser.parse_args()
    if options.what == "pytorch":
        import torch

        save("pytorch", f"PyTorch {torch.__version__}",
             {inputs.case_name(*case): pytorch(inputs.dense(*case), case[0]) for case in inputs.PYTORCH})
    elif options.what == "compressed-tensors":
        import compressed_tensors as library
        import torch

        save("compressed_tensors", f"compressed-tensors {library.__version__}, PyTorch {torch.__version__}", {
            inputs.case_name(*case): compressed_tensors(
                inputs.dense(*case, avoid=inputs.COMPRESSED_TENSORS_AVOID.get(case[0], ())), case[0])
            for case in inputs.COMPRESSED_TENSORS})
    else:
        with tempfile.TemporaryDirectory() as directory:
            program = Path(directory) / "interop_cutlass"
            flags = [flag for path in options.include for flag in ("-isystem", path)]
            subprocess.run(["g++", "-std=c++20", "-O1", "-pthread", *flags, str(HERE / "interop_cutlass.cpp"), "-o",
                            str(program)], check=True)
            macros = subprocess.run(["g++", "-E", "-dM", *flags, "-include", "cutlass/version.h", "-xc++", "/dev/null"],
                                    stdout=subprocess.PIPE, check=True, text=True).stdout
            numbers = dict(line.split()[1:3] for line in macros.splitlines() if line.startswith("#define CUTLASS_M")
                           or line.startswith("#define CUTLASS_PATCH"))
            save("cutlass", "CUTLASS " + ".".join(numbers[f"CUTLASS_{part}"] for part in ("MAJOR", "MINOR", "PATCH")), {
                inputs.case_name(element_type, tile_k, rows, k): cutlass(
                    program, inputs.dense(element_type, rows, k), element_type, tile_k)
                for element_type, tile_k, rows, k in inputs.CUTLASS})


if __name__ == "__main__":
    main()
