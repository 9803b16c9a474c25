#include "runtime/checkpoint_image.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

#include "model/json_writer.h"
#include "model/oci_field.h"
#include "sys/file.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;

namespace {

constexpr std::size_t most_files = 100000;
constexpr std::size_t most_bytes_of_streams = 64u << 10;
constexpr const char* streams_file = "descriptors.json";

/// Whoever could write here between our look and criu's reading would choose what root makes.
Status check_owner(const struct stat& status, const std::string& name)
{
    if (status.st_uid != ::geteuid() && status.st_uid != 0)
        return Error{Code::permission_denied, name + ": belongs to another user"};
    if ((status.st_mode & 022) != 0 && !S_ISLNK(status.st_mode))
        return Error{Code::permission_denied, name + ": can be written by others"};
    return done();
}

Status check_file(int directory, const std::string& name)
{
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
        return Error::from_errno(name);
    bool const parent = name == "parent" && S_ISLNK(status.st_mode); // criu's own link to an earlier pre-dump.
    if (!S_ISREG(status.st_mode) && !parent)
        return Error{Code::invalid_argument, name + ": is no plain file"};
    if (status.st_nlink > 1)
        return Error{Code::invalid_argument, name + ": has other names"};
    return check_owner(status, name);
}

} // namespace

Result<StandardStreams> streams_of(pid_t pid)
{
    StandardStreams streams;
    for (std::size_t i = 0; i < streams.size(); ++i) {
        std::string name(PATH_MAX, '\0');
        auto const link = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(i);
        auto const length = ::readlink(link.c_str(), name.data(), name.size());
        if (length < 0 && errno != ENOENT)
            return Error::from_errno("look at the container's descriptors");
        name.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        streams[i] = std::move(name);
    }
    return streams;
}

Status write_streams(const std::string& image_path, const StandardStreams& streams)
{
    model::JsonWriter json;
    json.begin('[');
    for (const auto& name : streams)
        json.value(name);
    return sys::replace_file(image_path + "/" + streams_file, json.end(']').text() + "\n", 0600);
}

Result<StandardStreams> parse_streams(std::string text)
{
    auto const document = TRY(model::JsonDocument::parse(text));
    std::vector<std::string> names;
    TRY(read(model::oci::Field{document.root()}, names));
    StandardStreams streams;
    if (names.size() != streams.size())
        return Error{Code::invalid_argument, "must name three descriptors, names " + std::to_string(names.size())};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i].size() > PATH_MAX)
            return Error{Code::invalid_argument, "descriptor " + std::to_string(i) + " has too long a name"};
        streams[i] = std::move(names[i]);
    }
    return streams;
}

Result<StandardStreams> check_image(const std::string& image_path)
{
    auto const directory = TRY(sys::open_file(image_path, O_RDONLY | O_DIRECTORY).context("--image-path"));
    struct stat status {};
    if (::fstat(directory.get(), &status) < 0)
        return Error::from_errno("--image-path");
    TRY(check_owner(status, "--image-path " + image_path));
    auto const names = TRY(sys::list_directory(image_path));
    if (names.size() > most_files)
        return Error{Code::invalid_argument,
                     "--image-path " + image_path + ": has more than " + std::to_string(most_files) + " files"};
    for (const auto& name : names)
        TRY(check_file(directory.get(), name).context("--image-path " + image_path));
    if (!std::binary_search(names.begin(), names.end(), std::string{"inventory.img"}))
        return Error{Code::invalid_argument, "--image-path " + image_path + ": is no checkpoint: it has no inventory.img"};
    auto text = TRY(sys::read_file(image_path + "/" + streams_file, most_bytes_of_streams).context("--image-path"));
    return parse_streams(std::move(text)).context("--image-path " + image_path + "/" + streams_file);
}

} // namespace nova::runtime
