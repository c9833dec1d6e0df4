//! CSV kernels: bytes to Arrow arrays.
