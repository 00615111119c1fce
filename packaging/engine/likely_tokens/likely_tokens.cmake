# Included by CMake after llama-cpp-python's own project() (CMAKE_PROJECT_llama_cpp_INCLUDE): compiles the library of
# likely tokens along with llama.cpp's and puts it beside them. Nothing of llama.cpp is changed for it.
add_library(likely_tokens SHARED ${CMAKE_CURRENT_LIST_DIR}/likely_tokens.c ${CMAKE_CURRENT_LIST_DIR}/next_tokens.c)
target_link_libraries(likely_tokens PRIVATE llama)
if(NOT WIN32)
  target_link_libraries(likely_tokens PRIVATE m)
endif()
set_target_properties(likely_tokens PROPERTIES INSTALL_RPATH "$ORIGIN" BUILD_WITH_INSTALL_RPATH TRUE)
if(SKBUILD_PLATLIB_DIR)
  install(FILES $<TARGET_FILE:likely_tokens> DESTINATION ${SKBUILD_PLATLIB_DIR}/llama_cpp/lib)
endif()
