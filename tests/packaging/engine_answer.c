// Answers one question by the llama.cpp beside it: engine_answer MODEL PROMPT TOKENS. The back ends are loaded at
// run time from its folder, as Stillroom does. Prints the CPU back end's library flags, then the answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml-backend.h"
#include "llama.h"

static void quiet(enum ggml_log_level level, const char *text, void *data) {
    (void)level, (void)text, (void)data;
}

int main(int count, char **words) {
    if (count != 4) return 2;
    llama_log_set(quiet, NULL);
    ggml_backend_load_all_from_path(".");
    llama_backend_init();
    if (ggml_backend_reg_count() == 0) return 3;
    printf("%s\n", llama_print_system_info());
    struct llama_model *model = llama_model_load_from_file(words[1], llama_model_default_params());
    if (!model) return 4;
    struct llama_context_params settings = llama_context_default_params();
    settings.n_ctx = 512;
    struct llama_context *context = llama_init_from_model(model, settings);
    if (!context) return 5;
    const struct llama_vocab *vocabulary = llama_model_get_vocab(model);
    llama_token tokens[256];
    int length = llama_tokenize(vocabulary, words[2], (int)strlen(words[2]), tokens, 256, true, true);
    if (length <= 0) return 6;
    struct llama_sampler *greedy = llama_sampler_init_greedy();
    struct llama_batch batch = llama_batch_get_one(tokens, length);
    for (int left = atoi(words[3]); left > 0; left--) {
        if (llama_decode(context, batch) != 0) return 7;
        tokens[0] = llama_sampler_sample(greedy, context, -1);
        if (llama_vocab_is_eog(vocabulary, tokens[0])) break;
        char piece[128];
        int size = llama_token_to_piece(vocabulary, tokens[0], piece, sizeof piece, 0, true);
        if (size < 0) return 8;
        fwrite(piece, 1, size, stdout);
        batch = llama_batch_get_one(tokens, 1);
    }
    return 0;
}
