"""The little of CUDA's driver that `sparse24.runtime` needs, through ctypes.

Nothing here is loaded before it is asked for: machines without an NVIDIA driver
import this module and get `is_available() == False`.
"""

import ctypes
import os

import numpy as np


class CudaError(RuntimeError):
    """A call of the driver failed."""


class Driver:
    """The driver with the primary context of device 0 made current."""

    def __init__(self):
        name = os.environ.get("SPARSE24_LIBCUDA", "libcuda.so.1")
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise CudaError(f"no NVIDIA driver: {error}") from error
        self.call("cuInit", 0)
        device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(device), 0)
        self.device = device.value
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self.call("cuCtxSetCurrent", context)

    def call(self, name, *arguments):
        """Calls a function of the driver; raises CudaError with its name."""
        status = getattr(self._library, name)(*arguments)
        if status:
            text = ctypes.c_char_p()
            self._library.cuGetErrorName(status, ctypes.byref(text))
            raise CudaError(f"{name}: {(text.value or b'error %d' % status).decode()}")

    def device_name(self):
        text = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", text, 256, self.device)
        return text.value.decode()

    def compute_capability(self):
        """Gives (major, minor)."""
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(major), 75, self.device)
        self.call("cuDeviceGetAttribute", ctypes.byref(minor), 76, self.device)
        return major.value, minor.value

    def synchronize(self):
        self.call("cuCtxSynchronize")


_driver = None


def get():
    """Gives the one Driver of this process; raises CudaError without a GPU."""
    global _driver
    if _driver is None:
        _driver = Driver()
    return _driver


def is_available():
    """Says whether there is a GPU, and a driver for it."""
    try:
        get()
    except CudaError:
        return False
    return True


class DeviceArray:
    """A contiguous array in device memory; freed with the object.

    Shows itself as __cuda_array_interface__, so that CuPy, PyTorch and Numba
    take it without a copy.
    """

    def __init__(self, shape, dtype):
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._driver, self._pointer = get(), ctypes.c_uint64()
        self._driver.call("cuMemAlloc_v2", ctypes.byref(self._pointer), ctypes.c_size_t(max(self.nbytes, 1)))

    @classmethod
    def from_numpy(cls, array):
        array = np.ascontiguousarray(array)
        result = cls(array.shape, array.dtype)
        result._driver.call("cuMemcpyHtoD_v2", result._pointer, array.ctypes.data_as(ctypes.c_void_p),
                            ctypes.c_size_t(result.nbytes))
        return result

    @property
    def nbytes(self):
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def pointer(self):
        return self._pointer.value

    @property
    def __cuda_array_interface__(self):
        return {"shape": self.shape, "typestr": self.dtype.str, "data": (self.pointer, False),
                "strides": None, "version": 3}

    def fill_bytes(self, byte):
        """Sets every byte; 0xFF is NaN in every floating-point type."""
        self._driver.call("cuMemsetD8_v2", self._pointer, ctypes.c_ubyte(byte), ctypes.c_size_t(self.nbytes))

    def numpy(self):
        """Copies to the host, after all that was enqueued before."""
        self._driver.synchronize()
        array = np.empty(self.shape, self.dtype)
        self._driver.call("cuMemcpyDtoH_v2", array.ctypes.data_as(ctypes.c_void_p), self._pointer,
                          ctypes.c_size_t(self.nbytes))
        return array

    def __del__(self):
        if getattr(self, "_pointer", None) is not None and self._pointer.value:
            self._driver.call("cuMemFree_v2", self._pointer)
            self._pointer = None


class Stream:
    """A stream of its own, which captures graphs."""

    def __init__(self):
        self._driver, self.handle = get(), ctypes.c_void_p()
        self._driver.call("cuStreamCreate", ctypes.byref(self.handle), _NON_BLOCKING)

    def capture(self, enqueue):
        """Gives a graph of what `enqueue(stream)` puts on a stream."""
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        self._driver.call("cuStreamBeginCapture_v2", self.handle, _CAPTURE_THREAD_LOCAL)
        try:
            enqueue(self.handle)
        finally:
            self._driver.call("cuStreamEndCapture", self.handle, ctypes.byref(graph))
        self._driver.call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_uint64(0))
        self._driver.call("cuGraphDestroy", graph)
        return executable

    def close(self):
        self._driver.call("cuStreamDestroy_v2", self.handle)


_NON_BLOCKING = 1
_CAPTURE_THREAD_LOCAL = 1


def time_microseconds(enqueue, calls=20, repeats=30):
    """Gives the GPU's median time for what `enqueue(stream)` enqueues.

    A CUDA graph of several calls is replayed, so that neither launches nor
    Python count. The caches are warm.
    """
    driver, times = get(), []
    start, stop = ctypes.c_void_p(), ctypes.c_void_p()
    for event in (start, stop):
        driver.call("cuEventCreate", ctypes.byref(event), 0)
    stream = Stream()
    graph = stream.capture(lambda handle: [enqueue(handle) for _ in range(calls)])
    driver.call("cuGraphLaunch", graph, stream.handle)
    for _ in range(repeats):
        driver.call("cuEventRecord", start, stream.handle)
        driver.call("cuGraphLaunch", graph, stream.handle)
        driver.call("cuEventRecord", stop, stream.handle)
        driver.call("cuEventSynchronize", stop)
        elapsed = ctypes.c_float()
        driver.call("cuEventElapsedTime", ctypes.byref(elapsed), start, stop)
        times.append(elapsed.value * 1000 / calls)
    driver.call("cuGraphExecDestroy", graph)
    for event in (start, stop):
        driver.call("cuEventDestroy_v2", event)
    stream.close()
    return float(np.median(times))
