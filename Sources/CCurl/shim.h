// Types and constants of libcurl; the library itself is loaded on first use, so nothing is linked.
#pragma once
#include <curl/curl.h>
