#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// A program in memory that nobody, not even root, can change any more: all seals are set. For fexecve.
/// Errors: resource_exhausted, as memfd_create(2).
Result<UniqueFd> sealed_program(std::span<const std::byte> image, const std::string& name);

/// True where the file of this process can't be written through /proc/self/exe: it is a sealed memfd, or lies on a read-only
/// mount.
bool own_program_is_sealed();

/// Starts our own file again with the same arguments in a form that can't be written through /proc/PID/exe: from a read-only
/// detached mount, or, where mounting is not permitted, from a sealed copy in memory (CVE-2019-5736). Returns only on failure.
Status run_own_program_sealed(char** argv);

/// A process that nova_early_start() started again has the mount it was started from open. take_seal() is to be called first of
/// all, and keeps it from programs that are started; let_go_of_seal() closes it, for which the kernel waits until no processor
/// looks at mounts (0.1 ms): call it where there is nothing to do anyway. Both do nothing where there is no such mount.
void take_seal();
void let_go_of_seal();

} // namespace nova::sys
