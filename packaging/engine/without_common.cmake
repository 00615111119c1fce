# Included by CMake after llama.cpp's own project() (CMAKE_PROJECT_<NAME>_INCLUDE). llama-cpp-python switches the
# common library of llama.cpp's tools on; nothing in the wheel uses it, and it is a good part of the build.
set(LLAMA_BUILD_COMMON OFF)
