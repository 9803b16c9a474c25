#include "sys/sysctl.h"

#include "base/strings.h"
#include "sys/file.h"

namespace nova::sys {

Result<std::string> read_sysctl(const std::string& name) { return base::trim(TRY(read_file("/proc/sys/" + name))); }

Status ensure_sysctl(const std::string& name, const std::string& value)
{
    if (TRY(read_sysctl(name)) == value)
        return base::done();
    return write_kernel_file("/proc/sys/" + name, value);
}

} // namespace nova::sys
