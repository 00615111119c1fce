// Steps of a model with another llama.cpp, as `against_ik.py` has them of ours. That compiles it with the other's headers.
//
//     other_steps MODEL THREADS CACHE DEPTH STATE
//
// Prints the seconds of all of the prompt (null where it was kept), then for each line "ROWS TIMES" that it reads the
// seconds of so many steps, as JSON.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "llama.h"

static const int BATCH = 512;
static const int MOST_OUTPUTS = 16;

static double step_s(llama_context * context, int rows, int position, int outputs) {
    llama_kv_cache_seq_rm(context, 0, position, -1);
    llama_batch batch = llama_batch_init(rows, 0, 1);
    batch.n_tokens = rows;
    for (int i = 0; i < rows; i++) {
        batch.token[i] = 500 + i;
        batch.pos[i] = position + i;
        batch.n_seq_id[i] = 1;
        batch.seq_id[i][0] = 0;
        batch.logits[i] = i >= rows - outputs;
    }
    const auto began = std::chrono::steady_clock::now();
    if (llama_decode(context, batch)) {
        fputs("the step failed\n", stderr);
        exit(1);
    }
    llama_synchronize(context);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    llama_batch_free(batch);
    return took.count();
}

// Has `depth` tokens in the cache: what was kept of them, or evaluated, which takes the seconds that it returns.
static double fill_s(llama_context * context, int depth, const char * state) {
    std::vector<llama_token> tokens(depth + 1);
    size_t count = 0;
    if (FILE * kept = fopen(state, "rb")) {
        fclose(kept);
        if (llama_state_seq_load_file(context, state, 0, tokens.data(), tokens.size(), &count)) {
            return -1.0;
        }
    }
    double whole_s = 0.0;
    for (int position = 0; position < depth; position += BATCH) {
        whole_s += step_s(context, std::min(BATCH, depth - position), position, 1);
    }
    llama_state_seq_save_file(context, state, 0, tokens.data(), depth);
    return whole_s;
}

int main(int count, char ** words) {
    if (count < 6) {
        return 2;
    }
    const int threads = atoi(words[2]), depth = atoi(words[4]);
    const ggml_type cache = strcmp(words[3], "q8_0") ? GGML_TYPE_F16 : GGML_TYPE_Q8_0;
    llama_backend_init();
    llama_model_params of_model = llama_model_default_params();
    of_model.use_mmap = false;
    of_model.n_gpu_layers = 0;
    of_model.repack_tensors = true;
    llama_model * model = llama_model_load_from_file(words[1], of_model);
    llama_context_params of_context = llama_context_default_params();
    of_context.n_ctx = depth + 2*BATCH;
    of_context.n_batch = of_context.n_ubatch = BATCH;
    of_context.n_threads = of_context.n_threads_batch = threads;
    of_context.flash_attn = true;
    of_context.type_k = of_context.type_v = cache;
    llama_context * context = model ? llama_init_from_model(model, of_context) : nullptr;
    if (!context) {
        fputs("the model could not be loaded\n", stderr);
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        step_s(context, MOST_OUTPUTS, 0, MOST_OUTPUTS);
    }
    const double whole_s = depth ? fill_s(context, depth, words[5]) : -1.0;
    if (whole_s < 0.0) {
        puts("null");
    } else {
        printf("%.6f\n", whole_s);
    }
    fflush(stdout);
    for (int rows = 0, times = 0; scanf("%d %d", &rows, &times) == 2;) {
        for (int i = 0; i < times; i++) {
            printf("%s%.6f", i ? "," : "[", step_s(context, rows, depth, rows <= MOST_OUTPUTS ? rows : 1));
        }
        puts("]");
        fflush(stdout);
    }
    _Exit(0);
}
