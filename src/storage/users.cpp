#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "storage/digest.h"
#include "storage/limits.h"
#include "storage/rootfs.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

using Fields = std::vector<std::string>;

std::optional<std::uint32_t> number(const std::string& text)
{
    auto const parsed = base::parse_integer(text, 0, 0x7fffffff);
    return parsed.ok() && text.front() >= '0' && text.front() <= '9' ? std::optional{static_cast<std::uint32_t>(parsed.value())}
                                                                     : std::nullopt;
}

/// The lines of an account file that have at least `least` fields. A root without the file has no lines.
Result<std::vector<Fields>> read_accounts(const sys::Directory& root, const std::string& path, std::size_t least)
{
    auto file = sys::open_in_root(root.fd(), path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (base::failed_with(file, Code::not_found))
        return std::vector<Fields>{};
    auto const fd = TRY(std::move(file));
    TRY(sys::size_of(fd.get()).context(path)); // No fifo, no device.
    std::vector<Fields> lines;
    for (const auto& line : base::split(TRY(sys::read_all(fd.get(), limits::account_file_bytes).context(path)), '\n'))
        if (auto fields = base::split(line, ':'); fields.size() >= least && !fields[0].empty())
            lines.push_back(std::move(fields));
    return lines;
}

/// name:password:id:… — by name first: there are users whose name is a number.
const Fields* find_account(const std::vector<Fields>& lines, const std::string& who)
{
    auto const by_name = std::find_if(lines.begin(), lines.end(), [&](const Fields& one) { return one[0] == who; });
    if (by_name != lines.end())
        return &*by_name;
    auto const id = number(who);
    auto const by_id = std::find_if(lines.begin(), lines.end(), [&](const Fields& one) { return id && number(one[2]) == id; });
    return by_id == lines.end() ? nullptr : &*by_id;
}

Result<std::uint32_t> id_of(const Fields* account, const std::string& who, const std::string& what)
{
    if (auto const id = account == nullptr ? number(who) : number((*account)[2]))
        return *id;
    if (account == nullptr && !who.empty() && std::all_of(who.begin(), who.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return Error{Code::invalid_argument, what + " " + in_quotes(who) + ": must be below 2147483648"};
    return Error{account == nullptr ? Code::not_found : Code::invalid_argument,
                 account == nullptr ? "there is no " + what + " " + in_quotes(who) + " in the image"
                                    : what + " " + in_quotes(who) + " has no number in the image"};
}

std::vector<std::uint32_t> groups_with(const std::vector<Fields>& groups, const std::string& name)
{
    std::vector<std::uint32_t> found;
    for (const auto& group : groups) {
        auto const members = base::split(group[3], ',');
        auto const id = number(group[2]);
        if (id && found.size() < limits::account_groups && std::find(members.begin(), members.end(), name) != members.end())
            found.push_back(*id);
    }
    return found;
}

} // namespace

Result<User> resolve_user(const std::string& rootfs, const std::string& user)
{
    auto const colon = user.find(':');
    auto const name = user.substr(0, colon);
    auto const group = colon == std::string::npos ? "" : user.substr(colon + 1);
    if (user.empty())
        return User{};
    if (name.empty() || (colon != std::string::npos && group.empty()))
        return Error{Code::invalid_argument, "user " + in_quotes(user) + ": must be USER or USER:GROUP"};

    auto const root = TRY(sys::Directory::open(rootfs));
    auto const users = TRY(read_accounts(root, "etc/passwd", 4));
    auto const groups = TRY(read_accounts(root, "etc/group", 4));
    auto const* account = find_account(users, name);
    User found;
    found.uid = TRY(id_of(account, name, "user"));
    if (!group.empty()) {
        found.gid = TRY(id_of(find_account(groups, group), group, "group"));
        return found;
    }
    if (account != nullptr) {
        found.gid = number((*account)[3]).value_or(0);
        found.groups = groups_with(groups, (*account)[0]);
    }
    return found;
}

} // namespace nova::storage
