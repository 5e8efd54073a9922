"""Weights of other systems, to and from the logical format of docs/Formats.md.

* `sparse24.interop.logical`: dense matrices and the logical format.
* `sparse24.interop.pytorch`: `SparseSemiStructuredTensorCUTLASS` of PyTorch.
* `sparse24.interop.cutlass`: the operands A and E of CUTLASS's sparse kernels for Hopper.
* `sparse24.interop.compressed_tensors`: the bitmasks of compressed-tensors.
* `sparse24.interop.checkpoint`: safetensors files, a tensor at a time;
  `python -m sparse24.interop` converts them.

Each format has the same four functions: `from_dense`, `to_dense`, `from_logical` and `to_logical`.

Matrices are rows × columns. They are given as any array whose elements have the element type's size (a torch tensor,
too), and come back as bits, unsigned integers of that size, as in `sparse24.pattern`; `.view(numpy.float16)` makes
floats of those. An element type is named as in docs/Formats.md: f16, bf16, tf32, s8, u8, e4m3, e5m2.

What is preserved:

* `from_logical` and `to_logical` change the layout and nothing else: every group keeps the elements that it kept, zeros
  included, bit for bit. There and back, from either side, gives the same bytes. (So a group may keep other zeros than
  docs/Formats.md would choose; `logical.canonical` chooses anew.)
* `from_dense` keeps in groups with fewer than two nonzeros the zeros that the other system keeps, so it gives that
  system's bytes. It refuses a matrix without the pattern, and never drops anything but zeros.
* A dropped -0.0 becomes +0.0, whoever drops it.
"""
