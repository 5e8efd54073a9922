"""Random operands of a product, and what is right."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import functools
from types import SimpleNamespace

import torch

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "e4m3": torch.float8_e4m3fn, "s8": torch.int8}
#: What an addition in the accumulator may lose, relative to the larger of its
#: terms; Hopper adds products of 8-bit floats with 14 bits.
ACCUMULATION = {"bf16": 2.0 ** -23, "f16": 2.0 ** -23, "e4m3": 2.0 ** -13, "s8": 0.0}
#: Epilogues beside PyTorch's operations: bias and GELU, in the second with a residual.
FUSED = ("bias_gelu", "gelu")
#: Rows of the sparse operand whose products are checked.
SAMPLED_ROWS = 64


def random_matrix(element, rows, columns, device):
    if element == "s8":
        return torch.randint(-64, 64, (rows, columns), dtype=torch.int8, device=device)
    return torch.randn(rows, columns, dtype=torch.bfloat16, device=device).to(DTYPES[element])


def prune(matrix):
    """Sets the two smallest of every four neighbours to zero."""
    groups = matrix.float().view(-1, 4)
    groups.scatter_(1, groups.abs().topk(2, largest=False).indices, 0)
    return groups.view(matrix.shape).to(matrix.dtype)


@functools.lru_cache(maxsize=1)
def make_weight(library, layout, element, rows, k, device):
    """A pruned random weight, dense and packed. Neighbours in the table share it."""
    dense = prune(random_matrix(element, rows, k, device))
    packed = torch.empty(library.packed_bytes(layout), dtype=torch.uint8)
    host = dense.cpu()
    library.pack(layout, host.data_ptr(), packed.data_ptr())
    return dense, packed.to(device)


class Problem:
    """The operands of one case of cases.json.

    `weight` is rows × k, `activations` columns × k, whatever their memory order.
    An output is rows × columns, or transposed if the weight is the right operand.
    """

    def __init__(self, case, library, device="cuda"):
        self.case = case = SimpleNamespace(**case)
        self.is_lhs = case.side == "lhs"
        self.weight, self.packed = make_weight(library, case.layout, case.element, case.rows, case.k, device)
        self.activations = random_matrix(case.element, case.columns, case.k, device)
        self.output_type = DTYPES[case.output]
        # As the compiled function takes it.
        self.dense = self.activations
        if self.is_lhs != case.transpose:
            self.dense = self.activations.t().contiguous()
            self.activations = self.dense.t()
        self.bias = self.residual = None
        if case.epilogue in FUSED:
            self.bias = torch.randn(case.rows, device=device)
        if case.epilogue == "gelu":
            self.residual = torch.randn(self.output_shape, dtype=self.output_type, device=device)

    @property
    def output_shape(self):
        shape = (self.case.rows, self.case.columns)
        return shape if self.is_lhs else shape[::-1]

    @property
    def epilogue_operands(self):
        return [operand for operand in (self.bias, self.residual) if operand is not None]

    @functools.cached_property
    def sample(self):
        """Some rows of the weight, their products in float64, and how far a running
        sum may go astray."""
        case = self.case
        rows = torch.randperm(case.rows, device=self.weight.device)[:SAMPLED_ROWS]
        w, x = self.weight[rows].double(), self.activations.double().t()
        # Instructions along k: each adds 32 bytes of kept elements. On random data
        # a running sum stays below six standard deviations of the last one.
        steps = -(-case.k * self.weight.element_size() // 64)
        astray = 6 * steps * ACCUMULATION[case.element] * (w.square() @ x.square()).sqrt()
        return rows, w @ x, astray

    def error(self, output, is_fused=True):
        """The largest |error| / allowed error of the sample's outputs; above 1 is wrong.

        Allowed is one rounding to the output's type, what the sum may go astray, and
        of a product that isn't fused the roundings of what comes between.
        """
        rows, want, allowed = self.sample
        rounding = 0.0 if output.dtype == torch.int32 else torch.finfo(output.dtype).eps / 2
        if self.bias is not None:
            bias = self.bias[rows].double()[:, None]
            product, biased = want, want + bias
            want = gelu = torch.nn.functional.gelu(biased, approximate="tanh")
            # GELU's slope is below 1.2, and tanh is computed to some bits of 24.
            allowed = 1.2 * allowed + 2.0 ** -20 * biased.abs()
            if not is_fused:
                allowed = allowed + rounding * (1.2 * (product.abs() + bias.abs() + biased.abs()) + gelu.abs())
        if self.residual is not None:
            want = want + (self.residual if self.is_lhs else self.residual.t())[rows].double()
        got = (output if self.is_lhs else output.t())[rows].double()
        ratio = (got - want).abs() / (rounding * want.abs() + allowed + torch.finfo(torch.float32).tiny)
        return ratio.nan_to_num(nan=float("inf")).max().item()
