from models.child_process import SPIN_COUNT, computing_environment


def test_threads_spin_for_a_short_while() -> None:
    assert computing_environment({"PATH": "/bin"}) == {"PATH": "/bin", "GOMP_SPINCOUNT": SPIN_COUNT}


def test_the_user_s_own_choice_stays() -> None:
    for choice in ({"GOMP_SPINCOUNT": "0"}, {"OMP_WAIT_POLICY": "active"}):
        assert computing_environment(choice) == choice
