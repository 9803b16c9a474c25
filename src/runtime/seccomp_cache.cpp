#include "runtime/seccomp_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/random.h"

namespace nova::runtime {

namespace {

/// A program depends on its text and on how this version of nb reads it.
constexpr std::string_view compiler_version = NOVA_VERSION "/5\n";
constexpr auto most_cached = 4u << 20;

/// A fast hash does: texts are compared whole, so two of one hash never meet.
std::string name_of(std::string_view text) { return base::to_hex(std::hash<std::string_view>{}(text), 16); }

/// The file holds: version; flags, "listens" or "-", and the length of the text in a line; the text; the program's hash, for
/// files that a power failure left short, and a line's end; the program.
std::string head_of(std::string_view text, const SeccompFilter& filter)
{
    return std::string{compiler_version} + std::to_string(filter.flags) + (filter.wants_listener ? " listens " : " - ") +
           std::to_string(text.size()) + "\n";
}

std::string head_of_code(std::string_view code) { return name_of(code) + "\n"; }

/// Empty where somebody else could have written it.
std::optional<std::string> read_own_file(const std::string& path)
{
    auto const file = sys::open_file(path, O_RDONLY | O_NOFOLLOW);
    struct stat status {};
    if (!file.ok() || ::fstat(file.value().get(), &status) < 0 || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
        return std::nullopt;
    auto content = sys::read_all(file.value().get(), most_cached);
    return content.ok() ? std::optional{std::move(content).value()} : std::nullopt;
}

bool take(std::string_view& content, std::string_view part)
{
    bool const begins = content.starts_with(part);
    if (begins)
        content.remove_prefix(part.size());
    return begins;
}

/// The first line of a file, for this text.
std::optional<SeccompFilter> read_head(std::string_view& content, std::string_view text)
{
    SeccompFilter filter;
    if (!take(content, compiler_version))
        return std::nullopt;
    auto const space = std::min(content.find(' '), content.size());
    auto const flags = base::parse_integer(content.substr(0, space), 0, UINT32_MAX);
    if (!flags.ok())
        return std::nullopt;
    filter.flags = static_cast<unsigned>(flags.value());
    content.remove_prefix(space);
    filter.wants_listener = take(content, " listens ");
    bool const good = (filter.wants_listener || take(content, " - ")) && take(content, std::to_string(text.size()) + "\n");
    return good ? std::optional{std::move(filter)} : std::nullopt;
}

} // namespace

const SeccompFilter* SeccompCache::find(std::string_view text)
{
    if (!text_.empty() && text_ == text)
        return &filter_;
    text_ = {};
    auto content = read_own_file(directory_ + "/" + name_of(text));
    if (!content)
        return nullptr;
    content_ = std::move(*content);
    std::string_view rest = content_;
    auto found = read_head(rest, text);
    auto const kept = rest.substr(0, text.size());
    if (!found || !take(rest, text))
        return nullptr;
    auto const code = rest.substr(std::min(rest.size(), head_of_code("").size()));
    if (code.empty() || !rest.starts_with(head_of_code(code)))
        return nullptr;
    text_ = kept;
    filter_ = std::move(*found);
    filter_.code = code;
    return &filter_;
}

void SeccompCache::keep(std::string_view text, const SeccompFilter& filter) const
{
    (void)sys::make_directories(directory_, 0700);
    auto const path = directory_ + "/" + name_of(text);
    auto const temporary = path + "." + sys::random_hex(8);
    auto const file = sys::open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!file.ok())
        return;
    auto const written =
        sys::write_all(file.value().get(), head_of(text, filter) + std::string{text} + head_of_code(filter.code) + filter.code);
    if (!written.ok() || ::rename(temporary.c_str(), path.c_str()) < 0)
        ::unlink(temporary.c_str());
}

} // namespace nova::runtime
