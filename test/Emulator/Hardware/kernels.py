"""Small kernels, one or more for each form of each instruction, as MLIR.

    kernels.py --ir kernels.mlir

The same kernels run on a card (record.py) and in the emulator, whose results
must agree.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from writer import EXACT, Suite  # noqa: E402

SUITE = Suite()

# ---------------------------------------------------------------------------
# Matrix products
# ---------------------------------------------------------------------------

def _product(name, opcode, a, b, c, kind, terms, metadata=None, selector=0):
    """`a`, `b`, `c`: how many registers; `kind`: what A, B, C hold."""
    kind_a, kind_b, kind_c = kind
    fill = [kind_a] * a + [kind_b] * b + [kind_c] * c + ([metadata] if metadata else [])
    is_float = kind_c == "f32"

    @SUITE.kernel(name, fill, c, terms=terms if kind_c in ("f32", "f16") else EXACT, result=kind_c)
    def _(w, thread, words):
        def registers(first, count):
            return "{" + ", ".join(f"${i}" for i in range(first, first + count)) + "}"
        text = f"{opcode} {registers(0, c)}, {registers(c, a)}, {registers(c + a, b)}, {registers(c + a + b, c)}"
        operands, types = words[:a + b], ["i32"] * (a + b)
        letters = ["r"] * (a + b)
        for word in words[a + b:a + b + c]:
            operands.append(w.value(f"llvm.bitcast {word} : i32 to f32") if is_float else word)
            types.append("f32" if is_float else "i32")
            letters.append("f" if is_float else "r")
        if metadata:
            text += f", ${2 * c + a + b}, 0x{selector:x}"
            operands.append(words[-1])
            types.append("i32")
            letters.append("r")
        outputs = ["=f" if is_float else "=r"] * c
        results = w.asm(text + ";", ",".join(outputs + letters), operands, types,
                        ["f32" if is_float else "i32"] * c)
        if is_float:
            results = [w.value(f"llvm.bitcast {result} : f32 to i32") for result in results]
        return results


def _products():
    dense = "mma.sync.aligned.{}.row.col.{}"
    for shape, a, b, k in (("m16n8k8", 2, 1, 8), ("m16n8k16", 4, 2, 16)):
        for t in ("f16", "bf16"):
            _product(f"mma_{shape}_{t}", dense.format(shape, f"f32.{t}.{t}.f32"), a, b, 4, (t, t, "f32"), k)
        _product(f"mma_{shape}_f16_f16", dense.format(shape, "f16.f16.f16.f16"), a, b, 2, ("f16",) * 3, k)
    for shape, a, b, k in (("m16n8k4", 2, 1, 4), ("m16n8k8", 4, 2, 8)):
        _product(f"mma_{shape}_tf32", dense.format(shape, "f32.tf32.tf32.f32"), a, b, 4, ("tf32", "tf32", "f32"), k)
    for shape, a, b, k in (("m16n8k16", 2, 1, 16), ("m16n8k32", 4, 2, 32)):
        for ta, tb in (("s8", "s8"), ("u8", "s8"), ("u8", "u8")):
            _product(f"mma_{shape}_{ta}_{tb}", dense.format(shape, f"s32.{ta}.{tb}.s32"), a, b, 4,
                     ("s8", "s8", "u32"), EXACT)
    _product("mma_m16n8k32_s8_satfinite", "mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8.s8.s32", 4, 2, 4,
             ("s8", "s8", "u32"), EXACT)
    for ta, tb in (("e4m3", "e4m3"), ("e5m2", "e4m3")):
        _product(f"mma_m16n8k32_{ta}_{tb}", dense.format("m16n8k32", f"f32.{ta}.{tb}.f32"), 4, 2, 4,
                 ("fp8", "fp8", "f32"), 32)

    sparse = "mma.sp::ordered_metadata.sync.aligned.{}.row.col.{}"
    for t in ("f16", "bf16"):
        for selector in range(4):
            _product(f"mma_sp_m16n8k16_{t}_sel{selector}", sparse.format("m16n8k16", f"f32.{t}.{t}.f32"), 2, 2, 4,
                     (t, t, "f32"), 8, "2:4", selector)
        for selector in range(2):
            _product(f"mma_sp_m16n8k32_{t}_sel{selector}", sparse.format("m16n8k32", f"f32.{t}.{t}.f32"), 4, 4, 4,
                     (t, t, "f32"), 16, "2:4", selector)
    _product("mma_sp_m16n8k32_f16_f16", sparse.format("m16n8k32", "f16.f16.f16.f16"), 4, 4, 2, ("f16",) * 3, 16,
             "2:4")
    _product("mma_sp_unordered_m16n8k32_f16", "mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32", 4, 4, 4,
             ("f16", "f16", "f32"), 16, "2:4")
    for selector in range(4):
        _product(f"mma_sp_m16n8k8_tf32_sel{selector}", sparse.format("m16n8k8", "f32.tf32.tf32.f32"), 2, 2, 4,
                 ("tf32", "tf32", "f32"), 4, "1:2", selector)
    for selector in range(2):
        _product(f"mma_sp_m16n8k16_tf32_sel{selector}", sparse.format("m16n8k16", "f32.tf32.tf32.f32"), 4, 4, 4,
                 ("tf32", "tf32", "f32"), 8, "1:2", selector)
        _product(f"mma_sp_m16n8k32_s8_sel{selector}", sparse.format("m16n8k32", "s32.s8.s8.s32"), 2, 2, 4,
                 ("s8", "s8", "u32"), EXACT, "2:4", selector)
    for ta, tb in (("s8", "s8"), ("u8", "s8"), ("s8", "u8"), ("u8", "u8")):
        _product(f"mma_sp_m16n8k64_{ta}_{tb}", sparse.format("m16n8k64", f"s32.{ta}.{tb}.s32"), 4, 4, 4,
                 ("s8", "s8", "u32"), EXACT, "2:4")
    for ta, tb in (("e4m3", "e4m3"), ("e5m2", "e5m2"), ("e4m3", "e5m2")):
        _product(f"mma_sp_m16n8k64_{ta}_{tb}", sparse.format("m16n8k64", f"f32.{ta}.{tb}.f32"), 4, 4, 4,
                 ("fp8", "fp8", "f32"), 32, "2:4")


# ---------------------------------------------------------------------------
# Between lanes
# ---------------------------------------------------------------------------

def _lanes():
    for mode in ("up", "down", "bfly", "idx"):
        @SUITE.kernel(f"shfl_{mode}", ["u32", "small"], 2)
        def _(w, thread, words):
            mask = w.constant(-1)
            # Within 16 lanes; the distance is each lane's own.
            clamp = w.constant({"up": 0x1000, "down": 0x101F, "bfly": 0x101F, "idx": 0x101F}[mode])
            both = w.value(f"nvvm.shfl.sync {mode} {mask}, {words[0]}, {words[1]}, {clamp} "
                           "{return_value_and_is_valid} : i32 -> !llvm.struct<(i32, i1)>")
            value = w.value(f"llvm.extractvalue {both}[0] : !llvm.struct<(i32, i1)>")
            valid = w.value(f"llvm.extractvalue {both}[1] : !llvm.struct<(i32, i1)>")
            # A lane whose source is out of range keeps its own word.
            return [value, w.value(f"llvm.zext {valid} : i1 to i32")]

    for kind in ("any", "all", "ballot", "uni"):
        @SUITE.kernel(f"vote_{kind}", ["bit"], 1)
        def _(w, thread, words):
            predicate = w.value(f"llvm.icmp \"ne\" {words[0]}, {w.constant(0)} : i32")
            if kind == "ballot":
                return [w.value(f"nvvm.vote.sync ballot {w.constant(-1)}, {predicate} -> i32")]
            vote = w.value(f"nvvm.vote.sync {kind} {w.constant(-1)}, {predicate} -> i1")
            return [w.value(f"llvm.zext {vote} : i1 to i32")]

    for kind in ("add", "and", "or", "xor", "min", "max", "umin", "umax"):
        @SUITE.kernel(f"redux_{kind}", ["u32"], 1)
        def _(w, thread, words):
            return [w.value(f"nvvm.redux.sync {kind} {words[0]}, {w.constant(-1)} : i32 -> i32")]

    @SUITE.kernel("elect", ["u32"], 1)
    def _(w, thread, words):
        return [w.value(f"llvm.zext {w.value('nvvm.elect.sync -> i1')} : i1 to i32")]


# ---------------------------------------------------------------------------
# Shared memory
# ---------------------------------------------------------------------------

def _store_words(w, thread, words, per_thread):
    """Thread t writes its words to shared memory, one after the other, and all wait."""
    for i, word in enumerate(words):
        offset = w.value(f"llvm.add {w.times(thread, 4 * per_thread)}, {w.constant(4 * i)} : i32")
        w.do(f"llvm.store {word}, {w.shared(offset)} : i32, !llvm.ptr<3>")
    w.do("nvvm.barrier0")


def _load_words(w, thread, count):
    w.do("nvvm.barrier0")
    results = []
    for i in range(count):
        offset = w.value(f"llvm.add {w.times(thread, 4 * count)}, {w.constant(4 * i)} : i32")
        results.append(w.value(f"llvm.load {w.shared(offset)} : !llvm.ptr<3> -> i32"))
    return results


def _row_address(w, thread):
    # Rows of 16 bytes in another order than the lanes'.
    row = w.value(f"llvm.xor {thread}, {w.constant(5)} : i32")
    return w.shared(w.times(row, 16))


def _matrices():
    for count in (1, 2, 4):
        for layout in ("row", "col"):
            result = "i32" if count == 1 else f"!llvm.struct<({', '.join(['i32'] * count)})>"

            @SUITE.kernel(f"ldmatrix_x{count}_{layout}", ["u32"] * 4, count, shared_bytes=512)
            def _(w, thread, words):
                _store_words(w, thread, words, 4)
                loaded = w.value(
                    f"nvvm.ldmatrix {_row_address(w, thread)} {{eltType = #nvvm.ld_st_matrix_elt_type<b16>, "
                    f"layout = #nvvm.mma_layout<{layout}>, num = {count} : i32, "
                    f"shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>}} : (!llvm.ptr<3>) -> {result}")
                if count == 1:
                    return [loaded]
                return [w.value(f"llvm.extractvalue {loaded}[{i}] : {result}") for i in range(count)]

            @SUITE.kernel(f"stmatrix_x{count}_{layout}", ["u32"] * 4, 4, shared_bytes=512)
            def _(w, thread, words):
                _store_words(w, thread, words, 4)
                types = ", ".join(["i32"] * count)
                w.do(f"nvvm.stmatrix {_row_address(w, thread)}, {', '.join(words[:count])} "
                     f"{{eltType = #nvvm.ld_st_matrix_elt_type<b16>, layout = #nvvm.mma_layout<{layout}>, "
                     f"shape = #nvvm.ld_st_matrix_shape<m = 8, n = 8>}} : !llvm.ptr<3>, {types}")
                return _load_words(w, thread, 4)


def _copies():
    for size, modifier in ((4, "ca"), (8, "ca"), (16, "ca"), (16, "cg")):
        for short in (False, True):
            words_in = size // 4

            @SUITE.kernel(f"cp_async_{modifier}_{size}{'_zfill' if short else ''}", ["u32"] * words_in + ["small"], words_in,
                    shared_bytes=32 * size)
            def _(w, thread, words):
                # Its own words again, from where they are in global memory.
                first = w.times(thread, words_in + 1)
                if size > 4:
                    # The rows are of an odd length: copy from an aligned place.
                    first = w.times(thread, words_in)
                source = w.value(f"llvm.getelementptr %in[{first}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32")
                target = w.shared(w.times(thread, size))
                length = ""
                if short:
                    # Between 0 and `size` bytes.
                    length = ", " + w.value(f"llvm.urem {words[-1]}, {w.constant(size + 1)} : i32")
                w.do(f"nvvm.cp.async.shared.global {target}, {source}, {size}, cache = {modifier}{length} : "
                     f"!llvm.ptr<3>, !llvm.ptr<1>{', i32' if short else ''}")
                w.do("nvvm.cp.async.commit.group")
                w.do("nvvm.cp.async.wait.group 0")
                return _load_words(w, thread, words_in)

    @SUITE.kernel("cp_async_mbarrier", ["u32"] * 2, 2, threads=64, shared_bytes=64 * 8 + 16)
    def _(w, thread, words):
        barrier = w.shared(w.constant(64 * 8))
        is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
        w.do(f"llvm.cond_br {is_first}, ^init, ^ready")
        w.do("^init:")
        w.do(f"nvvm.mbarrier.init {barrier}, {w.constant(64)} : !llvm.ptr<3>, i32")
        w.do("llvm.br ^ready")
        w.do("^ready:")
        w.do("nvvm.barrier0")
        source = w.value(f"llvm.getelementptr %in[{w.times(thread, 2)}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32")
        w.do(f"nvvm.cp.async.shared.global {w.shared(w.times(thread, 8))}, {source}, 8, cache = ca : "
             "!llvm.ptr<3>, !llvm.ptr<1>")
        w.do(f"nvvm.cp.async.mbarrier.arrive {barrier} {{noinc = true}} : !llvm.ptr<3>")
        w.do("llvm.br ^wait")
        w.do("^wait:")
        done = w.value(f"nvvm.mbarrier.test.wait {barrier}, {w.constant(0)} : !llvm.ptr<3>, i32 -> i1")
        w.do(f"llvm.cond_br {done}, ^done, ^wait")
        w.do("^done:")
        # Another thread's words.
        other = w.times(w.value(f"llvm.xor {thread}, {w.constant(33)} : i32"), 8)
        results = []
        for i in range(2):
            offset = w.value(f"llvm.add {other}, {w.constant(4 * i)} : i32")
            results.append(w.value(f"llvm.load {w.shared(offset)} : !llvm.ptr<3> -> i32"))
        return results

    @SUITE.kernel("cp_async_bulk", ["u32"] * 4, 4, threads=64, shared_bytes=64 * 16 + 16)
    def _(w, thread, words):
        barrier = w.shared(w.constant(64 * 16))
        is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
        w.do(f"llvm.cond_br {is_first}, ^start, ^ready")
        w.do("^start:")
        w.do(f"nvvm.mbarrier.init {barrier}, {w.constant(1)} : !llvm.ptr<3>, i32")
        w.do("nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}")
        size = w.constant(64 * 16)
        w.do(f"nvvm.mbarrier.arrive.expect_tx {barrier}, {size} : !llvm.ptr<3>, i32")
        integer = w.value(f"llvm.ptrtoint {w.shared(w.constant(0))} : !llvm.ptr<3> to i64")
        target = w.value(f"llvm.inttoptr {integer} : i64 to !llvm.ptr<7>")
        w.do(f"nvvm.cp.async.bulk.shared.cluster.global {target}, %in, {barrier}, {size} : !llvm.ptr<7>, !llvm.ptr<1>")
        w.do("llvm.br ^ready")
        w.do("^ready:")
        w.do("nvvm.barrier0")
        w.do("llvm.br ^wait")
        w.do("^wait:")
        done = w.value(f"nvvm.mbarrier.try_wait {barrier}, {w.constant(0)} : !llvm.ptr<3>, i32 -> i1")
        w.do(f"llvm.cond_br {done}, ^done, ^wait")
        w.do("^done:")
        other = w.times(w.value(f"llvm.xor {thread}, {w.constant(33)} : i32"), 16)
        results = []
        for i in range(4):
            offset = w.value(f"llvm.add {other}, {w.constant(4 * i)} : i32")
            results.append(w.value(f"llvm.load {w.shared(offset)} : !llvm.ptr<3> -> i32"))
        return results


def _atomics():
    for kind in ("add", "_and", "_or", "_xor", "umax", "umin", "max", "min"):
        @SUITE.kernel(f"atom_shared_{kind.strip('_')}", ["u32"], 1, threads=64, shared_bytes=4)
        def _(w, thread, words):
            # The final value: the order of the operations doesn't matter.
            is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
            w.do(f"llvm.cond_br {is_first}, ^set, ^ready")
            w.do("^set:")
            w.do(f"llvm.store {w.constant(0x1234567)}, {w.shared(w.constant(0))} : i32, !llvm.ptr<3>")
            w.do("llvm.br ^ready")
            w.do("^ready:")
            w.do("nvvm.barrier0")
            w.value(f"llvm.atomicrmw {kind} {w.shared(w.constant(0))}, {words[0]} monotonic : !llvm.ptr<3>, i32")
            w.do("nvvm.barrier0")
            return [w.value(f"llvm.load {w.shared(w.constant(0))} : !llvm.ptr<3> -> i32")]


    @SUITE.kernel("match_any", ["bit"], 1)
    def _(w, thread, words):
        return [w.value(f"nvvm.match.sync any {w.constant(-1)}, {words[0]} : i32 -> i32")]

    @SUITE.kernel("match_all", ["bit"], 2)
    def _(w, thread, words):
        both = w.value(f"nvvm.match.sync all {w.constant(-1)}, {words[0]} : i32 -> !llvm.struct<(i32, i1)>")
        agrees = w.value(f"llvm.extractvalue {both}[1] : !llvm.struct<(i32, i1)>")
        return [w.value(f"llvm.extractvalue {both}[0] : !llvm.struct<(i32, i1)>"),
                w.value(f"llvm.zext {agrees} : i1 to i32")]

    @SUITE.kernel("barrier_named", ["u32"], 1, threads=96, shared_bytes=96 * 4)
    def _(w, thread, words):
        # Warps 0 and 1 exchange words; warp 2 gives its own back.
        w.do(f"llvm.store {words[0]}, {w.shared(w.times(thread, 4))} : i32, !llvm.ptr<3>")
        inside = w.value(f"llvm.icmp \"ult\" {thread}, {w.constant(64)} : i32")
        w.do(f"llvm.cond_br {inside}, ^two, ^all({thread} : i32)")
        w.do("^two:")
        w.do(f"nvvm.barrier id = {w.constant(3)} number_of_threads = {w.constant(64)}")
        other = w.value(f"llvm.xor {thread}, {w.constant(32)} : i32")
        w.do(f"llvm.br ^all({other} : i32)")
        w.do("^all(%from: i32):")
        return [w.value(f"llvm.load {w.shared(w.times('%from', 4))} : !llvm.ptr<3> -> i32")]


# ---------------------------------------------------------------------------
# Clusters and tensor maps
# ---------------------------------------------------------------------------

def _await(w, barrier, name):
    w.do(f"llvm.br ^wait{name}")
    w.do(f"^wait{name}:")
    done = w.value(f"nvvm.mbarrier.try_wait {barrier}, {w.constant(0)} : !llvm.ptr<3>, i32 -> i1")
    w.do(f"llvm.cond_br {done}, ^done{name}, ^wait{name}")
    w.do(f"^done{name}:")


def _cluster_barrier(w):
    w.do("nvvm.cluster.arrive")
    w.do("nvvm.cluster.wait")


def _in_cluster(w, address):
    integer = w.value(f"llvm.ptrtoint {address} : !llvm.ptr<3> to i64")
    return w.value(f"llvm.inttoptr {integer} : i64 to !llvm.ptr<7>")


def _clusters():
    @SUITE.kernel("cluster_shared_memory", ["u32"], 1, threads=32, cluster=2, shared_bytes=128)
    def _(w, thread, words):
        w.do(f"llvm.store {words[0]}, {w.shared(w.times(thread, 4))} : i32, !llvm.ptr<3>")
        _cluster_barrier(w)
        rank = w.value("nvvm.read.ptx.sreg.cluster.ctarank : i32")
        peer = w.value(f"llvm.xor {rank}, {w.constant(1)} : i32")
        there = w.value(f"nvvm.mapa {w.shared(w.times(thread, 4))}, {peer} : !llvm.ptr<3> -> !llvm.ptr<7>")
        result = w.value(f"llvm.load {there} : !llvm.ptr<7> -> i32")
        # Nobody ends while its memory is read.
        _cluster_barrier(w)
        return [result]

    @SUITE.kernel("cp_async_bulk_multicast", ["u32"] * 4, 4, threads=32, cluster=2, shared_bytes=512 + 16)
    def _(w, thread, words):
        barrier = w.shared(w.constant(512))
        is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
        w.do(f"llvm.cond_br {is_first}, ^init, ^ready")
        w.do("^init:")
        w.do(f"nvvm.mbarrier.init {barrier}, {w.constant(1)} : !llvm.ptr<3>, i32")
        w.do("nvvm.fence.mbarrier.init")
        w.do(f"nvvm.mbarrier.arrive.expect_tx {barrier}, {w.constant(512)} : !llvm.ptr<3>, i32")
        w.do("llvm.br ^ready")
        w.do("^ready:")
        _cluster_barrier(w)
        # Each CTA copies half of the input's first rows to both.
        rank = w.value("nvvm.read.ptx.sreg.cluster.ctarank : i32")
        w.do(f"llvm.cond_br {is_first}, ^start, ^started")
        w.do("^start:")
        half = w.times(rank, 256)
        source = w.value(f"llvm.getelementptr %in[{half}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i8")
        mask = w.constant(3, "i16")
        w.do(f"nvvm.cp.async.bulk.shared.cluster.global {_in_cluster(w, w.shared(half))}, {source}, {barrier}, "
             f"{w.constant(256)} multicast_mask = {mask} : !llvm.ptr<7>, !llvm.ptr<1>")
        w.do("llvm.br ^started")
        w.do("^started:")
        _await(w, barrier, "")
        results = []
        for i in range(4):
            offset = w.value(f"llvm.add {w.times(thread, 16)}, {w.constant(4 * i)} : i32")
            results.append(w.value(f"llvm.load {w.shared(offset)} : !llvm.ptr<3> -> i32"))
        _cluster_barrier(w)
        return results

    @SUITE.kernel("cp_async_bulk_store", ["u32"] * 4, 4, threads=32, shared_bytes=512)
    def _(w, thread, words):
        _store_words(w, thread, words, 4)
        w.do("nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}")
        w.do("nvvm.barrier0")
        is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
        w.do(f"llvm.cond_br {is_first}, ^start, ^started")
        w.do("^start:")
        w.do(f"nvvm.cp.async.bulk.global.shared.cta %out, {w.shared(w.constant(0))}, {w.constant(512)} : "
             "!llvm.ptr<1>, !llvm.ptr<3>")
        w.do("nvvm.cp.async.bulk.commit.group")
        w.do("nvvm.cp.async.bulk.wait_group 0")
        w.do("llvm.br ^started")
        w.do("^started:")
        return []

    for swizzle in (0, 32, 64, 128):
        words_in_row = (swizzle or 64) // 4

        @SUITE.kernel(f"cp_async_bulk_tensor_swizzle{swizzle}", ["u32"] * 40, words_in_row, threads=32,
                      box=(words_in_row, 32, swizzle), shared_bytes=32 * words_in_row * 4 + 16)
        def _(w, thread, words):
            barrier = w.shared(w.constant(32 * words_in_row * 4))
            is_first = w.value(f"llvm.icmp \"eq\" {thread}, {w.constant(0)} : i32")
            w.do(f"llvm.cond_br {is_first}, ^start, ^ready")
            w.do("^start:")
            w.do(f"nvvm.mbarrier.init {barrier}, {w.constant(1)} : !llvm.ptr<3>, i32")
            w.do("nvvm.fence.mbarrier.init")
            w.do(f"nvvm.mbarrier.arrive.expect_tx {barrier}, {w.constant(32 * words_in_row * 4)} : !llvm.ptr<3>, i32")
            # Begins three rows above the matrix and ends beyond its right edge: zeros.
            x, y = w.constant(44 - words_in_row), w.constant(-3)
            w.do(f"nvvm.cp.async.bulk.tensor.shared.cluster.global {_in_cluster(w, w.shared(w.constant(0)))}, %in, "
                 f"{barrier}, box[{x}, {y}] : !llvm.ptr<7>, !llvm.ptr")
            w.do("llvm.br ^ready")
            w.do("^ready:")
            w.do("nvvm.barrier0")
            _await(w, barrier, "")
            return [w.value("llvm.load " + w.shared(w.value(
                f"llvm.add {w.times(thread, 4 * words_in_row)}, {w.constant(4 * i)} : i32"))
                + " : !llvm.ptr<3> -> i32") for i in range(words_in_row)]


# ---------------------------------------------------------------------------
# Warpgroup products
# ---------------------------------------------------------------------------

def _warpgroup(name, opcode, k_bytes, kind, terms, a_registers=0, metadata=None, is_transposable=True, result="f32"):
    """m64n8: B, and A unless it is in registers, from shared memory without swizzle.

    Without swizzle a matrix is core matrices of 8 rows of 16 bytes, 128 bytes each. A has 8 of them along M
    (stride 128 bytes), then the next along K (1024 bytes); B one along N, the next along K 128 bytes on.
    """
    a_bytes = k_bytes // 2 if metadata else k_bytes
    shared_a = 0 if a_registers else 64 * a_bytes
    shared_bytes = shared_a + 8 * k_bytes
    words_a = 64 * a_bytes // 4 // 128
    fill = [kind] * (a_registers or words_a) + [kind] + ["f32" if result == "f32" else "u32"] * 4
    fill += [metadata] if metadata else []

    @SUITE.kernel(name, fill, 4, threads=128, shared_bytes=shared_bytes, terms=terms, result=result)
    def _(w, thread, words):
        count_a = a_registers or words_a
        a, b, c = words[:count_a], words[count_a], words[count_a + 1:count_a + 5]
        if not a_registers:
            for i, word in enumerate(a):
                offset = w.value(f"llvm.add {w.times(thread, 4 * words_a)}, {w.constant(4 * i)} : i32")
                w.do(f"llvm.store {word}, {w.shared(offset)} : i32, !llvm.ptr<3>")
        # B has fewer words than there are threads: the first of them write it.
        words_b = 8 * k_bytes // 4
        wrapped = w.value(f"llvm.urem {thread}, {w.constant(words_b)} : i32")
        is_writer = w.value(f"llvm.icmp \"ult\" {thread}, {w.constant(words_b)} : i32")
        w.do(f"llvm.cond_br {is_writer}, ^write, ^written")
        w.do("^write:")
        offset = w.value(f"llvm.add {w.times(wrapped, 4)}, {w.constant(shared_a)} : i32")
        w.do(f"llvm.store {b}, {w.shared(offset)} : i32, !llvm.ptr<3>")
        w.do("llvm.br ^written")
        w.do("^written:")
        w.do("nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}")
        w.do("nvvm.barrier0")

        def descriptor(byte, leading, stride):
            address = w.value(f"llvm.ptrtoint {w.shared(w.constant(byte))} : !llvm.ptr<3> to i64")
            start = w.value(f"llvm.lshr {w.value(f'llvm.and {address}, ' + w.constant(0x3FFFF, 'i64') + ' : i64')}, "
                            f"{w.constant(4, 'i64')} : i64")
            return w.value(f"llvm.or {start}, {w.constant((leading >> 4) << 16 | (stride >> 4) << 32, 'i64')} : i64")

        is_float = result == "f32"
        operands, types, letters = [], [], []
        for word in c:
            operands.append(w.value(f"llvm.bitcast {word} : i32 to f32") if is_float else word)
            types.append("f32" if is_float else "i32")
        text = f"{opcode} {{$0, $1, $2, $3}}, "
        tied = ["0", "1", "2", "3"]
        # With tied operands the inputs' numbers follow the outputs' and theirs.
        number = 8
        if a_registers:
            text += "{" + ", ".join(f"${number + i}" for i in range(a_registers)) + "}, "
            operands += a
            types += ["i32"] * a_registers
            letters += ["r"] * a_registers
            number += a_registers
        else:
            operands.append(descriptor(0, 1024, 128))
            types.append("i64")
            letters.append("l")
            text += f"${number}, "
            number += 1
        operands.append(descriptor(shared_a, 128, 8 * k_bytes))
        types.append("i64")
        letters.append("l")
        text += f"${number}"
        number += 1
        if metadata:
            operands.append(words[-1])
            types.append("i32")
            letters.append("r")
            text += f", ${number}, 0"
            number += 1
        text += ", 1"
        if is_float:
            text += ", 1, 1"
        if is_transposable:
            text += ", 0" if a_registers else ", 0, 0"
        whole = f"wgmma.fence.sync.aligned; {text}; wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;"
        outputs = ["=f" if is_float else "=r"] * 4
        results = w.asm(whole, ",".join(outputs + tied + letters + ["~{memory}"]), operands, types,
                        ["f32" if is_float else "i32"] * 4)
        if is_float:
            results = [w.value(f"llvm.bitcast {value} : f32 to i32") for value in results]
        return results


def _warpgroups():
    for t in ("f16", "bf16"):
        _warpgroup(f"wgmma_m64n8k16_{t}", f"wgmma.mma_async.sync.aligned.m64n8k16.f32.{t}.{t}", 32, t, 16)
        _warpgroup(f"wgmma_m64n8k16_{t}_registers", f"wgmma.mma_async.sync.aligned.m64n8k16.f32.{t}.{t}", 32, t, 16,
                   a_registers=4)
        _warpgroup(f"wgmma_sp_m64n8k32_{t}", f"wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.{t}.{t}", 64, t, 16,
                   metadata="2:4")
        _warpgroup(f"wgmma_sp_m64n8k32_{t}_registers", f"wgmma.mma_async.sp.sync.aligned.m64n8k32.f32.{t}.{t}", 64, t,
                   16, a_registers=4, metadata="2:4")
    _warpgroup("wgmma_m64n8k8_tf32", "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32", 32, "tf32", 8,
               is_transposable=False)
    _warpgroup("wgmma_sp_m64n8k16_tf32", "wgmma.mma_async.sp.sync.aligned.m64n8k16.f32.tf32.tf32", 64, "tf32", 8,
               metadata="1:2", is_transposable=False)
    _warpgroup("wgmma_m64n8k32_s8", "wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8", 32, "s8", EXACT,
               is_transposable=False, result="u32")
    _warpgroup("wgmma_sp_m64n8k64_s8", "wgmma.mma_async.sp.sync.aligned.m64n8k64.s32.s8.s8", 64, "s8", EXACT,
               metadata="2:4", is_transposable=False, result="u32")
    _warpgroup("wgmma_m64n8k32_e4m3", "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3", 32, "fp8", 32,
               is_transposable=False)
    _warpgroup("wgmma_sp_m64n8k64_e4m3", "wgmma.mma_async.sp.sync.aligned.m64n8k64.f32.e4m3.e4m3", 64, "fp8", 32,
               metadata="2:4", is_transposable=False)


for _group in (_products, _lanes, _matrices, _copies, _atomics, _clusters, _warpgroups):
    _group()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--ir", help="write the kernels to this file")
    parser.add_argument("--list", action="store_true", help="print their names")
    options = parser.parse_args()
    if options.list:
        print("\n".join(k.name for k in SUITE.kernels))
    if options.ir:
        with open(options.ir, "w") as file:
            file.write(SUITE.ir())


if __name__ == "__main__":
    main()
