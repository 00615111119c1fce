"""The computer, the model and the settings of a run, in the window's language."""

from PySide6.QtCore import QCoreApplication

from app.bench.results.report import GpuFacts, Report
from app.ui.base import figures
from app.ui.base.resource_words import enumerated
from models.system.units import gigabytes

translate = QCoreApplication.translate


def facts_of(report: Report) -> list[tuple[str, str]]:
    """Names and values; what is not known is left out."""
    machine, model, engine = report.machine, report.model, report.engine
    if report.is_elsewhere:
        return _elsewhere(report)
    rows = [(translate("benchmark", "Processor"), machine.processor)]
    if machine.cores:
        text = translate("benchmark", "{name}, {cores} cores, {threads} threads")
        rows[0] = (
            rows[0][0],
            text.format(name=machine.processor, cores=machine.cores, threads=machine.threads),
        )
    if machine.features:
        rows.append((translate("benchmark", "Instruction sets"), enumerated(machine.features)))
    if machine.memory_total_bytes:
        text = translate("benchmark", "{size} GB").format(size=gigabytes(machine.memory_total_bytes))
        rows.append((translate("benchmark", "Memory"), text))
    rows += _ceilings(report)
    rows += [(translate("benchmark", "Graphics card"), _gpu(gpu)) for gpu in machine.gpus]
    if machine.gpu_driver:
        rows.append((translate("benchmark", "Graphics driver"), machine.gpu_driver))
    if machine.system:
        rows.append((translate("benchmark", "System"), machine.system))
    text = translate("benchmark", "{file}, {size} GB, {parameters} billion parameters")
    rows.append(
        (
            translate("benchmark", "Model file"),
            text.format(
                file=model.file,
                size=gigabytes(model.size_bytes),
                parameters=figures.number(model.parameters / 1e9),
            ),
        )
    )
    rows.append(("llama.cpp", f"{engine.llama_cpp_version} · {engine.backend}"))
    text = translate("benchmark", "{threads} threads, context {context}, batch {batch}, KV cache {kv_type}")
    rows.append(
        (
            translate("benchmark", "Settings"),
            text.format(
                threads=engine.threads,
                context=f"{engine.context_tokens:,}",
                batch=engine.batch_tokens,
                kv_type=engine.kv_type,
            ),
        )
    )
    return rows


def _elsewhere(report: Report) -> list[tuple[str, str]]:
    machine, engine = report.machine, report.engine
    context = translate("benchmark", "{context} tokens, as far as the server tells")
    return [
        (translate("benchmark", "Server"), engine.backend),
        (translate("benchmark", "Model"), report.model.name),
        (translate("benchmark", "Context"), context.format(context=f"{engine.context_tokens:,}")),
        (translate("benchmark", "Measured from"), f"{machine.processor} · {machine.system}"),
    ]


def _ceilings(report: Report) -> list[tuple[str, str]]:
    ceilings = report.ceilings
    rows = []
    if ceilings is not None and ceilings.memory_bytes_per_s:
        text = translate(
            "benchmark",
            "{one} GB/s with 1 thread, {all} GB/s with {threads}; {model} GB/s over what a token needs",
        )
        rows.append(
            (
                translate("benchmark", "Memory speed, measured"),
                text.format(
                    one=figures.number(ceilings.memory_one_thread_bytes_per_s / 1e9),
                    all=figures.number(ceilings.memory_bytes_per_s / 1e9),
                    threads=ceilings.threads,
                    model=figures.number(ceilings.working_set_bytes_per_s / 1e9),
                ),
            )
        )
    if ceilings is not None and ceilings.flop_per_s:
        text = translate("benchmark", "{speed} GFLOP/s with {type} matrices")
        rows.append(
            (
                translate("benchmark", "Computing, measured"),
                text.format(speed=figures.number(ceilings.flop_per_s / 1e9), type=ceilings.weight_type),
            )
        )
    return rows


def _gpu(gpu: GpuFacts) -> str:
    parts = [gpu.name]
    if gpu.vram_total_bytes:
        parts.append(translate("benchmark", "{size} GB").format(size=gigabytes(gpu.vram_total_bytes)))
    if gpu.vram_bytes_per_s:
        speed = figures.number(gpu.vram_bytes_per_s / 1e9)
        parts.append(translate("benchmark", "{speed} GB/s by clock and bus").format(speed=speed))
    if gpu.pcie:
        parts.append(f"PCIe {gpu.pcie}")
    return " · ".join(parts)
