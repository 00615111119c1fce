from app.engine.devices.buffer_names import mapped_in_use, ram_bytes, without_rows


def test_what_is_mapped_and_copied_counts_once() -> None:
    # The output lies behind the last weight that is mapped alone: only its copy is left of it.
    buffers = {"CPU_Mapped": 920, "CPU_REPACK": 980, "CPU": 544, "CUDA0": 7}
    assert ram_bytes(buffers) == 980 + 544
    assert ram_bytes({"CPU_Mapped": 920, "CPU_REPACK": 300, "CPU": 544}) == 920 + 544
    assert mapped_in_use(buffers) == 0
    assert mapped_in_use({"CPU_Mapped": 920, "CPU_REPACK": 300}) == 620


def test_a_table_of_which_rows_are_read_is_taken_from_the_mapped_file_alone() -> None:
    assert without_rows({"CPU_Mapped": 9, "CUDA0": 8, "CPU": 7}, 5) == {"CPU_Mapped": 4, "CUDA0": 8, "CPU": 7}
    assert without_rows({"CPU": 7}, 5) == {"CPU": 7}
