"""Which of ThreadSanitizer's reports are about the module's own code."""

from __future__ import annotations

from aiconvai.rig.asterisk.sanitizers import is_the_modules

INTERCEPTOR = "    #0 free ../../src/libsanitizer/tsan/tsan_interceptors_posix.cpp:735 (libtsan.so+0x85874)\n"
OURS = "    #0 run ../src/app_aiconvai/loop/event_loop.c:600 (app_aiconvai.so+0x28b92)\n"
ASTERISKS = "    #0 ast_string_field_free <null> (asterisk+0x227cb2)\n" + OURS.replace("#0", "#1")
DESTRUCTOR = "    #0 <null> <null> (app_aiconvai.so+0x24066)\n    #1 __ao2_ref <null> (asterisk+0x74a1f) \n"
"""Without names, as it is where the module is gone when they are looked for."""


def race(write: str, read: str) -> str:
    return (
        f"WARNING: ThreadSanitizer: data race (pid=358)\n  Write of size 8 at 0x72 by thread T62:\n{write}\n"
        f"  Previous atomic read of size 8 at 0x72 by thread T34:\n{read}\n"
        f"  Thread T62 'aiconvai-net' created by main thread at:\n{INTERCEPTOR}\nSUMMARY: ThreadSanitizer: data race\n"
    )


def test_a_race_within_the_module_is_the_modules() -> None:
    assert is_the_modules(race(OURS, OURS))
    assert is_the_modules(race(INTERCEPTOR + OURS.replace("#0", "#1"), OURS))


def test_what_happens_in_asterisks_code_is_not() -> None:
    assert not is_the_modules(race(ASTERISKS, OURS))
    assert not is_the_modules(race(OURS, ASTERISKS))


def test_what_comes_after_the_last_reference_is_not() -> None:
    assert not is_the_modules(race(DESTRUCTOR, OURS))


def test_a_cycle_of_locks_is_where_the_module_takes_one() -> None:
    cycle = "WARNING: ThreadSanitizer: lock-order-inversion\n\n  Mutex M1 acquired here:\n{}\nSUMMARY: ...\n"
    assert is_the_modules(cycle.format(OURS))
    assert not is_the_modules(cycle.format(INTERCEPTOR))
