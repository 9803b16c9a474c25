#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// Tells that files changed, as something to poll.
class Inotify {
public:
    static Result<Inotify> open();

    int fd() const { return fd_.get(); } ///< Readable when something happened.

    /// Appended to, renamed or removed. The number is for unwatch.
    Result<int> watch_content(const std::string& path);
    Result<int> watch_new_names(const std::string& directory); ///< Something was made in it or moved into it.
    void unwatch(int number);
    bool take(); ///< Takes what happened; true: something did. Does not block.

private:
    explicit Inotify(UniqueFd fd) : fd_(std::move(fd)) {}
    Result<int> watch(const std::string& path, unsigned mask);
    UniqueFd fd_;
};

} // namespace nova::sys
