import pytest

from models.system.child_process import SPIN_COUNT, computing_environment

LARGE = "glibc.malloc.hugetlb=1"
MAPPED = "glibc.malloc.mmap_threshold=4194304"


def test_threads_spin_for_a_short_while_and_pages_are_large() -> None:
    assert computing_environment({"PATH": "/bin"}) == {
        "PATH": "/bin",
        "GOMP_SPINCOUNT": SPIN_COUNT,
        "GLIBC_TUNABLES": f"{LARGE}:{MAPPED}",
    }


@pytest.mark.parametrize("choice", [{"GOMP_SPINCOUNT": "0"}, {"OMP_WAIT_POLICY": "active"}])
def test_the_user_s_own_way_to_wait_stays(choice: dict[str, str]) -> None:
    assert computing_environment(choice) == choice | {"GLIBC_TUNABLES": f"{LARGE}:{MAPPED}"}


@pytest.mark.parametrize(
    ("tunables", "those"),
    [
        ("glibc.malloc.check=1", f"glibc.malloc.check=1:{LARGE}:{MAPPED}"),
        ("glibc.malloc.hugetlb=0", f"glibc.malloc.hugetlb=0:{MAPPED}"),
    ],
)
def test_the_user_s_own_tunables_stay(tunables: str, those: str) -> None:
    assert computing_environment({"GLIBC_TUNABLES": tunables})["GLIBC_TUNABLES"] == those
