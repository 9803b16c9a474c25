#include "sys/proc.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/resolve.h"

namespace nova::sys {

using base::Code;
using base::done;
using base::Error;

namespace {

constexpr ino_t root_number = 1; // PROC_ROOT_INO of the kernel.

Status check_procfs(const UniqueFd& fd, const std::string& path)
{
    struct statfs filesystem {};
    if (::fstatfs(fd.get(), &filesystem) < 0)
        return Error::from_errno("look at " + path);
    if (filesystem.f_type != PROC_SUPER_MAGIC)
        return Error{Code::failed_precondition, path + " is not the kernel's procfs"};
    return done();
}

} // namespace

Result<UniqueFd> open_proc()
{
    auto proc = TRY(open_file("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW));
    TRY(check_procfs(proc, "/proc"));
    struct stat status {};
    if (::fstat(proc.get(), &status) < 0 || status.st_ino != root_number)
        return Error{Code::failed_precondition, "/proc is not the root of a procfs"};
    return proc;
}

Result<UniqueFd> open_proc_self(int proc) { return open_on_one_mount(proc, "self", O_PATH | O_DIRECTORY).context("/proc"); }

Result<std::string> read_proc_self(int proc_self, const std::string& path)
{
    auto const file = TRY(open_on_one_mount(proc_self, path, O_RDONLY).context("/proc/self"));
    return read_all(file.get());
}

Status write_proc_self(int proc_self, const std::string& path, std::string_view text)
{
    auto const file = TRY(open_on_one_mount(proc_self, path, O_WRONLY).context("/proc/self"));
    return write_all(file.get(), text);
}

Status write_proc_sys(int proc, const std::string& path, std::string_view text)
{
    auto const sysctls = TRY(open_beneath(proc, "sys", O_PATH | O_DIRECTORY).context("/proc"));
    auto const file = TRY(open_beneath(sysctls.get(), path, O_WRONLY).context("/proc/sys"));
    TRY(check_procfs(file, "/proc/sys/" + path));
    return write_all(file.get(), text);
}

} // namespace nova::sys
