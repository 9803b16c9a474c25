#include "runtime/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "model/json_writer.h"
#include "model/oci_config.h"
#include "model/oci_field.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/pidfd.h"

namespace nova::runtime {

using base::Code;
using base::Error;

std::string_view to_string(Phase phase)
{
    switch (phase) {
    case Phase::creating: return "creating";
    case Phase::created: return "created";
    case Phase::running: return "running";
    case Phase::paused: return "paused";
    case Phase::stopped: return "stopped";
    }
    return "stopped";
}

Status check_id(const std::string& id)
{
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    auto const shown = "invalid container ID \"" + id.substr(0, 80) + "\": ";
    if (id.empty() || id.size() > 1024)
        return Error{Code::invalid_argument, shown + "must have 1 to 1024 characters"};
    if (id.find_first_not_of(std::string{letters} + "_+-.") != std::string::npos)
        return Error{Code::invalid_argument,
                     shown + "invalid character in it: must be made of letters, digits, '_', '+', '-' and '.'"};
    if (id.front() == '.') // A directory's own name, or one of ours beside the containers'.
        return Error{Code::invalid_argument, shown + "must not begin with '.'"};
    return base::done();
}

Result<StateDirectory> StateDirectory::create(const std::string& root, const std::string& id)
{
    TRY(check_id(id));
    StateDirectory directory{root + "/" + id};
    if (::mkdir(directory.path_.c_str(), 0700) < 0 && errno == ENOENT) {
        TRY(sys::make_directories(root, 0700));
        errno = 0;
        (void)::mkdir(directory.path_.c_str(), 0700);
    }
    int const errnum = errno;
    if (errnum == EEXIST)
        return Error{Code::already_exists, "container \"" + id + "\" already exists"};
    auto opened = sys::open_file(directory.path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!opened.ok())
        return errnum == 0 ? std::move(opened).take_error() : Error::from_errno("make directory " + directory.path_, errnum);
    directory.lock_ = std::move(opened).value();
    TRY(directory.lock());
    return directory;
}

Result<StateDirectory> StateDirectory::open(const std::string& root, const std::string& id)
{
    TRY(check_id(id));
    StateDirectory directory{root + "/" + id};
    auto opened = sys::open_file(directory.path_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (failed_with(opened, Code::not_found))
        return Error{Code::not_found, "container \"" + id + "\" does not exist"};
    directory.lock_ = TRY(std::move(opened));
    return directory;
}

Result<std::vector<std::string>> StateDirectory::list(const std::string& root)
{
    auto names = sys::list_directory(root);
    if (failed_with(names, Code::not_found))
        return std::vector<std::string>{};
    std::vector<std::string> ids;
    for (auto& name : TRY(std::move(names)))
        if (name.front() != '.' && check_id(name).ok())
            ids.push_back(std::move(name));
    return ids;
}

Status StateDirectory::lock()
{
    while (::flock(lock_.get(), LOCK_EX) < 0)
        if (errno != EINTR)
            return Error::from_errno("lock " + path_);
    struct stat held {};
    struct stat named {};
    if (::fstat(lock_.get(), &held) < 0 || ::stat(path_.c_str(), &named) < 0 || held.st_ino != named.st_ino)
        return Error{Code::not_found, "container was deleted meanwhile: " + path_};
    return base::done();
}

bool StateDirectory::is_being_changed() const
{
    bool const held = ::flock(lock_.get(), LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    (void)::flock(lock_.get(), LOCK_UN);
    return held;
}

Status StateDirectory::replace(const std::string& name, const std::string& text) const
{
    auto const temporary = name + ".new";
    {
        auto const file = TRY(sys::open_at(lock_.get(), temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
        TRY(sys::write_all(file.get(), text).context(path_ + "/" + name));
    }
    if (::renameat(lock_.get(), temporary.c_str(), lock_.get(), name.c_str()) < 0)
        return Error::from_errno("rename " + path_ + "/" + name);
    return base::done();
}

Status StateDirectory::write(const Record& record) const { return replace("state.json", to_json(record)); }

Result<Record> StateDirectory::read() const
{
    auto const text = TRY(sys::read_file(path_ + "/state.json", 16u << 20));
    return parse_record(text).context(path_ + "/state.json");
}

Status StateDirectory::write_config(const std::string& text) const
{
    auto const file = TRY(sys::open_at(lock_.get(), "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    return sys::write_all(file.get(), text).context(path_ + "/config.json");
}

Status StateDirectory::replace_config(const std::string& text) const { return replace("config.json", text); }

Result<std::string> StateDirectory::read_config() const { return sys::read_file(path_ + "/config.json"); }

bool StateDirectory::waits_for_start() const { return sys::exists(socket_path()); }

/// What is in it is mostly known, and to look for it costs more than to remove it.
Status StateDirectory::remove() const
{
    for (const char* const name : {"config.json", "state.json"})
        (void)::unlinkat(lock_.get(), name, 0);
    return ::rmdir(path_.c_str()) == 0 ? base::done() : sys::remove_tree(path_);
}

Result<sys::UniqueFd> open_process(const Record& record)
{
    Error const ended{Code::not_found, "container \"" + record.id + "\" has no running process"};
    if (record.pid <= 0)
        return ended;
    auto pidfd = sys::open_pidfd(record.pid);
    if (failed_with(pidfd, Code::not_found))
        return ended;
    auto const ticks = sys::start_ticks(record.pid);
    // Asked after the handle was opened: the number can't be reused while we look at it.
    if (!ticks.ok() || ticks.value() != record.start_ticks || sys::has_ended(pidfd.ok() ? pidfd.value().get() : -1))
        return ended;
    return pidfd;
}

Phase observe(const StateDirectory& directory, const Record& record)
{
    if (record.pid == 0)
        return Phase::creating;
    if (!open_process(record).ok())
        return Phase::stopped;
    if (!record.cgroup.empty() && sys::Cgroup::at(record.cgroup, record.controllers).frozen())
        return Phase::paused; // Before it was started too: whoever waits for it then would wait for ever.
    return directory.waits_for_start() ? Phase::created : Phase::running;
}

std::string state_json(const Record& record, Phase phase)
{
    model::JsonWriter json;
    json.begin('{').member("ociVersion", record.version).member("id", record.id);
    json.member("pid", static_cast<std::int64_t>(phase == Phase::stopped ? 0 : record.pid));
    json.member("status", to_string(phase));
    json.member("bundle", record.bundle).member("rootfs", record.rootfs).member("created", record.created);
    if (!record.unit.empty())
        json.member("systemd-scope", record.unit);
    json.member("owner", record.owner).key("annotations").begin('{');
    for (const auto& [key, value] : record.annotations)
        json.member(key, value);
    return json.end('}').end('}').text();
}

std::string to_json(const Record& record)
{
    model::JsonWriter json;
    json.begin('{').member("ociVersion", record.version).member("id", record.id).member("bundle", record.bundle);
    json.member("rootfs", record.rootfs).member("pid", static_cast<std::int64_t>(record.pid));
    json.member("startTicks", static_cast<std::uint64_t>(record.start_ticks)).member("created", record.created);
    json.member("cgroup", record.cgroup).member("owner", record.owner);
    json.member("needsConfig", record.needs_config).member("ownPids", record.own_pids).key("controllers").begin('[');
    for (const auto& controller : record.controllers)
        json.value(controller);
    json.end(']').member("unit", record.unit);
    if (!record.rdt.name.empty()) {
        json.key("rdt").begin('{').member("class", record.rdt.name).member("made", record.rdt.made);
        json.member("monitored", record.rdt.monitored).end('}');
    }
    json.key("annotations").begin('{');
    for (const auto& [key, value] : record.annotations)
        json.member(key, value);
    return json.end('}').end('}').text();
}

Result<Record> parse_record(std::string text)
{
    namespace oci = model::oci;
    auto const document = TRY(model::JsonDocument::parse(text));
    oci::Field const field{document.root()};
    Record record;
    std::uint64_t ticks = 0;
    TRY(read_object(field, oci::need("ociVersion", record.version), oci::need("id", record.id),
                    oci::need("bundle", record.bundle), oci::need("rootfs", record.rootfs), oci::need("pid", record.pid),
                    oci::need("startTicks", ticks), oci::need("created", record.created), oci::need("cgroup", record.cgroup),
                    oci::need("controllers", record.controllers), oci::may("owner", record.owner), oci::may("unit", record.unit),
                    oci::may("annotations", record.annotations), oci::may("needsConfig", record.needs_config),
                    oci::may("ownPids", record.own_pids),
                    oci::inside("rdt", oci::may("class", record.rdt.name), oci::may("made", record.rdt.made),
                                oci::may("monitored", record.rdt.monitored))));
    record.start_ticks = ticks;
    if (record.cgroup.find("..") != std::string::npos)
        return field.find("cgroup")->wrong("without \"..\"");
    if (!record.unit.empty() && !record.unit.ends_with(".scope") && !record.unit.ends_with(".slice"))
        return field.find("unit")->wrong("a scope or a slice"); // Else a forged record could stop any service.
    if (!record.rdt.name.empty() && !model::oci::is_rdt_class(record.rdt.name))
        return field.find("rdt")->wrong("the name of a class");
    return record;
}

} // namespace nova::runtime
