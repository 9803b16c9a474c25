#include "runtime/pid_file.h"

#include <fcntl.h>

#include <cstdio>

#include "sys/file.h"

namespace nova::runtime {

base::Status write_pid_file(const std::string& path, pid_t pid)
{
    auto const temporary = path + ".new";
    {
        auto const file = TRY(sys::open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
        TRY(sys::write_all(file.get(), std::to_string(pid)));
    }
    if (::rename(temporary.c_str(), path.c_str()) < 0)
        return base::Error::from_errno("rename to " + path);
    return base::done();
}

} // namespace nova::runtime
