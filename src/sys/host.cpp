#include "sys/host.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

namespace nova::sys {

Host describe_host()
{
    utsname names{};
    ::uname(&names);
    struct ::sysinfo memory {};
    ::sysinfo(&memory);
    auto const cpus = std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L);
    return {names.nodename, names.release, static_cast<std::uint32_t>(cpus), std::uint64_t{memory.totalram} * memory.mem_unit};
}

} // namespace nova::sys
