#include "base/must.h"

#include <cstdio>
#include <cstdlib>

namespace nova::base {

void must_failed(const char* what)
{
    std::fprintf(stderr, "must: %s\n", what);
    std::abort();
}

} // namespace nova::base
