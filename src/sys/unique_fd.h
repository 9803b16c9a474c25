#pragma once

#include <unistd.h>

#include <utility>

namespace nova::sys {

/// Owns one file descriptor. Empty when default-built or moved from.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept
    {
        UniqueFd old{std::exchange(fd_, std::exchange(other.fd_, -1))};
        return *this;
    }
    ~UniqueFd()
    {
        if (fd_ >= 0)
            ::close(fd_); // EINTR still closes on Linux: close(2). Never retry.
    }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset() { *this = UniqueFd{}; }

private:
    int fd_ = -1;
};

} // namespace nova::sys
