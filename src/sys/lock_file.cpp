#include "sys/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include "sys/file.h"

namespace nova::sys {

base::Result<UniqueFd> lock_file(const std::string& path)
{
    auto fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
        int const errnum = errno;
        if (errnum == EINTR)
            continue;
        if (errnum == EWOULDBLOCK)
            return base::Error{base::Code::failed_precondition, "lock " + path + ": another process holds it"};
        return base::Error::from_errno("lock " + path, errnum);
    }
    return fd;
}

} // namespace nova::sys
