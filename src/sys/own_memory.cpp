#include "sys/own_memory.h"

#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>

#include "base/strings.h"
#include "sys/file.h"

namespace nova::sys {

void drop_code_pages()
{
    auto const maps = read_file("/proc/self/maps");
    if (!maps.ok())
        return;
    for (const auto& line : base::split(maps.value(), '\n')) {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        unsigned long inode = 0;
        char rights[8] = {};
        int const fields = std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %7s %*s %*s %lu", &begin, &end, rights, &inode);
        // Only code of a file: nothing ever wrote to it, so the file has all of it.
        if (fields == 4 && inode != 0 && std::string_view{rights} == "r-xp")
            ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
}

} // namespace nova::sys
