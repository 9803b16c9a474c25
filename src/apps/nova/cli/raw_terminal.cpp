#include "apps/nova/cli/raw_terminal.h"

#include <sys/ioctl.h>

namespace nova::app {

std::optional<TerminalSize> terminal_size(int fd)
{
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) < 0)
        return std::nullopt;
    return TerminalSize{size.ws_col, size.ws_row};
}

std::optional<RawTerminal> RawTerminal::enter(int fd)
{
    termios before{};
    if (::tcgetattr(fd, &before) < 0)
        return std::nullopt;
    auto raw = before;
    ::cfmakeraw(&raw);
    ::tcsetattr(fd, TCSANOW, &raw);
    return RawTerminal{fd, before};
}

RawTerminal::~RawTerminal()
{
    if (fd_ >= 0)
        ::tcsetattr(fd_, TCSANOW, &before_);
}

} // namespace nova::app
