#include "apps/nova/cli/exit_code.h"

namespace nova::app {

ExitCode exit_code_of(const base::Error& error)
{
    switch (error.code()) {
    case base::Code::not_found: return exit_not_found;
    case base::Code::unavailable:
    case base::Code::deadline_exceeded: return exit_network;
    case base::Code::permission_denied:
    case base::Code::unauthenticated: return exit_permission;
    case base::Code::resource_exhausted: return exit_resource;
    case base::Code::invalid_argument: return exit_configuration;
    default: return exit_failure;
    }
}

} // namespace nova::app
