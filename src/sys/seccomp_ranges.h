#pragma once

#include <string>

namespace nova::sys {

/// A shorter program that decides every system call as this one does. The kernel checks, converts and translates a filter at each
/// load, which takes as long as the filter is; libseccomp has a comparison for each system call, where long runs of numbers meet
/// the same answer.
///
/// Follows the program for every number and architecture, and searches in ranges of equal answers; what depends on arguments goes
/// on in the given code. The result is compared with it, answer by answer. Returns the program itself where it is of another form
/// than libseccomp's, or no shorter can be made. Cost: a millisecond; meant to be cached.
std::string shorten_seccomp(const std::string& code);

} // namespace nova::sys
