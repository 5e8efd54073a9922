"""Who multiplies: the compiled function, cuBLAS, cuSPARSELt, and PyTorch's own sequence.

Each gives a function that enqueues the product on PyTorch's current stream and
returns the output, or None, with a warning, where its library can't multiply that.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import sys

import torch
from torch.nn import functional


def ours(problem, function):
    """The compiled function; its output is NaN where it doesn't write."""
    output = torch.empty(problem.output_shape, dtype=problem.output_type, device=problem.weight.device)
    output.view(torch.uint8).fill_(0xFF)
    tensors = [problem.packed, problem.dense, *problem.epilogue_operands, output]

    def multiply():
        function.run(tensors, torch.cuda.current_stream().cuda_stream)
        return output

    return multiply


def warn(name, error):
    # Behind the reason PyTorch gives its own call, with all arguments.
    reason = str(error).splitlines()[0].split(" when calling ")[0]
    print(f"warning: no {name}: {reason}", file=sys.stderr)


def attempt(name, *candidates):
    """The first candidate that doesn't fail, by one call of each."""
    for multiply in candidates:
        try:
            multiply()
            return multiply
        except (RuntimeError, ValueError) as error:
            failure = error
    warn(name, failure)
    return None


def dense_product(a, b):
    """A·Bᵀ by cuBLAS. PyTorch has it of bytes with an s32 output only."""
    if a.dtype == torch.int8:
        return lambda: torch._int_mm(a, b.t())
    if a.dtype == torch.float8_e4m3fn:
        one = torch.ones((), device=a.device)
        return lambda: torch._scaled_mm(a, b.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16,
                                        use_fast_accum=True)
    return lambda: functional.linear(a, b)


def cublas(problem):
    """The dense product; the transposed one where PyTorch refuses a small size."""
    a, b = problem.weight, problem.activations
    if not problem.is_lhs:
        a, b = b, a
    transposed = dense_product(b, a)
    return attempt("cuBLAS", dense_product(a, b), lambda: transposed().t())


def cusparselt(problem):
    """cuSPARSELt with its default algorithm, and with the best that its search finds."""
    dense = problem.activations.t()
    # Only of bytes may the output have another type than the operands.
    output = problem.output_type if problem.weight.element_size() == 1 else None
    transpose = not problem.is_lhs

    def product(algorithm=0, split_k=1, split_k_mode=-1):
        return lambda: torch._cslt_sparse_mm(compressed, dense, out_dtype=output, transpose_result=transpose,
                                             alg_id=algorithm, split_k=split_k, split_k_mode=split_k_mode)

    try:
        compressed = torch._cslt_compress(problem.weight)
        default = product()
        default()
    except RuntimeError as error:
        warn("cuSPARSELt", error)
        return None, None
    try:
        # Tries all algorithms and ways to split k.
        algorithm, split_k, split_k_mode, _ = torch._C._cusparselt.mm_search(
            compressed, dense, None, None, output, transpose)
        return default, attempt("searched cuSPARSELt", product(algorithm, split_k, split_k_mode))
    except RuntimeError as error:
        warn("search by cuSPARSELt", error)
        return default, None


def pytorch_sequence(problem):
    """The fused product as PyTorch's operations, of which cuBLAS fuses the bias."""
    bias = problem.bias.to(problem.output_type)

    def compute():
        product = functional.linear(problem.activations, problem.weight, bias)
        gelu = functional.gelu(product, approximate="tanh")
        return gelu if problem.residual is None else gelu + problem.residual

    return compute
