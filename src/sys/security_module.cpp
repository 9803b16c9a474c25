#include "sys/security_module.h"

#include "sys/file.h"

namespace nova::sys {

bool has_apparmor()
{
    auto const enabled = read_file("/sys/module/apparmor/parameters/enabled", 16);
    return enabled.ok() && enabled.value().starts_with('Y');
}

bool has_selinux() { return exists("/sys/fs/selinux/enforce"); }

} // namespace nova::sys
