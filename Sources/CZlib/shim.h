// Reading of gzip files, from the distribution's zlib (zlib1g-dev).
#include <zlib.h>
