"""Tell what differs between the processors that bundles for Linux are made for, each on a computer of its own
kind."""

import platform
from dataclasses import dataclass

MACHINES = ("x86_64", "aarch64")


@dataclass(frozen=True, slots=True)
class Architecture:
    """`machine` is its name to the system and in wheels, `debian` its name to Debian; the bundle is made in
    Debian `release`, whose glibc is the oldest that it runs with."""

    machine: str
    debian: str
    release: str

    @property
    def parts_list(self) -> str:
        """The part of the name of the list of parts behind the version; none for x86-64."""
        return "" if self.machine == "x86_64" else f"-{self.machine}-linux"


def architecture(machine: str | None = None) -> Architecture:
    """This computer's. Qt's packages for ARM need glibc 2.39, which Debian 12 has not."""
    machine = machine or platform.machine()
    if machine == "x86_64":
        return Architecture(machine, "amd64", "bookworm")
    if machine == "aarch64":
        return Architecture(machine, "arm64", "trixie")
    raise SystemExit(f"Bundles for Linux are made on {' and '.join(MACHINES)}, and this is {machine}.")
