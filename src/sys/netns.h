#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// The calling thread gets a network namespace of its own. Only for programs with one thread, and tests.
Status enter_new_netns();

/// The calling thread moves into the namespace. Only for programs with one thread, and tests.
Status enter_netns(int fd);

Result<UniqueFd> open_own_netns();

/// Takes the loopback of our own namespace into service. Needs no netlink socket: to make one and ask takes half as long again.
Status raise_loopback();

/// A number that no other network namespace has or gets before the next boot (Linux 5.14).
Result<std::uint64_t> own_netns_cookie();

/// A namespace that is pinned at this path. Errors: not_found; failed_precondition - the file is there, but no namespace is
/// mounted on it.
Result<UniqueFd> open_pinned_netns(const std::string& path);
bool is_pinned_netns(const std::string& path);

/// Keeps a namespace alive by a bind mount onto a file, which is made.
Status pin_netns(int fd, const std::string& path);

/// Lets go of a pinned namespace and removes the file. The namespace ends with its last process. Accepts absence.
Status unpin_netns(const std::string& path);

} // namespace nova::sys
