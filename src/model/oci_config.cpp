#include "model/oci_config.h"

#include <algorithm>
#include <string_view>

#include "model/oci_parts.h"

namespace nova::model::oci {

using base::done;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
/// "1.2.0", "1.1.0-rc.1": any release of major version 1, which only ever adds.
static bool is_known_version(std::string_view version)
{
    if (!version.starts_with("1."))
        return false;
    auto const dot = version.find('.', 2);
    auto const rest = dot == std::string_view::npos ? std::string_view{} : version.substr(dot + 1);
    auto const end = std::min(rest.find_first_of("-+"), rest.size());
    auto const is_number = [](std::string_view text) {
        return !text.empty() && text.size() < 6 && text.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return is_number(version.substr(2, dot - 2)) && is_number(rest.substr(0, end));
}

static Status read(const Field& field, Mount& mount)
{
    TRY(read_object(field, need("destination", mount.destination), may("type", mount.type), may("source", mount.source),
                    may("options", mount.options), may("uidMappings", mount.uid_mappings),
                    may("gidMappings", mount.gid_mappings)));
    if (mount.destination.empty())
        return field.wrong_member("destination", "a path");
    return done();
}

static Status read(const Field& field, Hook& hook)
{
    TRY(read_object(field, need("path", hook.path), may("args", hook.args), may("env", hook.env),
                    may("timeout", hook.timeout_seconds)));
    if (hook.path.substr(0, 1) != "/")
        return field.wrong_member("path", "an absolute path");
    if (hook.timeout_seconds && *hook.timeout_seconds <= 0)
        return field.wrong_member("timeout", "above 0");
    return done();
}

static Status read(const Field& field, Hooks& hooks)
{
    return read_object(field, may("prestart", hooks.prestart), may("createRuntime", hooks.create_runtime),
                       may("createContainer", hooks.create_container), may("startContainer", hooks.start_container),
                       may("poststart", hooks.poststart), may("poststop", hooks.poststop));
}

static Status read(const Field& field, Config& config)
{
    TRY(read_object(field, need("ociVersion", config.version)));
    if (!is_known_version(config.version)) // First: nothing else is known of another one.
        return field.wrong_member("ociVersion", "1.x.y, is \"" + config.version.substr(0, 40) + "\"");
    if (!field.find("root"))
        return field.missing("root");
    TRY(read_object(field, inside("root", need("path", config.rootfs), may("readonly", config.read_only_rootfs)),
                    may("process", config.process), may("hostname", config.hostname), may("domainname", config.domainname),
                    may("mounts", config.mounts), may("hooks", config.hooks), may("annotations", config.annotations),
                    may("linux", config.platform)));
    if (config.rootfs.empty())
        return field.find("root")->wrong_member("path", "a path");
    if (config.annotations.count("") > 0)
        return field.wrong_member("annotations", "without an empty key");
    return done();
}

Status read(const Field& field, IdMapping& mapping)
{
    return read_object(field, need("containerID", mapping.container_id), need("hostID", mapping.host_id),
                       need("size", mapping.size));
}

/// The whole text as one value.
template <typename T>
static Result<T> parse(std::string_view text, const KnownText& known = {})
{
    auto const document = TRY(JsonDocument::parse(text, known));
    T value;
    TRY(read(Field{document.root()}, value));
    return value;
}

Result<Config> parse_config(std::string_view text, KnowsSeccomp knows)
{
    return parse<Config>(text, {"linux", "seccomp", std::move(knows)});
}

Result<Process> parse_process(std::string_view text) { return parse<Process>(text); }

Result<Resources> parse_resources(std::string_view text) { return parse<Resources>(text); }

} // namespace nova::model::oci
