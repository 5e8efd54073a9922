"""The products that the GPU check and the benchmark compile, as MLIR functions."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

from dataclasses import dataclass

#: Element type -> its MLIR type and its bytes.
ELEMENTS = {
    "f16": ("f16", 2), "bf16": ("bf16", 2), "tf32": ("f32", 4), "s8": ("i8", 1), "u8": ("ui8", 1),
    "e4m3": ("f8E4M3FN", 1), "e5m2": ("f8E5M2", 1), "f32": ("f32", 4), "s32": ("i32", 4),
}
INTEGERS = ("s8", "u8", "s32")

#: Family of instructions -> the element types that its kernels multiply, and the
#: rows of its packed layout's blocks.
FAMILIES = {
    "mma_sp": (("bf16", "f16"), 16),
    "wgmma_sp": (("bf16", "f16", "tf32", "s8", "u8", "e4m3", "e5m2"), 64),
}


def packed_bytes(family, element_bytes, rows, k):
    """As PackedLayout::bytes(): of each row, 64 bytes of values for 128 of the dense
    matrix, and metadata, of which bytes have twice as much."""
    row_block = FAMILIES[family][1]
    per_row = 64 + (16 if element_bytes == 1 else 8)
    return -(-rows // row_block) * row_block * -(-k * element_bytes // 128) * per_row


def pack_constant(family, element, weight):
    """Operations that prune a constant by magnitude and pack it as %p, the type of %p, and its
    layout. `weight` is an array as it lies in memory, of elements of that MLIR type."""
    rows, k = weight.shape
    dense, element_bytes = f"tensor<{rows}x{k}x{element}>", weight.itemsize
    # An f32 is multiplied as tf32, of which one of two is kept.
    kept, words = (-(-k // 2), -(-k // 8)) if element == "f32" else (2 * -(-k // 4), -(-k // 16))
    values, metadata = f"tensor<{rows}x{kept}x{element}>", f"tensor<{rows}x{words}xi16>"
    packed = f"tensor<{packed_bytes(family, element_bytes, rows, k)}xi8>"
    layout = f"#sparse24.layout<{family}, {element}, rows = {rows}, k = {k}>"
    return f"""
  %dense = arith.constant dense<"0x{weight.tobytes().hex().upper()}"> : {dense}
  %we = tensor.empty() : {dense}
  %w = sparse24.prune magnitude ins(%dense : {dense}) outs(%we : {dense}) -> {dense}
  %ve = tensor.empty() : {values}
  %me = tensor.empty() : {metadata}
  %v, %m = sparse24.compress ins(%w : {dense}) outs(%ve, %me : {values}, {metadata}) -> {values}, {metadata}
  %pe = tensor.empty() : {packed}
  %p = sparse24.pack {layout} ins(%v, %m : {values}, {metadata}) outs(%pe : {packed}) -> {packed}
""", packed, layout


@dataclass(frozen=True)
class Epilogue:
    """What becomes of the accumulator.

    `operands` are the epilogue's operands: what they are indexed by and their
    element type, "" being that of the output. `body` computes %result from
    %value, the accumulator as f32, and %o0, %o1, …, as they are.
    """

    operands: tuple = ()
    body: str = ""
    result: str = "%result"


_GELU = """\
%biased = arith.addf %value, %o0 : f32
%square = arith.mulf %biased, %biased : f32
%cube = arith.mulf %square, %biased : f32
%c0 = arith.constant 0.044715 : f32
%c1 = arith.constant 0.797884561 : f32
%one = arith.constant 1.0 : f32
%half = arith.constant 0.5 : f32
%scaled = arith.mulf %cube, %c0 : f32
%inner = arith.addf %biased, %scaled : f32
%argument = arith.mulf %inner, %c1 : f32
%tanh = math.tanh %argument : f32
%factor = arith.addf %tanh, %one : f32
%halved = arith.mulf %biased, %half : f32
%gelu = arith.mulf %halved, %factor : f32
"""
_RESIDUAL = """\
%residual = arith.extf %o1 : bf16 to f32
%result = arith.addf %gelu, %residual : f32
"""

EPILOGUES = {
    "convert": Epilogue(result="%value"),
    "row_scale": Epilogue((("row", "f32"),), "%result = arith.mulf %value, %o0 : f32\n"),
    "column_scale": Epilogue((("column", "f32"),), "%result = arith.mulf %value, %o0 : f32\n"),
    "tensor_scale": Epilogue((("tensor", "f32"),), "%result = arith.mulf %value, %o0 : f32\n"),
    # Bias along the rows of the sparse operand, GELU by its tanh formula; and with a residual.
    "bias_gelu": Epilogue((("row", "f32"),), _GELU, "%gelu"),
    "gelu": Epilogue((("row", "f32"), ("element", "bf16")), _GELU + _RESIDUAL),
}

_SATURATE = """\
%rounded = math.roundeven {result} : f32
%lowest = arith.constant -128.0 : f32
%highest = arith.constant 127.0 : f32
%above = arith.maximumf %rounded, %lowest : f32
%clamped = arith.minimumf %above, %highest : f32
%out = arith.fptosi %clamped : f32 to i8
"""


@dataclass(frozen=True)
class Case:
    """One function: a product with a packed sparse operand of rows × k."""

    family: str
    side: str
    element: str
    output: str
    rows: int
    k: int
    # The dense operand's free size; None is dynamic.
    columns: int = None
    transpose: bool = False
    expected: int = 1024
    # One of EPILOGUES, or "" for none.
    epilogue: str = ""
    accumulate: bool = False
    # What the check runs a dynamic size with.
    sizes: tuple = ()

    @property
    def is_lhs(self):
        return self.side == "lhs"

    @property
    def name(self):
        columns = f"_n{self.columns}" if self.columns else ""
        flags = "_t" * self.transpose + "_accumulate" * self.accumulate
        epilogue = f"_{self.epilogue}" if self.epilogue else ""
        return (f"{self.side}_{self.element}_{self.output}_r{self.rows}_k{self.k}{columns}{flags}"
                f"{epilogue}_e{self.expected}")

    @property
    def layout(self):
        """PackedLayout's canonical text."""
        return f"{self.family},{self.element},rows={self.rows},k={self.k}"

    @property
    def packed_bytes(self):
        return packed_bytes(self.family, ELEMENTS[self.element][1], self.rows, self.k)

    def shape(self, kind):
        """The shape of an epilogue operand, and its map."""
        rows, columns = str(self.rows), str(self.columns or "?")
        row, column = ("m", "n") if self.is_lhs else ("n", "m")
        shapes = {"row": ([rows], row), "column": ([columns], column), "tensor": ([], ""),
                  "element": ([rows, columns] if self.is_lhs else [columns, rows], "m, n")}
        sizes, indices = shapes[kind]
        return sizes, f"affine_map<(m, n) -> ({indices})>"

    def tensor(self, kind, element):
        return f"tensor<{'x'.join([*self.shape(kind)[0], ELEMENTS[element][0]])}>"

    def mlir(self, schedule=None):
        """The function. Its operands are the packed matrix, the dense one, those of
        the epilogue, and what it accumulates into."""
        columns = self.columns or "?"
        # lhs: K × N, rhs: N × K, each the other way round if transposed.
        columns_last = self.is_lhs != self.transpose
        dense = f"{self.k}x{columns}" if columns_last else f"{columns}x{self.k}"
        packed_type = f"tensor<{self.packed_bytes}xi8>"
        dense_type = f"tensor<{dense}x{ELEMENTS[self.element][0]}>"
        out_type = self.tensor("element", self.output)
        arguments = [f"%w: {packed_type}", f"%x: {dense_type}"]
        arguments += [f"%operand{i}: {self.tensor(*operand)}" for i, operand in enumerate(self.operands)]
        init = ""
        if self.accumulate:
            arguments.append(f"%init: {out_type}")
        elif self.columns:
            init = f"  %init = tensor.empty() : {out_type}\n"
        else:
            init = (f"  %dim = arith.constant {int(columns_last)} : index\n"
                    f"  %n = tensor.dim %x, %dim : {dense_type}\n"
                    f"  %init = tensor.empty(%n) : {out_type}\n")
        flags = " accumulate" * self.accumulate + " transpose_dense" * self.transpose
        layout = (f"#sparse24.layout<{self.family}, {ELEMENTS[self.element][0]}, "
                  f"rows = {self.rows}, k = {self.k}>")
        by_hand = ""
        if schedule:
            step = 128 // ELEMENTS[self.element][1]
            by_hand = f" schedule = #sparse24.schedule<{schedule.replace('{k}', str(step))}>"
        return (
            f"func.func @{self.name}({', '.join(arguments)}) -> {out_type} {{\n{init}"
            f"  %d = sparse24.matmul {self.side} ins(%w : {packed_type})\n"
            f"      dense(%x : {dense_type}) outs(%init : {out_type})\n"
            f"      k = {self.k} acc = {self.accumulator}{flags} layout = {layout}{by_hand}{self.region()}"
            f" -> {out_type}\n"
            f"  return %d : {out_type}\n"
            "}\n")

    @property
    def accumulator(self):
        return "i32" if self.element in INTEGERS else "f32"

    @property
    def operands(self):
        return EPILOGUES[self.epilogue].operands if self.epilogue else ()

    def region(self):
        """The epilogue's text: the accumulator as f32, the body, the output's type."""
        if not self.epilogue:
            return ""
        epilogue = EPILOGUES[self.epilogue]
        types = [ELEMENTS[element][0] for _, element in self.operands]
        operands = ""
        if types:
            names = ", ".join(f"%operand{i}" for i in range(len(types)))
            tensors = ", ".join(self.tensor(*operand) for operand in self.operands)
            maps = ", ".join(self.shape(kind)[1] for kind, _ in self.operands)
            operands = f"({names} : {tensors}) maps = [{maps}]"
        block = ", ".join([f"%acc: {self.accumulator}", *(f"%o{i}: {type}" for i, type in enumerate(types))])
        body, result = epilogue.body, epilogue.result
        if self.accumulator == "i32":
            body = "%value = arith.sitofp %acc : i32 to f32\n" + body
        else:
            body, result = body.replace("%value", "%acc"), result.replace("%value", "%acc")
        if self.output == "s8":
            body, result = body + _SATURATE.format(result=result), "%out"
        elif self.output != "f32":
            body += f"%out = arith.truncf {result} : f32 to {ELEMENTS[self.output][0]}\n"
            result = "%out"
        body += f"sparse24.yield {result} : {ELEMENTS[self.output][0]}\n"
        lines = "".join(f"        {line}\n" for line in body.splitlines())
        return f"\n      epilogue{operands} {{\n      ^bb0({block}):\n{lines}      }}"
