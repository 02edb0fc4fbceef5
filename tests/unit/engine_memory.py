"""How much memory C code holds: what the engine has, without what Python keeps for itself."""

from __future__ import annotations

import ctypes


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks",
            "keepcost",
        )
    )  # fmt: skip


_libc = ctypes.CDLL(None)
_libc.mallinfo2.restype = _Mallinfo2


def allocated_bytes() -> int:
    """Bytes allocated and not freed. Always 0 under the sanitizers, which look for leaks in their own way."""
    info = _libc.mallinfo2()
    return int(info.uordblks) + int(info.hblkhd)
