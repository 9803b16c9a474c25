#include "storage/volumes.h"

#include "base/strings.h"
#include "storage/digest.h"
#include "sys/directory.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::storage {

using base::Code;
using base::Error;

namespace {

/// The names become directories, so they are checked here too, whatever the model did.
Status check(const std::string& space, const std::string& name)
{
    for (const auto& one : {space, name})
        if (!base::is_dns_label(one))
            return Error{Code::invalid_argument,
                         "volume " + in_quotes(space + "/" + name) + ": " + in_quotes(one) + " is no DNS label"};
    return base::done();
}

constexpr const char* trash = "/.removed"; // No DNS label, so no space either.

} // namespace

Result<Volumes> Volumes::open(const std::string& directory)
{
    TRY(sys::make_directories(directory, 0700));
    TRY(sys::remove_tree(directory + trash).context("finish the removal of volumes"));
    return Volumes{directory};
}

Result<std::string> Volumes::ensure(const std::string& space, const std::string& name)
{
    TRY(check(space, name));
    auto data = directory_ + "/" + space + "/" + name + "/data";
    TRY(sys::make_directories(data).context("make volume " + space + "/" + name));
    return data;
}

Result<std::vector<std::string>> Volumes::list(const std::string& space) const
{
    TRY(check(space, "any"));
    auto names = sys::list_directory(directory_ + "/" + space);
    if (base::failed_with(names, Code::not_found))
        return std::vector<std::string>{};
    return names;
}

Status Volumes::remove(const std::string& space, const std::string& name)
{
    TRY(check(space, name));
    auto const doing = "remove volume " + space + "/" + name;
    auto const path = directory_ + "/" + space + "/" + name;
    if (!sys::exists(path))
        return base::done();
    // Out of sight in one step, so that a kill leaves no volume with half of its data.
    auto const gone = directory_ + trash + "/" + sys::random_hex(16);
    TRY(sys::make_directories(directory_ + trash, 0700).context(doing));
    TRY(sys::rename_over(path, gone).context(doing));
    return sys::remove_tree(gone).context(doing);
}

} // namespace nova::storage
