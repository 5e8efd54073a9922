"""Calls the functions of an artefact on a GPU.

    artifact = compiler.load("model/")
    layer = runtime.Function(artifact, "layer_0_intermediate")
    y = layer(x)                    # NumPy in, NumPy out
    layer.run(stream, x_dev, y_dev) # device arrays, enqueued on a stream

Device arrays are `driver.DeviceArray`, anything that has
__cuda_array_interface__ or __dlpack__ (PyTorch, CuPy, JAX), contiguous. Their
memory stays their owner's.
"""

import ctypes

import numpy as np

from sparse24 import compiler, driver

_TYPES = {
    "f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": np.uint16,
    "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8, "ui8": np.uint8,
    "f8E4M3FN": np.uint8, "f8E5M2": np.uint8,
}


class Sparse24Error(RuntimeError):
    """A compiled function returned a status other than success."""


def make_descriptor(pointer, shape):
    """Lays out the memref descriptor that compiled functions take."""
    words = [pointer, pointer, 0, *shape]
    stride, strides = 1, []
    for size in reversed(shape):
        strides.insert(0, stride)
        stride *= size
    return (ctypes.c_int64 * (len(words) + len(strides)))(*words, *strides)


class Function:
    """One compiled function, with its weights on the device."""

    def __init__(self, artifact, name):
        if name not in artifact.functions:
            raise KeyError(f"no function '{name}': there are {', '.join(artifact.functions)}")
        types = artifact.functions[name]
        self.name = name
        self.inputs = [compiler.parse_tensor(text) for text in types["inputs"]]
        self.outputs = [compiler.parse_tensor(text) for text in types["outputs"]]
        driver.get()
        self._library = ctypes.CDLL(str(artifact.library))
        self._context = ctypes.c_void_p()
        weights = str(artifact.weights).encode() if artifact.weights.exists() else None
        create = self._library[name + "_create"]
        create.argtypes = [ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p)]
        self._check(create(weights, ctypes.byref(self._context)))
        self._run = self._library[f"_mlir_ciface_{name}_run"]
        count = len(self.inputs) + len(self.outputs)
        self._run.argtypes = [ctypes.c_void_p] * (count + 2)

    def _check(self, status):
        if status:
            library = self._library
            library.sparse24StatusString.restype = ctypes.c_char_p
            library.sparse24LastError.restype = ctypes.c_char_p
            raise Sparse24Error(f"{self.name}: {library.sparse24StatusString(status).decode()}: "
                                f"{library.sparse24LastError().decode()}")

    def run(self, stream, *arrays):
        """Enqueues a call: the inputs, then the outputs, all on the device.

        `stream` is a CUstream (an integer or None). Nothing is copied and
        nothing waited for.
        """
        expected = self.inputs + self.outputs
        if len(arrays) != len(expected):
            raise TypeError(f"{self.name} takes {len(self.inputs)} inputs and {len(self.outputs)} outputs")
        descriptors = []
        for index, (array, (shape, kind)) in enumerate(zip(arrays, expected)):
            pointer, actual = _device_view(array, np.dtype(_TYPES[kind]).itemsize)
            if len(actual) != len(shape) or any(want not in (None, got) for want, got in zip(shape, actual)):
                raise ValueError(f"{self.name}, array {index}: shape {actual} where {shape} is wanted")
            descriptors.append(make_descriptor(pointer, actual))
        pointers = [ctypes.cast(descriptor, ctypes.c_void_p) for descriptor in descriptors]
        self._check(self._run(self._context, *pointers, stream))

    def output_shapes(self, inputs):
        """Gives the outputs' shapes; a dynamic first size is that of the first input."""
        rows = inputs[0].shape[0] if inputs else None
        return [tuple(rows if size is None else size for size in shape) for shape, _ in self.outputs]

    def __call__(self, *inputs):
        """Runs on NumPy arrays and waits; gives one array, or a list of them."""
        device = [driver.DeviceArray.from_numpy(np.asarray(array, _TYPES[kind]))
                  for array, (_, kind) in zip(inputs, self.inputs)]
        outputs = [driver.DeviceArray(shape, _TYPES[kind])
                   for shape, (_, kind) in zip(self.output_shapes(inputs), self.outputs)]
        for output in outputs:
            output.fill_bytes(0xFF)
        self.run(None, *device, *outputs)
        results = [output.numpy() for output in outputs]
        return results[0] if len(results) == 1 else results

    def close(self):
        """Frees the weights; the function can't be called afterwards."""
        if self._context:
            destroy = self._library[self.name + "_destroy"]
            destroy.argtypes = [ctypes.c_void_p]
            context, self._context = self._context, None
            self._check(destroy(context))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _device_view(array, item_bytes):
    """Gives (address, shape) of a contiguous device array."""
    interface = getattr(array, "__cuda_array_interface__", None)
    if interface is None:
        if not hasattr(array, "__dlpack__"):
            raise TypeError(f"{type(array).__name__} is not a device array")
        return _dlpack_view(array, item_bytes)
    shape = tuple(interface["shape"])
    _require_contiguous(interface.get("strides"), shape, item_bytes)
    return interface["data"][0], shape


def _require_contiguous(strides, shape, item_bytes):
    if strides is None or 0 in shape:
        return
    expected = item_bytes
    for size, stride in zip(reversed(shape), reversed(strides)):
        if size != 1 and stride != expected:
            raise ValueError("the array is not contiguous")
        expected *= size


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)), ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


#: DLPack's number for CUDA device memory.
_DLPACK_CUDA = 2


def _dlpack_view(array, item_bytes):
    """Gives (address, shape) of an array that speaks DLPack."""
    capsule = array.__dlpack__()
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    tensor = _DLTensor.from_address(get_pointer(capsule, b"dltensor"))
    if tensor.device_type != _DLPACK_CUDA:
        raise TypeError("the array is not in device memory")
    shape = tuple(tensor.shape[: tensor.ndim])
    if tensor.strides:
        _require_contiguous([stride * item_bytes for stride in tensor.strides[: tensor.ndim]], shape, item_bytes)
    return (tensor.data or 0) + tensor.byte_offset, shape
