# Changes the copy of llama.cpp that is being compiled: products of Q4_1 and Q8_0 weights take several columns at a
# time (several_columns.c).
set(place ${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu)

file(READ ${place}/ggml-cpu.c code)
if(NOT code MATCHES "several_columns.h")
  # A part of the product, as one thread takes it: not in tiles of 16 rows, which would convert the columns' scales
  # for each tile anew.
  put_in(code [[
    // block-tiling attempt
    const int64_t blck_0 = 16;
    const int64_t blck_1 = 16;

    const size_t src1_col_stride]] [[
    const bool several_columns =
        ir1_end - ir1_start > 1 && ne12*ne13 == 1 && stillroom_several_columns(type, ne00);
    // block-tiling attempt
    const int64_t blck_0 = several_columns ? ir0_end - ir0_start : 16;
    const int64_t blck_1 = 16;

    const size_t src1_col_stride]])
  put_in(code [[
            for (int64_t ir1 = iir1; ir1 < iir1 + blck_1 && ir1 < ir1_end; ir1 += num_rows_per_vec_dot) {
]] [[
            if (several_columns) {
                stillroom_dot_columns(
                    type, ne00, ir0_end - ir0_start, (const char *) src0->data + iir0*nb01, nb01,
                    MIN(blck_1, ir1_end - iir1), (const char *) wdata + iir1*src1_col_stride, src1_col_stride,
                    (float *) ((char *) dst->data + iir1*nb1) + iir0, nb1/sizeof(float));
                continue;
            }
            for (int64_t ir1 = iir1; ir1 < iir1 + blck_1 && ir1 < ir1_end; ir1 += num_rows_per_vec_dot) {
]])
  put_in(code [[
    if (nr0 == 1 || nr1 == 1) {
        chunk_size = 64;
]] [[
    if (nr0 == 1 || nr1 == 1 || stillroom_several_columns(src0->type, ne00)) {
        chunk_size = 64;
]])
  # Faster than llamafile's product of Q8_0, at any number of columns.
  put_in(code [[
#if GGML_USE_LLAMAFILE
    if (src1->type != vec_dot_type) {
]] [[
#if GGML_USE_LLAMAFILE
    if (src1->type != vec_dot_type && !(ne12*ne13 == 1 && stillroom_several_columns(src0->type, ne00))) {
]])
  put_in(code "static void ggml_compute_forward_mul_mat_one_chunk("
    "#include \"${CMAKE_CURRENT_LIST_DIR}/several_columns.h\"\n\nstatic void ggml_compute_forward_mul_mat_one_chunk(")
  file(WRITE ${place}/ggml-cpu.c "${code}")
  file(APPEND ${place}/arch/x86/quants.c "\n#include \"${CMAKE_CURRENT_LIST_DIR}/several_columns.c\"\n")
endif()
