"""A compiler for 2:4 structured sparsity on NVIDIA GPUs, driven from Python.

* `sparse24.export`: linear layers of a safetensors checkpoint, as MLIR.
* `sparse24.compiler`: MLIR to an artefact (PTX, weights, a shared library).
* `sparse24.runtime`: calls the functions of an artefact on a GPU.
* `sparse24.cpu`: runs the CPU lowering, the meaning of the operations.
* `sparse24.interop`: weight formats of PyTorch, CUTLASS and compressed-tensors.
* `sparse24.pattern`, `sparse24.reference`: the 2:4 rule and the float64
  reference, written independently of the compiler.
* `sparse24.bert`, `sparse24.prune_report`: a sentence-embedding model, and
  what each pruning criterion does to it.
"""

__version__ = "0.1.0"
