#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "runtime/checkpoint_image.h"
#include "runtime/external_parts.h"
#include "runtime/remove.h"
#include "runtime/state.h"
#include "sys/file.h"
#include "sys/root_directory.h"

namespace nova::runtime {

using base::Code;
using base::done;
using base::Error;
using base::Result;
using base::Status;
namespace oci = model::oci;

namespace {

Result<Record> read_running(const StateDirectory& directory, const std::string& id)
{
    auto record = TRY(directory.read());
    auto const phase = observe(directory, record);
    if (phase != Phase::running && phase != Phase::paused)
        return Error{Code::failed_precondition,
                     "cannot checkpoint container \"" + id + "\": it is " + std::string{to_string(phase)} + ", not running"};
    return record;
}

/// Masked files show the host's /dev/null. Of a masked directory, which has a file system of its own, criu knows by itself.
Status add_masked_files(WireMessage& options, const Record& record, const oci::Config& config)
{
    sys::RootDirectory const root{TRY(sys::open_file("/proc/" + std::to_string(record.pid) + "/root", O_PATH | O_DIRECTORY))};
    for (const auto& path : config.platform.masked_paths) {
        auto const found = root.find(path);
        struct stat status {};
        if (found.ok() && ::fstat(found.value().get(), &status) == 0 && S_ISCHR(status.st_mode))
            options.message(criu_option::external_mount, external_mount("/" + sys::clean_path(path), "/dev/null"));
    }
    return done();
}

Status add_options(WireMessage& options, const CheckpointRequest& request, const Record& record, const oci::Config& config)
{
    options.number(criu_option::pid, static_cast<std::uint64_t>(record.pid)).text(criu_option::root, record.rootfs);
    bool const memory_only = request.kind == CheckpointKind::memory_only;
    options.flag(criu_option::leave_running, request.leave_running || memory_only);
    options.flag(criu_option::track_memory, memory_only || !request.parent_path.empty());
    if (!request.parent_path.empty())
        options.text(criu_option::parent, request.parent_path);
    if (!record.cgroup.empty()) {
        auto const cgroup = sys::Cgroup::at(record.cgroup, record.controllers);
        auto const frozen_by = cgroup.directory(cgroup.layout() == sys::CgroupLayout::unified ? "" : "freezer");
        if (!frozen_by.empty())
            options.text(criu_option::freeze_cgroup, frozen_by);
    }
    for (const auto& name : TRY(external_namespaces(config.platform)))
        options.text(criu_option::external, name);
    if (memory_only)
        return done();
    for (const auto& place : external_mounts(config))
        options.message(criu_option::external_mount, external_mount(place.inside, place.inside));
    return add_masked_files(options, record, config);
}

Status dump(const Globals& globals, const CheckpointRequest& request)
{
    auto directory = TRY(StateDirectory::open(globals.root, request.id));
    TRY(directory.lock());
    auto const record = TRY(read_running(directory, request.id));
    auto const config_text = TRY(directory.read_config());
    auto const config = TRY(oci::parse_config(config_text));
    TRY(sys::make_directories(request.settings.image_path, 0700).context("--image-path"));
    if (!request.settings.work_path.empty())
        TRY(sys::make_directories(request.settings.work_path, 0700).context("--work-path"));
    CriuRequest work{.settings = request.settings};
    work.work = request.kind == CheckpointKind::whole ? CriuWork::dump : CriuWork::pre_dump;
    TRY(add_options(work.options, request, record, config));
    if (request.kind == CheckpointKind::whole)
        TRY(write_streams(request.settings.image_path, TRY(streams_of(record.pid))));
    TRY(run_criu(globals, work));
    return done();
}

} // namespace

Status checkpoint_container(const Globals& globals, const CheckpointRequest& request)
{
    TRY(dump(globals, request));
    if (request.leave_running || request.kind == CheckpointKind::memory_only)
        return done();
    return remove_container(globals, request.id, Force::yes);
}

} // namespace nova::runtime
