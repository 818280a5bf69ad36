// Types and constants of libpcre2-8, and a table of the functions that are used: the library itself is loaded on
// first use, so nothing is linked.
#pragma once
#define PCRE2_CODE_UNIT_WIDTH 8
#include <dlfcn.h>
#include <pcre2.h>
#include <stddef.h>
#include <stdint.h>

struct muster_pcre2 {
    pcre2_compile_context *(*compile_context_create)(pcre2_general_context *);
    void (*compile_context_free)(pcre2_compile_context *);
    int (*set_parens_nest_limit)(pcre2_compile_context *, uint32_t);
    pcre2_code *(*compile)(PCRE2_SPTR, PCRE2_SIZE, uint32_t, int *, PCRE2_SIZE *, pcre2_compile_context *);
    void (*code_free)(pcre2_code *);
    int (*jit_compile)(pcre2_code *, uint32_t);
    int (*pattern_info)(const pcre2_code *, uint32_t, void *);
    pcre2_match_context *(*match_context_create)(pcre2_general_context *);
    void (*match_context_free)(pcre2_match_context *);
    int (*set_match_limit)(pcre2_match_context *, uint32_t);
    int (*set_depth_limit)(pcre2_match_context *, uint32_t);
    int (*set_heap_limit)(pcre2_match_context *, uint32_t);
    pcre2_match_data *(*match_data_create)(uint32_t, pcre2_general_context *);
    void (*match_data_free)(pcre2_match_data *);
    int (*match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t, pcre2_match_data *,
                 pcre2_match_context *);
    int (*jit_match)(const pcre2_code *, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, uint32_t, pcre2_match_data *,
                     pcre2_match_context *);
    pcre2_jit_stack *(*jit_stack_create)(PCRE2_SIZE, PCRE2_SIZE, pcre2_general_context *);
    void (*jit_stack_free)(pcre2_jit_stack *);
    void (*jit_stack_assign)(pcre2_match_context *, pcre2_jit_callback, void *);
    int (*get_error_message)(int, PCRE2_UCHAR *, PCRE2_SIZE);
};

// Fills the table from a handle of dlopen; returns the first name that is missing, or NULL.
static inline const char *muster_pcre2_load(void *handle, struct muster_pcre2 *api) {
    const struct {
        const char *name;
        void **slot;
    } entries[] = {
        {"pcre2_compile_context_create_8", (void **)&api->compile_context_create},
        {"pcre2_compile_context_free_8", (void **)&api->compile_context_free},
        {"pcre2_set_parens_nest_limit_8", (void **)&api->set_parens_nest_limit},
        {"pcre2_compile_8", (void **)&api->compile},
        {"pcre2_code_free_8", (void **)&api->code_free},
        {"pcre2_jit_compile_8", (void **)&api->jit_compile},
        {"pcre2_pattern_info_8", (void **)&api->pattern_info},
        {"pcre2_match_context_create_8", (void **)&api->match_context_create},
        {"pcre2_match_context_free_8", (void **)&api->match_context_free},
        {"pcre2_set_match_limit_8", (void **)&api->set_match_limit},
        {"pcre2_set_depth_limit_8", (void **)&api->set_depth_limit},
        {"pcre2_set_heap_limit_8", (void **)&api->set_heap_limit},
        {"pcre2_match_data_create_8", (void **)&api->match_data_create},
        {"pcre2_match_data_free_8", (void **)&api->match_data_free},
        {"pcre2_match_8", (void **)&api->match},
        {"pcre2_jit_match_8", (void **)&api->jit_match},
        {"pcre2_jit_stack_create_8", (void **)&api->jit_stack_create},
        {"pcre2_jit_stack_free_8", (void **)&api->jit_stack_free},
        {"pcre2_jit_stack_assign_8", (void **)&api->jit_stack_assign},
        {"pcre2_get_error_message_8", (void **)&api->get_error_message},
    };
    for (size_t index = 0; index < sizeof entries / sizeof entries[0]; index += 1) {
        *entries[index].slot = dlsym(handle, entries[index].name);
        if (*entries[index].slot == NULL) return entries[index].name;
    }
    return NULL;
}
