#pragma once

#include <string>

namespace nova::model {

/// What is wrong with a file that a machine shall boot as its kernel; empty where nothing is. Taken are a Linux bzImage, an ELF
/// with a PVH entry (a vmlinux) and a multiboot kernel: what `-kernel` of QEMU for x86-64 boots. Anything else it would run as
/// if it were code, and the guest would hang without a word.
/// Reads a few KiB, and of an ELF its notes. A file that can't be opened or is no regular file has nothing wrong with it here.
std::string find_kernel_fault(const std::string& path);

} // namespace nova::model
