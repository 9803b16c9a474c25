#pragma once

#include <cstdint>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

struct WindowSize {
    std::uint16_t columns = 80;
    std::uint16_t rows = 24;
};

/// A pseudo-terminal. What is written into the slave is read from the master. When the last master is closed, the slave's
/// session gets SIGHUP.
struct Pty {
    UniqueFd master;
    UniqueFd slave;
};

Result<Pty> open_pty(WindowSize size);

/// The slave of a master, whatever is mounted on /dev/pts here.
Result<UniqueFd> open_pty_slave(int master);

/// Errors: invalid_argument - not a terminal.
Status resize_pty(int master, WindowSize size);

} // namespace nova::sys
