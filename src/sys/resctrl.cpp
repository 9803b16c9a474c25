#include "sys/resctrl.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/resolve.h"

namespace nova::sys {

using base::Code;
using base::done;
using base::Error;

namespace {

constexpr std::size_t most_text = 1u << 20;

/// Spaces and the like stand as "\040" there.
std::string without_escapes(std::string_view text)
{
    auto const is_octal = [](char letter) { return letter >= '0' && letter <= '7'; };
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 3 >= text.size() || !is_octal(text[i + 1]) || !is_octal(text[i + 2]) ||
            !is_octal(text[i + 3])) {
            plain += text[i];
            continue;
        }
        plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
        i += 3;
    }
    return plain;
}

std::string name_of(const std::string& group)
{
    auto const slash = group.rfind('/');
    return slash == std::string::npos ? group : group.substr(slash + 1);
}

std::string below(const std::string& group, const std::string& file) { return group.empty() ? file : group + "/" + file; }

} // namespace

std::optional<std::string> find_resctrl(std::string_view mountinfo)
{
    std::optional<std::string> found;
    for (const auto& line : base::split(mountinfo, '\n')) {
        auto const fields = base::split(line, ' ');
        for (std::size_t i = 6; i + 1 < fields.size(); ++i)
            if (fields[i] == "-") {
                if (fields[i + 1] == "resctrl")
                    found = without_escapes(fields[4]);
                break;
            }
    }
    return found;
}

Result<Resctrl> Resctrl::open()
{
    auto const mounts = TRY(read_file("/proc/self/mountinfo"));
    auto const place = find_resctrl(mounts);
    if (!place)
        return Error{Code::failed_precondition, "no resctrl file system is mounted on this host"};
    auto opened = TRY(at(*place));
    struct statfs status {};
    if (::fstatfs(opened.root_.get(), &status) < 0 || status.f_type != RDTGROUP_SUPER_MAGIC)
        return Error{Code::failed_precondition, *place + " is covered: no resctrl file system is seen there"};
    return opened;
}

Result<Resctrl> Resctrl::at(const std::string& root) { return Resctrl{TRY(open_file(root, O_RDONLY | O_DIRECTORY))}; }

Error Resctrl::with_reason(Error error) const
{
    auto const said = read("info/last_cmd_status");
    auto const reason = said.ok() ? base::trim(said.value()) : std::string{};
    if (reason.empty() || reason == "ok")
        return error;
    return std::move(error).context("resctrl says \"" + reason.substr(0, 200) + "\"");
}

Result<UniqueFd> Resctrl::open_above(const std::string& group) const
{
    auto const slash = group.rfind('/');
    return open_beneath(root_.get(), slash == std::string::npos ? "." : group.substr(0, slash), O_PATH | O_DIRECTORY);
}

bool Resctrl::has_group(const std::string& group) const
{
    return group.empty() || open_beneath(root_.get(), group, O_PATH | O_DIRECTORY).ok();
}

Status Resctrl::create_group(const std::string& group) const
{
    auto const above = TRY(open_above(group));
    if (::mkdirat(above.get(), name_of(group).c_str(), 0755) < 0)
        return with_reason(Error::from_errno("make group " + group));
    return done();
}

Status Resctrl::remove_group(const std::string& group) const
{
    auto const above = open_above(group);
    if (failed_with(above, Code::not_found))
        return done();
    if (!above.ok())
        return Error{above.error()};
    if (::unlinkat(above.value().get(), name_of(group).c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
        return Error::from_errno("remove group " + group);
    return done();
}

Status Resctrl::write(const std::string& group, const std::string& file, std::string_view text) const
{
    auto const target = TRY(open_beneath(root_.get(), below(group, file), O_WRONLY));
    if (::write(target.get(), text.data(), text.size()) < 0)
        return with_reason(Error::from_errno("write " + below(group, file)));
    return done();
}

Result<std::string> Resctrl::read(const std::string& path) const
{
    auto const file = TRY(open_beneath(root_.get(), path, O_RDONLY));
    return read_all(file.get(), most_text);
}

Result<std::vector<std::string>> Resctrl::list(const std::string& path) const
{
    auto const directory = TRY(open_beneath(root_.get(), path, O_RDONLY | O_DIRECTORY));
    return list_directory("/proc/self/fd/" + std::to_string(directory.get()));
}

} // namespace nova::sys
