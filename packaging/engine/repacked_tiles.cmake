# Changes the copy of llama.cpp that is being compiled: prompts with Q4_K weights, whose rows lie in eights, are
# multiplied by tiles (repacked_tiles.cpp).
set(place ${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu)
file(READ ${place}/repack.cpp code)
if(NOT code MATCHES "repacked_tiles.h")
  put_in(code [[
    void forward_mul_mat(ggml_compute_params * params, ggml_tensor * op) {
]] [[
    void forward_mul_mat(ggml_compute_params * params, ggml_tensor * op) {
        if constexpr (std::is_same_v<BLOC_TYPE, block_q4_K> && INTER_SIZE == 8 && NB_COLS == 8) {
            if (stillroom_mul_mat_repacked_q4_K(params, op)) {
                return;
            }
        }
]])
  file(WRITE ${place}/repack.cpp
    "#include \"${CMAKE_CURRENT_LIST_DIR}/repacked_tiles.h\"\n#include <type_traits>\n${code}")
  file(APPEND ${place}/tiled/tiled.cpp "\n#include \"${CMAKE_CURRENT_LIST_DIR}/repacked_tiles.cpp\"\n")
endif()
