#pragma once

#include <initializer_list>
#include <optional>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Signals as something to read. Opening blocks them in this thread (open it before there are others); they stay blocked.
class SignalFd {
public:
    static Result<SignalFd> open(std::initializer_list<int> signals);

    int fd() const { return fd_.get(); }
    std::optional<int> next(); ///< The next signal that came; empty: none. Does not block.

private:
    explicit SignalFd(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

void ignore_sigpipe();

} // namespace nova::sys
