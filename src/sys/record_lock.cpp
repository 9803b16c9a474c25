#include "sys/record_lock.h"

#include <fcntl.h>

#include "sys/file.h"

namespace nova::sys {

base::Result<bool> is_locked_by_another(const std::string& path)
{
    auto const file = open_file(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (base::failed_with(file, base::Code::not_found))
        return false;
    if (!file.ok())
        return file.error();
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    // F_OFD_GETLK: with plain F_GETLK, closing our descriptor would drop locks that this process itself holds on the file.
    if (::fcntl(file.value().get(), F_OFD_GETLK, &lock) < 0)
        return base::Error::from_errno("ask for the lock of " + path);
    return lock.l_type != F_UNLCK;
}

} // namespace nova::sys
