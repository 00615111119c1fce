# Included by CMake after llama.cpp's own project() (CMAKE_PROJECT_<NAME>_INCLUDE): what we change in the copy of it
# that is being compiled, beside ggml (changed_ggml.cmake).

# llama-cpp-python switches the common library of llama.cpp's tools on; nothing in the wheel uses it, and it is a good
# part of the build.
set(LLAMA_BUILD_COMMON OFF)

include(${CMAKE_CURRENT_LIST_DIR}/likely_tokens.cmake)
