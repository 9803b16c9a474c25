#pragma once

/// Which of the kernel's security modules, that put a label on each process, are in use here.
namespace nova::sys {

bool has_apparmor();
bool has_selinux();

} // namespace nova::sys
