#include "sys/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

Status ensure_fifo(const std::string& path, unsigned mode)
{
    if (::mkfifo(path.c_str(), mode) == 0)
        return base::done();
    int const errnum = errno;
    struct stat found {};
    if (errnum == EEXIST && ::lstat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode))
        return base::done();
    return Error::from_errno("make FIFO " + path, errnum);
}

Result<UniqueFd> open_fifo(const std::string& path, FifoMode mode)
{
    auto fd = TRY(open_file(path, O_RDWR | O_NOFOLLOW | (mode == FifoMode::nonblocking ? O_NONBLOCK : 0)));
    struct stat found {};
    if (::fstat(fd.get(), &found) < 0)
        return Error::from_errno("look at " + path);
    if (!S_ISFIFO(found.st_mode))
        return Error{Code::invalid_argument, path + " is not a FIFO"};
    return fd;
}

Result<std::size_t> move_bytes(int from, int to, long long offset, std::size_t most)
{
    loff_t position = offset;
    while (true) {
        auto const count = ::splice(from, nullptr, to, offset < 0 ? nullptr : &position, most, SPLICE_F_NONBLOCK);
        if (count >= 0)
            return static_cast<std::size_t>(count);
        int const errnum = errno;
        if (errnum != EINTR)
            return Error::from_errno("move bytes", errnum);
    }
}

} // namespace nova::sys
