// Types and constants of libcurl, and a table of the functions that are used: the library itself is loaded on
// first use, so nothing is linked.
#pragma once
#include <curl/curl.h>
#include <dlfcn.h>
#include <stddef.h>

// curl_easy_setopt and curl_easy_getinfo take arguments of any type, which Swift can't pass on: one inline
// function for each type that is needed does.
struct muster_curl {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
};

// Fills the table from a handle of dlopen; returns the first name that is missing, or NULL.
static inline const char *muster_curl_load(void *handle, struct muster_curl *api) {
    const struct {
        const char *name;
        void **slot;
    } entries[] = {
        {"curl_global_init", (void **)&api->global_init},
        {"curl_easy_init", (void **)&api->easy_init},
        {"curl_easy_cleanup", (void **)&api->easy_cleanup},
        {"curl_easy_perform", (void **)&api->easy_perform},
        {"curl_easy_setopt", (void **)&api->easy_setopt},
        {"curl_easy_getinfo", (void **)&api->easy_getinfo},
        {"curl_easy_strerror", (void **)&api->easy_strerror},
        {"curl_slist_append", (void **)&api->slist_append},
        {"curl_slist_free_all", (void **)&api->slist_free_all},
    };
    for (size_t index = 0; index < sizeof entries / sizeof entries[0]; index += 1) {
        *entries[index].slot = dlsym(handle, entries[index].name);
        if (*entries[index].slot == NULL) return entries[index].name;
    }
    return NULL;
}

typedef size_t (*muster_curl_write)(char *, size_t, size_t, void *);

static inline CURLcode muster_curl_set_long(const struct muster_curl *api, CURL *handle, CURLoption option, long value) {
    return api->easy_setopt(handle, option, value);
}

static inline CURLcode muster_curl_set_off(const struct muster_curl *api, CURL *handle, CURLoption option, curl_off_t value) {
    return api->easy_setopt(handle, option, value);
}

static inline CURLcode muster_curl_set_text(const struct muster_curl *api, CURL *handle, CURLoption option, const char *value) {
    return api->easy_setopt(handle, option, value);
}

static inline CURLcode muster_curl_set_pointer(const struct muster_curl *api, CURL *handle, CURLoption option, void *value) {
    return api->easy_setopt(handle, option, value);
}

static inline CURLcode muster_curl_set_write(const struct muster_curl *api, CURL *handle, CURLoption option, muster_curl_write value) {
    return api->easy_setopt(handle, option, value);
}

static inline long muster_curl_long(const struct muster_curl *api, CURL *handle, CURLINFO info) {
    long value = 0;
    return api->easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

// Microseconds.
static inline curl_off_t muster_curl_time(const struct muster_curl *api, CURL *handle, CURLINFO info) {
    curl_off_t value = 0;
    return api->easy_getinfo(handle, info, &value) == CURLE_OK ? value : 0;
}

// Certificates of the chain, the server's own first; NULL when there are none.
static inline struct curl_certinfo *muster_curl_certificates(const struct muster_curl *api, CURL *handle) {
    struct curl_certinfo *value = NULL;
    return api->easy_getinfo(handle, CURLINFO_CERTINFO, &value) == CURLE_OK ? value : NULL;
}
