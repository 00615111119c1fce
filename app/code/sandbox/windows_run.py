"""Runs one program on Windows: a restricted token of low integrity, in a job object with limits.

It may not write anywhere but into its own folder, start more processes or take more memory than allowed, or
touch the desktop and the clipboard, and all its processes end with the job. What it cannot promise: the
network stays open to it, and so do files that the user may read. It was not tried where it was written.
https://learn.microsoft.com/windows/win32/secauthz/restricted-tokens
"""

import sys

if sys.platform == "win32":
    import codecs
    import ctypes
    import io
    import msvcrt
    import os
    import queue
    import shutil
    import subprocess
    import tempfile
    import threading
    import time
    from collections.abc import Mapping
    from ctypes import wintypes
    from pathlib import Path

    from app.base.windows_job import (
        ACTIVE_PROCESS,
        DIE_ON_EXCEPTION,
        JOB_MEMORY,
        KILL_ON_CLOSE,
        PROCESS_MEMORY,
        checked,
        create_job,
        peak_job_bytes,
        put_into_job,
    )
    from app.code.sandbox.event_lines import tell
    from app.code.sandbox.limits import Ending, Job, Limits

    TICK_S = 0.05
    READ_BYTES = 1 << 16
    LOW_INTEGRITY = "S-1-16-4096"

    _TOKEN_ACCESS = 0x0001 | 0x0002 | 0x0008 | 0x0080  # assign primary, duplicate, query, adjust default
    _DISABLE_MAX_PRIVILEGE, _LUA_TOKEN = 0x1, 0x4
    _TOKEN_INTEGRITY_LEVEL, _SE_GROUP_INTEGRITY = 25, 0x20
    _UI_RESTRICTIONS, _ALL_UI = 4, 0xFF
    _SUSPENDED, _UNICODE_ENVIRONMENT, _NO_WINDOW, _USE_STD_HANDLES = 0x4, 0x400, 0x08000000, 0x100

    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _security = ctypes.WinDLL("advapi32", use_last_error=True)

    class _SidAndAttributes(ctypes.Structure):
        _fields_ = [("Sid", ctypes.c_void_p), ("Attributes", wintypes.DWORD)]

    class _StartupInfo(ctypes.Structure):
        _fields_ = [
            ("cb", wintypes.DWORD),
            ("lpReserved", wintypes.LPWSTR),
            ("lpDesktop", wintypes.LPWSTR),
            ("lpTitle", wintypes.LPWSTR),
            ("dwX", wintypes.DWORD),
            ("dwY", wintypes.DWORD),
            ("dwXSize", wintypes.DWORD),
            ("dwYSize", wintypes.DWORD),
            ("dwXCountChars", wintypes.DWORD),
            ("dwYCountChars", wintypes.DWORD),
            ("dwFillAttribute", wintypes.DWORD),
            ("dwFlags", wintypes.DWORD),
            ("wShowWindow", wintypes.WORD),
            ("cbReserved2", wintypes.WORD),
            ("lpReserved2", ctypes.c_void_p),
            ("hStdInput", wintypes.HANDLE),
            ("hStdOutput", wintypes.HANDLE),
            ("hStdError", wintypes.HANDLE),
        ]

    class _ProcessInformation(ctypes.Structure):
        _fields_ = [
            ("hProcess", wintypes.HANDLE),
            ("hThread", wintypes.HANDLE),
            ("dwProcessId", wintypes.DWORD),
            ("dwThreadId", wintypes.DWORD),
        ]

    class WindowsRun:
        """One program from its start until nothing of it is left."""

        def __init__(self, job: Job, limits: Limits) -> None:
            self._job = job
            self._limits = limits
            self._folder = tempfile.mkdtemp(prefix="stillroom-run-")
            self._pieces: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
            self._stopped = threading.Event()
            self._output_bytes = 0

        def supervise(self) -> None:
            """Until nothing of it is left; tells everything on stdout."""
            for number in (0, 1, 2):
                # What this process has is not for the program.
                os.set_handle_inheritable(msvcrt.get_osfhandle(number), False)
            threading.Thread(target=self._wait_for_stop, daemon=True).start()
            began_s = time.monotonic()
            try:
                self._write_files()
                container = _new_job(self._limits)
                process = self._start(container)
            except OSError as error:
                tell(ending="failed", reason=str(error))
                shutil.rmtree(self._folder, ignore_errors=True)
                return
            ending, exit_code = self._watch(container, process, began_s)
            peak_bytes = peak_job_bytes(container)
            _kernel.CloseHandle(wintypes.HANDLE(container))
            shutil.rmtree(self._folder, ignore_errors=True)
            tell(
                ending=ending,
                exit_code=exit_code,
                seconds=time.monotonic() - began_s,
                peak_memory_bytes=peak_bytes,
            )

        def _wait_for_stop(self) -> None:
            while os.read(0, 1):
                pass
            self._stopped.set()

        def _write_files(self) -> None:
            for name, text in self._job.files.items():
                place = Path(self._folder, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(text.encode())
            Path(self._folder, ".stdin").write_bytes(self._job.stdin.encode())
            # Otherwise a program of low integrity cannot write even here.
            subprocess.run(
                ["icacls", self._folder, "/setintegritylevel", "(OI)(CI)L", "/T", "/Q"],
                # Not this process's own, which a thread is reading: every program asks at its start what its
                # stdin is, and of such a pipe it would learn that only when the read is over.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
                creationflags=subprocess.CREATE_NO_WINDOW,
            )

        def _start(self, container: int) -> int:
            token = _restricted_token()
            stdin = os.open(str(Path(self._folder, ".stdin")), os.O_RDONLY | os.O_BINARY)
            ends = [stdin]
            handles = [msvcrt.get_osfhandle(stdin)]
            for name in ("stdout", "stderr"):
                read, write = os.pipe()
                ends.append(write)
                handles.append(msvcrt.get_osfhandle(write))
                threading.Thread(target=self._read, args=(name, read), daemon=True).start()
            for handle in handles:
                os.set_handle_inheritable(handle, True)
            startup = _StartupInfo()
            startup.cb = ctypes.sizeof(startup)
            startup.dwFlags = _USE_STD_HANDLES
            startup.hStdInput, startup.hStdOutput, startup.hStdError = handles
            told = _ProcessInformation()
            environment = "".join(f"{name}={value}\0" for name, value in sorted(self._environment().items()))
            try:
                checked(
                    _security.CreateProcessAsUserW(
                        wintypes.HANDLE(token),
                        None,
                        ctypes.create_unicode_buffer(subprocess.list2cmdline(self._job.command)),
                        None,
                        None,
                        True,
                        _SUSPENDED | _UNICODE_ENVIRONMENT | _NO_WINDOW,
                        ctypes.create_unicode_buffer(environment + "\0"),
                        ctypes.c_wchar_p(self._folder),
                        ctypes.byref(startup),
                        ctypes.byref(told),
                    )
                )
            finally:
                for end in ends:
                    os.close(end)
            try:
                # Before its first instruction, so that nothing of it is ever outside.
                put_into_job(container, told.hProcess)
            except OSError:
                _kernel.TerminateProcess(wintypes.HANDLE(told.hProcess), 1)
                raise
            _kernel.ResumeThread(wintypes.HANDLE(told.hThread))
            return int(told.hProcess)

        def _environment(self) -> dict[str, str]:
            root = os.environ["SYSTEMROOT"]
            return {
                "SYSTEMROOT": root,
                "PATH": f"{root}\\System32;{root}",
                "TEMP": self._folder,
                "TMP": self._folder,
                "USERPROFILE": self._folder,
                "PYTHONUNBUFFERED": "1",
                "PYTHONUTF8": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                **self._job.environment,
            }

        def _read(self, name: str, fd: int) -> None:
            while piece := os.read(fd, READ_BYTES):
                self._pieces.put((name, piece))
            os.close(fd)

        def _watch(self, container: int, process: int, began_s: float) -> tuple[Ending, int]:
            decoders = {
                name: io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), True)
                for name in ("stdout", "stderr")
            }
            ending: Ending | None = None
            code = wintypes.DWORD()
            while ending is None:
                done = _kernel.WaitForSingleObject(wintypes.HANDLE(process), int(TICK_S * 1000)) == 0
                self._pass_on(decoders)
                if self._stopped.is_set():
                    ending = "stopped"
                elif self._output_bytes > self._limits.output_bytes:
                    ending = "output"
                elif done:
                    _kernel.GetExitCodeProcess(wintypes.HANDLE(process), ctypes.byref(code))
                    ending = "exit"
                elif time.monotonic() - began_s >= self._limits.time_s:
                    ending = "time"
                else:
                    ending = self._space_exceeded()
            _kernel.TerminateJobObject(wintypes.HANDLE(container), 1)
            # The readers come to the end at once now that all writers are gone.
            time.sleep(TICK_S)
            self._pass_on(decoders)
            return ending, code.value if ending == "exit" else -1

        def _pass_on(self, decoders: Mapping[str, io.IncrementalNewlineDecoder]) -> None:
            while not self._pieces.empty():
                name, piece = self._pieces.get()
                room = max(0, self._limits.output_bytes - self._output_bytes)
                self._output_bytes += len(piece)
                text = decoders[name].decode(piece[:room])
                if text:
                    tell(stream=name, text=text)

        def _space_exceeded(self) -> Ending | None:
            total_bytes = files = 0
            for place, folders, names in os.walk(self._folder):
                files += len(folders) + len(names)
                for name in names:
                    try:
                        total_bytes += os.stat(os.path.join(place, name)).st_size  # noqa: PTH116, PTH118
                    except OSError:
                        continue
            if total_bytes > self._limits.disk_bytes:
                return "disk"
            return "files" if files > self._limits.files else None

    def _restricted_token() -> int:
        """This process's token without privileges and administrators, of low integrity."""
        own, restricted, level = wintypes.HANDLE(), wintypes.HANDLE(), ctypes.c_void_p()
        _kernel.GetCurrentProcess.restype = wintypes.HANDLE
        this = wintypes.HANDLE(_kernel.GetCurrentProcess())
        checked(_security.OpenProcessToken(this, _TOKEN_ACCESS, ctypes.byref(own)))
        flags = _DISABLE_MAX_PRIVILEGE | _LUA_TOKEN
        checked(
            _security.CreateRestrictedToken(own, flags, 0, None, 0, None, 0, None, ctypes.byref(restricted))
        )
        checked(_security.ConvertStringSidToSidW(ctypes.c_wchar_p(LOW_INTEGRITY), ctypes.byref(level)))
        label = _SidAndAttributes(level, _SE_GROUP_INTEGRITY)
        size = ctypes.sizeof(label) + _security.GetLengthSid(level)
        checked(_security.SetTokenInformation(restricted, _TOKEN_INTEGRITY_LEVEL, ctypes.byref(label), size))
        return int(restricted.value or 0)

    def _new_job(limits: Limits) -> int:
        """A job object that holds what the limits allow, and takes its processes along when it is closed."""
        container = create_job(
            ACTIVE_PROCESS | DIE_ON_EXCEPTION | PROCESS_MEMORY | JOB_MEMORY | KILL_ON_CLOSE,
            processes=limits.processes,
            memory_bytes=limits.memory_bytes,
        )
        handle = wintypes.HANDLE(container)
        ui = wintypes.DWORD(_ALL_UI)
        checked(
            _kernel.SetInformationJobObject(handle, _UI_RESTRICTIONS, ctypes.byref(ui), ctypes.sizeof(ui))
        )
        return container
