#include "sys/landlock.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <span>
#include <string>

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

// Debian 12's headers end with the second version of the interface, so its later parts are written down here.
constexpr unsigned flag_version = 1;
constexpr int rule_path_beneath = 1;
constexpr int rule_port = 2;

struct Ruleset {
    std::uint64_t files = 0;
    std::uint64_t network = 0;
    std::uint64_t scopes = 0;
};

struct [[gnu::packed]] PathRule {
    std::uint64_t rights = 0;
    std::int32_t path = -1;
};

struct PortRule {
    std::uint64_t rights = 0;
    std::uint64_t port = 0;
};

/// A right, and since which version of the interface the kernel knows it. Its bit is its place in the list.
struct Right {
    std::string_view name;
    int since;
};
constexpr std::array<Right, 16> file_rights{{{"execute", 1},
                                             {"write_file", 1},
                                             {"read_file", 1},
                                             {"read_dir", 1},
                                             {"remove_dir", 1},
                                             {"remove_file", 1},
                                             {"make_char", 1},
                                             {"make_dir", 1},
                                             {"make_reg", 1},
                                             {"make_sock", 1},
                                             {"make_fifo", 1},
                                             {"make_block", 1},
                                             {"make_sym", 1},
                                             {"refer", 2},
                                             {"truncate", 3},
                                             {"ioctl_dev", 5}}};
constexpr std::array<Right, 2> network_rights{{{"bind_tcp", 4}, {"connect_tcp", 4}}};
constexpr std::array<Right, 2> scopes{{{"abstract_unix_socket", 6}, {"signal", 6}}};
constexpr std::uint64_t rights_of_a_file = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 14 | 1u << 15;

Result<std::uint64_t> parse(std::span<const Right> known, std::string_view name)
{
    for (std::size_t i = 0; i < known.size(); ++i)
        if (known[i].name == name)
            return std::uint64_t{1} << i;
    return Error{Code::invalid_argument, "unknown Landlock right \"" + std::string{name.substr(0, 60)} + "\""};
}

std::uint64_t known_in(std::span<const Right> rights, int version)
{
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < rights.size(); ++i)
        bits |= rights[i].since <= version ? std::uint64_t{1} << i : 0;
    return bits;
}

} // namespace

Result<std::uint64_t> parse_landlock_file_right(std::string_view name) { return parse(file_rights, name); }

Result<std::uint64_t> parse_landlock_network_right(std::string_view name) { return parse(network_rights, name); }

Result<std::uint64_t> parse_landlock_scope(std::string_view name) { return parse(scopes, name); }

LandlockRights known_landlock_rights()
{
    auto const version = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, flag_version));
    return {known_in(file_rights, version), known_in(network_rights, version), known_in(scopes, version)};
}

Result<LandlockRules> LandlockRules::create(const LandlockRights& handled)
{
    Ruleset const wanted{handled.files, handled.network, handled.scopes};
    // An older kernel knows a shorter structure, and refuses what lies beyond it only where it is not zero.
    UniqueFd fd{static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, sizeof wanted, 0))};
    if (!fd)
        return Error::from_errno("make Landlock rules");
    return LandlockRules{std::move(fd)};
}

Status LandlockRules::allow_beneath(int path, std::uint64_t rights) const
{
    struct stat status {};
    if (::fstat(path, &status) < 0)
        return Error::from_errno("look at the path of a Landlock rule");
    PathRule const rule{S_ISDIR(status.st_mode) ? rights : rights & rights_of_a_file, path};
    if (rule.rights != 0 && ::syscall(SYS_landlock_add_rule, fd_.get(), rule_path_beneath, &rule, 0) < 0)
        return Error::from_errno("add a Landlock rule");
    return base::done();
}

Status LandlockRules::allow_port(std::uint16_t port, std::uint64_t rights) const
{
    PortRule const rule{rights, port};
    if (rights != 0 && ::syscall(SYS_landlock_add_rule, fd_.get(), rule_port, &rule, 0) < 0)
        return Error::from_errno("add a Landlock rule");
    return base::done();
}

Status LandlockRules::restrict_self() const
{
    if (::syscall(SYS_landlock_restrict_self, fd_.get(), 0) < 0)
        return Error::from_errno("restrict the process with Landlock");
    return base::done();
}

} // namespace nova::sys
