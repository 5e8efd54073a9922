"""Kernels with a planted mistake each, and the finding that must name it.

    mistakes.py --ir mistakes.mlir

Every mistake is made in a kernel that is right without it: called with
`mistake=None` the same function writes that kernel, which must have no finding.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import dataclasses

from writer import Suite


@dataclasses.dataclass
class Mistake:
    kernel: str
    # The right kernel that it was made of.
    right: str
    # The finding's kind; None: no rule is broken, but the result is wrong.
    finding: str
    # Part of the opcode that the finding names.
    opcode: str


SUITE = Suite()
MISTAKES = []


def with_mistakes(name, fill, num_out, mistakes, **options):
    """`mistakes`: for each name (finding, part of the opcode)."""
    def register(function):
        SUITE.kernel(name, fill, num_out, **options)(lambda w, thread, words: function(w, thread, words, None))
        for mistake, (finding, opcode) in mistakes.items():
            SUITE.kernel(f"{name}__{mistake}", fill, num_out, **options)(
                lambda w, thread, words, mistake=mistake: function(w, thread, words, mistake))
            MISTAKES.append(Mistake(f"{name}__{mistake}", name, finding, opcode))
        return function
    return register


# ---------------------------------------------------------------------------
# Pieces
# ---------------------------------------------------------------------------

def add(w, a, b):
    return w.value(f"llvm.add {a}, {w.constant(b) if isinstance(b, int) else b} : i32")


def xor(w, a, b):
    return w.value(f"llvm.xor {a}, {w.constant(b)} : i32")


def at(w, thread, bytes, offset=0):
    """The address in shared memory of the thread's piece of that many bytes."""
    return w.shared(add(w, w.times(thread, bytes), offset))


def store(w, value, address):
    w.do(f"llvm.store {value}, {address} : i32, !llvm.ptr<3>")


def load(w, address):
    return w.value(f"llvm.load {address} : !llvm.ptr<3> -> i32")


def global_address(w, index, base="%in"):
    return w.value(f"llvm.getelementptr {base}[{index}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32")


_labels = 0


def label(stem):
    global _labels
    _labels += 1
    return f"^{stem}{_labels}"


def only_if(w, condition, emit):
    inside, after = label("inside"), label("after")
    w.do(f"llvm.cond_br {condition}, {inside}, {after}")
    w.do(f"{inside}:")
    emit()
    w.do(f"llvm.br {after}")
    w.do(f"{after}:")


def compare(w, predicate, a, b):
    return w.value(f'llvm.icmp "{predicate}" {a}, {w.constant(b)} : i32')


def for_thread_0(w, thread, emit):
    only_if(w, compare(w, "eq", thread, 0), emit)


def wait_for(w, barrier, parity):
    again, done = label("wait"), label("done")
    w.do(f"llvm.br {again}")
    w.do(f"{again}:")
    over = w.value(f"nvvm.mbarrier.try_wait {barrier}, {w.constant(parity)} : !llvm.ptr<3>, i32 -> i1")
    w.do(f"llvm.cond_br {over}, {done}, {again}")
    w.do(f"{done}:")


def fence_async(w):
    w.do("nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}")


# ---------------------------------------------------------------------------
# Shared memory and barriers
# ---------------------------------------------------------------------------

@with_mistakes("exchange", ["u32"], 1, {
    "no_barrier": ("uninitialized-read", "ld.shared"),
    "barrier_of_the_warp": ("uninitialized-read", "ld.shared"),
    "beyond_the_end": ("out-of-bounds", "st.shared"),
    "misaligned": ("misaligned", "st.shared"),
    "half_of_the_cta": ("race", "ld.shared"),
    "count_too_high": ("deadlock", "bar"),
    "not_written": ("uninitialized-read", "ld.shared"),
}, threads=64, shared_bytes=256)
def _(w, thread, words, mistake):
    """Each thread reads what one of the other warp has written."""
    target = at(w, thread, 4, {"beyond_the_end": 4, "misaligned": 2}.get(mistake, 0))
    if mistake == "not_written":
        only_if(w, compare(w, "ne", thread, 40), lambda: store(w, words[0], target))
    else:
        store(w, words[0], target)
    if mistake == "barrier_of_the_warp":
        w.do(f"nvvm.bar.warp.sync {w.constant(-1)} : i32")
    elif mistake == "half_of_the_cta":
        only_if(w, compare(w, "ult", thread, 32), lambda: w.do("nvvm.barrier0"))
    elif mistake == "count_too_high":
        w.do(f"nvvm.barrier id = {w.constant(1)} number_of_threads = {w.constant(96)}")
    elif mistake != "no_barrier":
        w.do("nvvm.barrier0")
    return [load(w, at(w, xor(w, thread, 32), 4))]


@with_mistakes("reuse", ["u32", "u32"], 2, {
    "no_second_barrier": ("race", "st.shared"),
    "no_third_barrier": ("race", "ld.shared"),
    "wrong_neighbour": ("race", "st.shared"),
}, threads=64, shared_bytes=256)
def _(w, thread, words, mistake):
    """The same memory twice: what one reads, another overwrites."""
    results = []
    for step, word in enumerate(words):
        if step and mistake != "no_second_barrier":
            w.do("nvvm.barrier0")
        place = thread
        if step and mistake == "wrong_neighbour":
            place = w.value(f"llvm.or {thread}, {w.constant(1)} : i32")
        store(w, word, at(w, place, 4))
        if not (step and mistake == "no_third_barrier"):
            w.do("nvvm.barrier0")
        results.append(load(w, at(w, xor(w, thread, 33), 4)))
    return results


@with_mistakes("tail", ["u32", "small"], 1, {
    "off_by_one": ("out-of-bounds", "ld.global"),
})
def _(w, thread, words, mistake):
    """Reads the words of the next thread, but for the last."""
    following = add(w, thread, 1)
    last = 32 if mistake else 31
    bounded = w.value(f"llvm.intr.umin({following}, {w.constant(last)}) : (i32, i32) -> i32")
    return [w.value(f"llvm.load {global_address(w, w.times(bounded, 2))} : !llvm.ptr<1> -> i32")]


# ---------------------------------------------------------------------------
# Asynchronous copies
# ---------------------------------------------------------------------------

@with_mistakes("copies", ["u32"] * 4, 4, {
    "no_wait": ("missing-wait", "ld.shared"),
    "wait_one_short": ("missing-wait", "ld.shared"),
    "no_barrier": ("race", "ld.shared"),
    "no_commit": ("missing-wait", "ld.shared"),
    "misaligned": ("misaligned", "cp.async"),
    "source_beyond_the_end": ("out-of-bounds", "cp.async"),
}, threads=64, shared_bytes=1024)
def _(w, thread, words, mistake):
    """Two groups of copies of 8 bytes; each thread reads another's."""
    for half in range(2):
        first = add(w, w.times(thread, 4), 2 * half + (4 if mistake == "source_beyond_the_end" else 0))
        source = global_address(w, first)
        target = at(w, thread, 16, 8 * half + (4 if mistake == "misaligned" else 0))
        w.do(f"nvvm.cp.async.shared.global {target}, {source}, 8, cache = ca : !llvm.ptr<3>, !llvm.ptr<1>")
        if mistake != "no_commit":
            w.do("nvvm.cp.async.commit.group")
    if mistake != "no_wait":
        w.do(f"nvvm.cp.async.wait.group {1 if mistake == 'wait_one_short' else 0}")
    if mistake != "no_barrier":
        w.do("nvvm.barrier0")
    other = xor(w, thread, 33)
    return [load(w, at(w, other, 16, 4 * i)) for i in range(4)]


def _start_barrier(w, thread, barrier, arrivals, mistake=None):
    def start():
        w.do(f"nvvm.mbarrier.init {barrier}, {w.constant(arrivals)} : !llvm.ptr<3>, i32")
        fence_async(w)
    for_thread_0(w, thread, start)
    if mistake != "no_barrier_after_init":
        w.do("nvvm.barrier0")


@with_mistakes("pipeline", ["u32"] * 4, 4, {
    "not_initialized": ("invalid-operand", "mbarrier"),
    "count_too_high": ("deadlock", "mbarrier"),
    "count_too_low": ("uninitialized-read", "ld.shared"),
    "wrong_phase": ("missing-wait", "ld.shared"),
    "no_wait": ("missing-wait", "ld.shared"),
    "arrives_before_the_copy": ("missing-wait", "ld.shared"),
}, threads=64, shared_bytes=1024 + 16)
def _(w, thread, words, mistake):
    """cp.async copies that arrive at an mbarrier by themselves."""
    barrier = w.shared(w.constant(1024))
    if mistake != "not_initialized":
        _start_barrier(w, thread, barrier, {"count_too_high": 65, "count_too_low": 32}.get(mistake, 64))

    def arrive():
        w.do(f"nvvm.cp.async.mbarrier.arrive {barrier} {{noinc = true}} : !llvm.ptr<3>")

    if mistake == "arrives_before_the_copy":
        arrive()
    w.do(f"nvvm.cp.async.shared.global {at(w, thread, 16)}, {global_address(w, w.times(thread, 4))}, 16, cache = cg : "
         "!llvm.ptr<3>, !llvm.ptr<1>")
    if mistake != "arrives_before_the_copy":
        arrive()
    if mistake != "no_wait":
        wait_for(w, barrier, 1 if mistake == "wrong_phase" else 0)
    other = xor(w, thread, 33)
    return [load(w, at(w, other, 16, 4 * i)) for i in range(4)]


@with_mistakes("bulk", ["u32"] * 4, 4, {
    "expects_too_few_bytes": ("missing-wait", "ld.shared"),
    "expects_too_many_bytes": ("deadlock", "mbarrier"),
    "expects_nothing": ("missing-wait", "ld.shared"),
    "odd_size": ("invalid-operand", "cp.async.bulk"),
    "misaligned": ("misaligned", "cp.async.bulk"),
    "beyond_the_end": ("out-of-bounds", "cp.async.bulk"),
    "no_wait": ("missing-wait", "ld.shared"),
    "wrong_phase": ("uninitialized-read", "ld.shared"),
}, threads=64, shared_bytes=1024 + 16)
def _(w, thread, words, mistake):
    """One bulk copy, in two pieces, that all wait for."""
    barrier = w.shared(w.constant(1024))
    _start_barrier(w, thread, barrier, 1)

    def start():
        expected = {"expects_too_few_bytes": 512, "expects_too_many_bytes": 1040, "expects_nothing": 0}.get(mistake, 1024)
        w.do(f"nvvm.mbarrier.arrive.expect_tx {barrier}, {w.constant(expected)} : !llvm.ptr<3>, i32")
        for piece in range(2):
            size = w.constant(504 if mistake == "odd_size" else 512)
            offset = 512 * piece + (8 if mistake == "misaligned" else 0)
            integer = w.value(f"llvm.ptrtoint {w.shared(w.constant(offset))} : !llvm.ptr<3> to i64")
            target = w.value(f"llvm.inttoptr {integer} : i64 to !llvm.ptr<7>")
            source = global_address(w, w.constant(128 * piece + (16 if mistake == "beyond_the_end" else 0)))
            w.do(f"nvvm.cp.async.bulk.shared.cluster.global {target}, {source}, {barrier}, {size} : "
                 "!llvm.ptr<7>, !llvm.ptr<1>")

    for_thread_0(w, thread, start)
    if mistake != "no_wait":
        wait_for(w, barrier, 1 if mistake == "wrong_phase" else 0)
    other = xor(w, thread, 33)
    return [load(w, at(w, other, 16, 4 * i)) for i in range(4)]


@with_mistakes("bulk_store", ["u32"], 1, {
    "no_fence": ("missing-fence", "cp.async.bulk"),
    "no_barrier": ("uninitialized-read", "cp.async.bulk"),
    "overwritten_before_the_wait": ("missing-wait", "st.shared"),
}, threads=32, shared_bytes=128)
def _(w, thread, words, mistake):
    """Stores shared memory by a bulk copy, then uses it again."""
    store(w, words[0], at(w, thread, 4))
    if mistake != "no_fence":
        fence_async(w)
    if mistake != "no_barrier":
        w.do("nvvm.barrier0")

    def start():
        w.do(f"nvvm.cp.async.bulk.global.shared.cta %out, {w.shared(w.constant(0))}, {w.constant(128)} : "
             "!llvm.ptr<1>, !llvm.ptr<3>")
        w.do("nvvm.cp.async.bulk.commit.group")
        if mistake != "overwritten_before_the_wait":
            w.do("nvvm.cp.async.bulk.wait_group 0")

    for_thread_0(w, thread, start)
    w.do("nvvm.barrier0")
    store(w, words[0], at(w, thread, 4))
    return [words[0]]


# ---------------------------------------------------------------------------
# Matrix products
# ---------------------------------------------------------------------------

@with_mistakes("sparse_product", ["bf16"] * 8 + ["f32"] * 4 + ["2:4"], 4, {
    "wrong_selector": (None, ""),
    "halves_of_the_metadata_swapped": (None, ""),
    "registers_swapped": (None, ""),
    "illegal_nibble": ("invalid-operand", "mma.sp"),
    "half_of_the_warp": ("divergence", "mma.sp"),
}, terms=16, result="f32")
def _(w, thread, words, mistake):
    a, b, c, metadata = words[:4], words[4:8], words[8:12], words[12]
    if mistake == "registers_swapped":
        a = [a[0], a[2], a[1], a[3]]
    if mistake == "halves_of_the_metadata_swapped":
        metadata = w.value(f"llvm.intr.fshl({metadata}, {metadata}, {w.constant(16)}) : (i32, i32, i32) -> i32")
    if mistake == "illegal_nibble":
        metadata = w.value(f"llvm.or {metadata}, {w.constant(0x50)} : i32")
        metadata = w.value(f"llvm.and {metadata}, {w.constant(-0xA1)} : i32")
    operands = a + b + [w.value(f"llvm.bitcast {word} : i32 to f32") for word in c] + [metadata]
    text = ("mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 {$0, $1, $2, $3}, "
            "{$4, $5, $6, $7}, {$8, $9, $10, $11}, {$12, $13, $14, $15}, $16, "
            f"0x{1 if mistake == 'wrong_selector' else 0};")
    if mistake == "half_of_the_warp":
        results = []

        def inside():
            results.extend(w.asm(text, "=f,=f,=f,=f" + ",r" * 8 + ",f" * 4 + ",r", operands,
                                 ["i32"] * 8 + ["f32"] * 4 + ["i32"], ["f32"] * 4))
            for i, value in enumerate(results):
                index = add(w, w.times(thread, 4), i)
                w.do(f"llvm.store {value}, {global_address(w, index, '%out')} : f32, !llvm.ptr<1>")

        only_if(w, compare(w, "ult", thread, 16), inside)
        return list(words[8:12])
    results = w.asm(text, "=f,=f,=f,=f" + ",r" * 8 + ",f" * 4 + ",r", operands,
                    ["i32"] * 8 + ["f32"] * 4 + ["i32"], ["f32"] * 4)
    return [w.value(f"llvm.bitcast {value} : f32 to i32") for value in results]


@with_mistakes("swizzled", ["u32"] * 4, 4, {
    "wrong_swizzle": (None, ""),
    "misaligned_row": ("misaligned", "ldmatrix"),
    "row_beyond_the_end": ("out-of-bounds", "ldmatrix"),
    "no_barrier": ("race", "ldmatrix"),
}, threads=32, shared_bytes=512)
def _(w, thread, words, mistake):
    """Rows of 16 bytes, permuted when written, and in another way when read."""
    row = xor(w, thread, 5)
    for i, word in enumerate(words):
        store(w, word, at(w, row, 16, 4 * i))
    if mistake != "no_barrier":
        w.do("nvvm.barrier0")
    read = xor(w, thread, 14 if mistake == "wrong_swizzle" else 13)
    offset = {"misaligned_row": 8, "row_beyond_the_end": 16}.get(mistake, 0)
    result = "!llvm.struct<(i32, i32, i32, i32)>"
    loaded = w.value(
        f"nvvm.ldmatrix {at(w, read, 16, offset)} {{eltType = #nvvm.ld_st_matrix_elt_type<b16>, "
        "layout = #nvvm.mma_layout<row>, num = 4 : i32, shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>} "
        f": (!llvm.ptr<3>) -> {result}")
    return [w.value(f"llvm.extractvalue {loaded}[{i}] : {result}") for i in range(4)]


@with_mistakes("shuffle", ["u32"], 1, {
    "not_in_its_mask": ("divergence", "shfl"),
    "lanes_missing": ("divergence", "shfl"),
})
def _(w, thread, words, mistake):
    """The lower half of the warp, among itself."""
    result = w.constant(0)
    mask = w.constant({"not_in_its_mask": 0x7FFF, "lanes_missing": 0x1FFFF}.get(mistake, 0xFFFF))
    inside, after = label("inside"), label("after")
    condition = compare(w, "ult", thread, 16)
    w.do(f"llvm.cond_br {condition}, {inside}, {after}({result} : i32)")
    w.do(f"{inside}:")
    value = w.value(f"nvvm.shfl.sync bfly {mask}, {words[0]}, {w.constant(3)}, {w.constant(0x1F)} : i32 -> i32")
    w.do(f"llvm.br {after}({value} : i32)")
    joined = f"%joined{_labels}"
    w.do(f"{after}({joined}: i32):")
    # The others wait here.
    w.do(f"nvvm.bar.warp.sync {w.constant(-1)} : i32")
    return [joined]


@with_mistakes("warpgroup", ["bf16"] * 8 + ["f32"] * 4, 4, {
    "no_fence": ("missing-fence", "wgmma.mma_async"),
    "no_barrier": ("race", "wgmma.mma_async"),
    "overwritten_before_the_wait": ("missing-wait", "st.shared"),
    "read_before_the_wait": ("missing-wait", "st.global"),
    "descriptors_differ": ("operand-mismatch", "wgmma.mma_async"),
    "wrong_stride": ("out-of-bounds", "wgmma.mma_async"),
    "beyond_the_end": ("out-of-bounds", "wgmma.mma_async"),
}, threads=128, shared_bytes=2048 + 256, terms=16, result="f32")
def _(w, thread, words, mistake):
    """wgmma m64n8k16, both operands from shared memory without swizzle."""
    a, b, c = words[:4], words[4], words[8:12]
    for i, word in enumerate(a):
        store(w, word, at(w, thread, 16, 4 * i))
    only_if(w, compare(w, "ult", thread, 64), lambda: store(w, b, at(w, thread, 4, 2048)))
    if mistake != "no_fence":
        fence_async(w)
    if mistake != "no_barrier":
        w.do("nvvm.barrier0")

    def descriptor(byte, leading, stride):
        address = w.value(f"llvm.ptrtoint {w.shared(w.constant(byte))} : !llvm.ptr<3> to i64")
        start = w.value(f"llvm.lshr {address}, {w.constant(4, 'i64')} : i64")
        start = w.value(f"llvm.and {start}, {w.constant(0x3FFF, 'i64')} : i64")
        return w.value(f"llvm.or {start}, {w.constant((leading >> 4) << 16 | (stride >> 4) << 32, 'i64')} : i64")

    operands = [w.value(f"llvm.bitcast {word} : i32 to f32") for word in c]
    operands.append(descriptor(0, 1024, 256 if mistake == "wrong_stride" else 128))
    second = descriptor(2304 if mistake == "beyond_the_end" else 2048, 128, 256)
    if mistake == "descriptors_differ":
        wide = w.value(f"llvm.zext {w.value(f'llvm.and {thread}, {w.constant(1)} : i32')} : i32 to i64")
        second = w.value(f"llvm.xor {second}, {wide} : i64")
    operands.append(second)
    types = ["f32"] * 4 + ["i64"] * 2
    text = ("wgmma.fence.sync.aligned; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {$0, $1, $2, $3}, "
            "$8, $9, 1, 1, 1, 0, 0; wgmma.commit_group.sync.aligned;")
    constraints = "=f,=f,=f,=f,0,1,2,3,l,l,~{memory}"
    waits = mistake not in ("overwritten_before_the_wait", "read_before_the_wait")
    if waits:
        text += " wgmma.wait_group.sync.aligned 0;"
    results = w.asm(text, constraints, operands, types, ["f32"] * 4)
    if mistake == "overwritten_before_the_wait":
        store(w, words[5], at(w, thread, 16))
        results = w.asm("wgmma.wait_group.sync.aligned 0;", "=f,=f,=f,=f,0,1,2,3,~{memory}", results, ["f32"] * 4,
                        ["f32"] * 4)
    return [w.value(f"llvm.bitcast {value} : f32 to i32") for value in results]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ir", help="write the kernels to this file")
    parser.add_argument("--list", action="store_true", help="print the mistakes and their findings")
    options = parser.parse_args()
    if options.list:
        for mistake in MISTAKES:
            print(f"{mistake.kernel}: {mistake.finding or 'wrong result'}")
    if options.ir:
        with open(options.ir, "w") as file:
            file.write(SUITE.ir())


if __name__ == "__main__":
    main()
