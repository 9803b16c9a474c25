#include "sys/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sys/file.h"

namespace nova::sys {

using base::Error;

Result<std::optional<UniqueFd>> try_lock(const std::string& path)
{
    while (true) {
        auto file = TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
        if (::flock(file.get(), LOCK_EX | LOCK_NB) < 0) {
            int const errnum = errno;
            if (errnum == EWOULDBLOCK)
                return std::optional<UniqueFd>{};
            return Error::from_errno("lock " + path, errnum);
        }
        // Its holder may have removed the file between our open and our lock: then we hold a lock that nobody else will see.
        struct stat held {
        }, named{};
        if (::fstat(file.get(), &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino)
            return std::optional{std::move(file)};
    }
}

namespace {

Result<UniqueFd> wait_for_lock(const std::string& path, int operation)
{
    auto file = TRY(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    while (::flock(file.get(), operation) < 0) {
        int const errnum = errno;
        if (errnum != EINTR)
            return Error::from_errno("lock " + path, errnum);
    }
    return file;
}

} // namespace

Result<UniqueFd> lock_alone(const std::string& path) { return wait_for_lock(path, LOCK_EX); }

Result<UniqueFd> lock_shared(const std::string& path) { return wait_for_lock(path, LOCK_SH); }

} // namespace nova::sys
