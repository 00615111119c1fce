"""The heartbeat of the engine's process, and its end where its engine hangs."""

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable

import psutil

from app.base.parent_death import ABORT_MARK
from app.engine.protocol import Alive
from app.engine.supervision.activity import Beat, Pulse
from app.engine.supervision.stalled_step import HUNG_STATUS, StallWatch, Vitals

BEAT_S = 1.0


class Heart:
    """Says every second that the process lives. Ends it, with the stacks of all threads on stderr, once the
    engine's thread hangs: nothing else can stop a call of llama.cpp that does not return."""

    def __init__(self, pulse: Pulse, emit: Callable[[Alive], None]) -> None:
        self._pulse = pulse
        self._emit = emit
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        """Send beats on a thread of its own until the process ends."""
        self._thread.start()

    def _run(self) -> None:
        watch = StallWatch()
        while True:
            beat = self._pulse.beat
            if watch.look(time.perf_counter(), beat, self._vitals()) and beat is not None:
                self._give_up(beat)
            self._emit(
                Alive(step=self._pulse.step, step_s=beat.elapsed_s if beat is not None else 0.0),
            )
            time.sleep(BEAT_S)

    def _vitals(self) -> Vitals:
        times = self._process.cpu_times()
        return Vitals(cpu_s=times.user + times.system, reads=_reads(self._process))

    def _give_up(self, beat: Beat) -> None:
        faulthandler.dump_traceback(all_threads=True)
        what = "the load" if beat.work == "load" else f"a step of {beat.tokens()} tokens"
        sys.stderr.write(f"\n{ABORT_MARK}{what} has not ended after {beat.elapsed_s:.0f} s\n")
        sys.stderr.flush()
        os._exit(HUNG_STATUS)


if sys.platform == "win32":

    def _reads(process: psutil.Process) -> int:
        return int(process.io_counters().read_bytes) + int(process.memory_info().num_page_faults)

else:
    import resource

    def _reads(process: psutil.Process) -> int:
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
        # Some containers keep /proc/self/io away; mapped weights show in the faults anyway.
        with contextlib.suppress(OSError, NotImplementedError, psutil.Error):
            return int(process.io_counters().read_bytes) + faults
        return faults
