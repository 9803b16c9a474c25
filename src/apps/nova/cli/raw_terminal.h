#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>

namespace nova::app {

struct TerminalSize {
    std::uint16_t columns = 0;
    std::uint16_t rows = 0;
};

/// Empty: the descriptor is no terminal.
std::optional<TerminalSize> terminal_size(int fd);

/// A terminal that passes every key on as it is typed; the destructor brings its old modes back.
class RawTerminal {
public:
    /// Empty: the descriptor is no terminal.
    static std::optional<RawTerminal> enter(int fd);
    RawTerminal(RawTerminal&& other) noexcept : fd_(other.fd_), before_(other.before_) { other.fd_ = -1; }
    RawTerminal& operator=(RawTerminal&&) = delete;
    ~RawTerminal();

private:
    RawTerminal(int fd, const termios& before) : fd_(fd), before_(before) {}
    int fd_;
    termios before_;
};

} // namespace nova::app
