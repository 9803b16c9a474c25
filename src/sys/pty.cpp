#include "sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "sys/file.h"

namespace nova::sys {

using base::Error;

Result<UniqueFd> open_pty_slave(int master)
{
    UniqueFd slave{::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)};
    if (!slave)
        return Error::from_errno("open a terminal's slave");
    return slave;
}

Status resize_pty(int master, WindowSize size)
{
    winsize const wanted{size.rows, size.columns, 0, 0};
    if (::ioctl(master, TIOCSWINSZ, &wanted) == 0)
        return base::done();
    int const errnum = errno;
    if (errnum == ENOTTY)
        return Error{base::Code::invalid_argument, "resize: not a terminal"};
    return Error::from_errno("resize a terminal", errnum);
}

Result<Pty> open_pty(WindowSize size)
{
    Pty pty;
    pty.master = TRY(open_file("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK));
    int const unlocked = 0;
    if (::ioctl(pty.master.get(), TIOCSPTLCK, &unlocked) < 0)
        return Error::from_errno("unlock a terminal");
    pty.slave = TRY(open_pty_slave(pty.master.get()));
    TRY(resize_pty(pty.master.get(), size));
    return pty;
}

} // namespace nova::sys
