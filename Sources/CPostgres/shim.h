// Types of libpq and a table of its functions; the library is loaded on first use, so nothing is linked.
#pragma once
#include <dlfcn.h>
#include <stddef.h>
#include <postgresql/libpq-fe.h>

#define MUSTER_POSTGRES_FUNCTIONS(each) \
    each(PQconnectStartParams) \
    each(PQconnectPoll) \
    each(PQstatus) \
    each(PQsocket) \
    each(PQuser) \
    each(PQerrorMessage) \
    each(PQsetErrorVerbosity) \
    each(PQsetNoticeReceiver) \
    each(PQsetnonblocking) \
    each(PQsendQueryParams) \
    each(PQsetSingleRowMode) \
    each(PQflush) \
    each(PQconsumeInput) \
    each(PQisBusy) \
    each(PQgetResult) \
    each(PQclear) \
    each(PQresultStatus) \
    each(PQresultErrorField) \
    each(PQresultErrorMessage) \
    each(PQntuples) \
    each(PQnfields) \
    each(PQfname) \
    each(PQgetvalue) \
    each(PQgetisnull) \
    each(PQgetlength) \
    each(PQcmdTuples) \
    each(PQgetCancel) \
    each(PQcancel) \
    each(PQfreeCancel) \
    each(PQfinish)

// Each function under its own name and with the header's own signature.
struct muster_postgres {
#define MUSTER_FIELD(name) __typeof__(&name) name;
    MUSTER_POSTGRES_FUNCTIONS(MUSTER_FIELD)
#undef MUSTER_FIELD
};

// Fills the table; returns the name of the first function that the library lacks, or NULL.
static inline const char *muster_postgres_load(void *library, struct muster_postgres *table) {
#define MUSTER_FIND(name) \
    table->name = (__typeof__(&name))dlsym(library, #name); \
    if (table->name == NULL) return #name;
    MUSTER_POSTGRES_FUNCTIONS(MUSTER_FIND)
#undef MUSTER_FIND
    return NULL;
}
