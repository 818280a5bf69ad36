// Types and constants of libpq; the library itself is loaded on first use, so nothing is linked.
#pragma once
#include <postgresql/libpq-fe.h>
