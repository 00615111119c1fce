# Changes the copy of llama.cpp that is being compiled: its library also finds the tokens worth drawing from
# (likely_tokens.cpp).
set(code_file ${CMAKE_CURRENT_SOURCE_DIR}/src/llama-sampler.cpp)
file(READ ${code_file} code)
if(NOT code MATCHES "likely_tokens.cpp")
  file(APPEND ${code_file} "\n#include \"${CMAKE_CURRENT_LIST_DIR}/likely_tokens.cpp\"\n")
endif()
