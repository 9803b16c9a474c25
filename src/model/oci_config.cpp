#include "model/oci_config.h"

#include "model/oci_parts.h"

namespace nova::model::oci {

using base::Code;
using base::done;
using base::Error;

// Not in an unnamed namespace: the templates of oci_field.h find these by their argument.
static Status check_version(const Config& config)
{
    if (config.version.substr(0, 2) == "1.")
        return done();
    return Error{Code::invalid_argument, "ociVersion: must be 1.x, is \"" + config.version.substr(0, 40) + "\""};
}

static Status read_root(const Field& object, Config& config)
{
    auto const root = object.find("root");
    if (!root)
        return Error{Code::invalid_argument, "root: is missing"};
    TRY(expect(*root, JsonValue::Kind::object));
    TRY(required(*root, "path", config.rootfs));
    if (config.rootfs.empty())
        return Error{Code::invalid_argument, "root.path: must not be empty"};
    return member(*root, "readonly", config.read_only_rootfs);
}

static Status read(const Field& field, Mount& mount)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "destination", mount.destination));
    if (mount.destination.empty())
        return field.find("destination")->wrong("a path");
    TRY(member(field, "type", mount.type));
    TRY(member(field, "source", mount.source));
    TRY(member(field, "options", mount.options));
    TRY(member(field, "uidMappings", mount.uid_mappings));
    return member(field, "gidMappings", mount.gid_mappings);
}

static Status read(const Field& field, Hook& hook)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "path", hook.path));
    if (hook.path.substr(0, 1) != "/")
        return field.find("path")->wrong("an absolute path");
    TRY(member(field, "args", hook.args));
    TRY(member(field, "env", hook.env));
    TRY(member(field, "timeout", hook.timeout_seconds));
    if (hook.timeout_seconds && *hook.timeout_seconds <= 0)
        return field.find("timeout")->wrong("above 0");
    return done();
}

static Status read(const Field& field, Hooks& hooks)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(member(field, "prestart", hooks.prestart));
    TRY(member(field, "createRuntime", hooks.create_runtime));
    TRY(member(field, "createContainer", hooks.create_container));
    TRY(member(field, "startContainer", hooks.start_container));
    TRY(member(field, "poststart", hooks.poststart));
    return member(field, "poststop", hooks.poststop);
}

static Status read_all(const Field& object, Config& config)
{
    TRY(expect(object, JsonValue::Kind::object));
    TRY(required(object, "ociVersion", config.version));
    TRY(check_version(config));
    TRY(read_root(object, config));
    TRY(member(object, "process", config.process));
    TRY(member(object, "hostname", config.hostname));
    TRY(member(object, "domainname", config.domainname));
    TRY(member(object, "mounts", config.mounts));
    TRY(member(object, "hooks", config.hooks));
    TRY(member(object, "annotations", config.annotations));
    return member(object, "linux", config.platform);
}

Status read(const Field& field, IdMapping& mapping)
{
    TRY(expect(field, JsonValue::Kind::object));
    TRY(required(field, "containerID", mapping.container_id));
    TRY(required(field, "hostID", mapping.host_id));
    return required(field, "size", mapping.size);
}

Result<Config> parse_config(std::string text)
{
    auto const document = TRY(JsonDocument::parse(std::move(text)));
    Config config;
    TRY(read_all(Field{document.root()}, config));
    return config;
}

Result<Process> parse_process(std::string text)
{
    auto const document = TRY(JsonDocument::parse(std::move(text)));
    Process process;
    TRY(read(Field{document.root()}, process));
    return process;
}

Result<Resources> parse_resources(std::string text)
{
    auto const document = TRY(JsonDocument::parse(std::move(text)));
    Resources resources;
    TRY(read(Field{document.root()}, resources));
    return resources;
}

} // namespace nova::model::oci
