#include "sys/memfd.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/mount_api.h"

namespace nova::sys {

using base::Error;

namespace {

constexpr int all_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr auto own_program = "/proc/self/exe";

#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10; // Linux 6.3; older kernels refuse it.
#endif

Result<UniqueFd> memory_file(const std::string& name)
{
    UniqueFd fd{::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC)};
    if (!fd)
        fd = UniqueFd{::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!fd)
        return Error::from_errno("make a file in memory");
    return fd;
}

Result<UniqueFd> sealed(UniqueFd fd)
{
    if (::fchmod(fd.get(), 0555) < 0)
        return Error::from_errno("make the program executable");
    if (::fcntl(fd.get(), F_ADD_SEALS, all_seals) < 0)
        return Error::from_errno("seal the program");
    return fd;
}

Result<UniqueFd> sealed_copy_of_own_program()
{
    auto const source = TRY(open_file(own_program, O_RDONLY));
    auto copy = TRY(memory_file("nb"));
    while (true) {
        auto const count = ::sendfile(copy.get(), source.get(), nullptr, 1u << 30);
        if (count < 0)
            return Error::from_errno("copy the program");
        if (count == 0)
            return sealed(std::move(copy));
    }
}

Result<UniqueFd> read_only_mount_of_own_program()
{
    auto const source = TRY(open_file(own_program, O_PATH));
    auto mount = TRY(clone_tree(source.get(), Subtree::this_mount));
    TRY(set_mount_attributes(mount.get(), {.set = MOUNT_ATTR_RDONLY}, Subtree::this_mount));
    return mount;
}

} // namespace

Result<UniqueFd> sealed_program(std::span<const std::byte> image, const std::string& name)
{
    auto file = TRY(memory_file(name));
    TRY(write_all(file.get(), {reinterpret_cast<const char*>(image.data()), image.size()}));
    return sealed(std::move(file));
}

bool own_program_is_sealed()
{
    struct statvfs place {};
    if (::statvfs(own_program, &place) == 0 && (place.f_flag & ST_RDONLY) != 0)
        return true;
    UniqueFd const fd{::open(own_program, O_RDONLY | O_CLOEXEC)};
    if (!fd)
        return false;
    auto const seals = ::fcntl(fd.get(), F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

namespace {

int seal = -1; ///< The process's own, as its name is.

/// The kernel tells a program how it was started: "/dev/fd/5".
int descriptor_of_start()
{
    constexpr std::string_view prefix = "/dev/fd/";
    const auto* const told = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    std::string_view const name{told ? told : ""};
    return name.starts_with(prefix) ? static_cast<int>(base::parse_integer(name.substr(prefix.size()), 3, 1 << 20).value_or(-1))
                                    : -1;
}

} // namespace

void take_seal()
{
    int const fd = descriptor_of_start();
    int const flags = fd < 0 ? -1 : ::fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_PATH) != 0 && ::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
        seal = fd;
}

void let_go_of_seal()
{
    if (seal >= 0)
        ::close(seal);
    seal = -1;
}

Status run_own_program_sealed(char** argv)
{
    auto program = read_only_mount_of_own_program();
    if (!program.ok())
        program = sealed_copy_of_own_program();
    auto const fd = TRY(std::move(program));
    ::fexecve(fd.get(), argv, environ);
    return Error::from_errno("start the sealed program");
}

} // namespace nova::sys
