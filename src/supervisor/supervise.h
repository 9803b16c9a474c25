#pragma once

#include <string>
#include <vector>

namespace nova::supervisor {

/// `nb supervise`: what stands after it. Returns the exit code.
///   --directory DIR              serve DIR until shut down
///   --daemonize --directory DIR  start that in a session of its own and return once it answers (or another one does)
///   --check                      print "supervisor VERSION": which protocol this program speaks
/// Others are for our own successors and helpers: --keeper, --lock FD, --listener FD, --greet FD, --exec PIDFD:FD, --ready FD.
int supervise(const std::vector<std::string>& arguments);

} // namespace nova::supervisor
