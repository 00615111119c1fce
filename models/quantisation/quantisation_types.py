"""The types that Stillroom quantises to, and the bytes that a weight of each takes."""

# Bytes for one weight: ggml's block bytes over its block length (ggml-common.h).
BYTES_PER_WEIGHT: dict[str, float] = {
    "F32": 4.0,
    "F16": 2.0,
    "BF16": 2.0,
    "Q8_0": 34 / 32,
    "Q3_K": 110 / 256,
    "IQ4_XS": 136 / 256,
    "IQ4_NL": 18 / 32,
    "Q4_0": 18 / 32,
    "Q4_K": 144 / 256,
    "Q5_0": 22 / 32,
    "Q5_1": 24 / 32,
    "Q5_K": 176 / 256,
    "Q6_K": 210 / 256,
}

EVERYDAY_TYPE = "Q4_K_M"
"""The type that is made, judged and shown where none is chosen."""

QUANTISATIONS = (EVERYDAY_TYPE, "Q4_K_S", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0", "IQ4_XS", "Q3_K_M")
"""The types that Stillroom quantises to, the everyday choice first."""

WEIGHED = ("IQ4_XS", "Q3_K_M", "Q4_0", "Q4_K_M", "Q4_K_S")
"""The types for which an importance matrix is used: those of four bits and less."""

FULL_PRECISION = ("BF16", "F16", "F32")
"""The types that a checkpoint can be written in without quantising."""
