"""llama.cpp through llama_cpp's low-level bindings: the only package of the application that imports it.

Everything here belongs to one thread, which creates, uses and frees it; the exception is `AbortFlag.set`.
Importing a module of this package loads the native libraries, so only the engine's thread does it, when it
starts. API: https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
"""
