#pragma once

#include "api/streams.h"
#include "apps/nova/server/places.h"
#include "control/workload.h"

namespace nova::app {

/// Logs, second processes and consoles of what runs, for the API: over the supervisor.
class SupervisorStreams final : public api::Streams {
public:
    SupervisorStreams(supervisor::Client& supervisor, const runtime::Capsules& capsules, control::ObjectStore& store,
                      control::Places places)
        : supervisor_(supervisor), capsules_(capsules), store_(store), places_(std::move(places))
    {}

    api::Result<std::unique_ptr<api::LogStream>> open_log(const model::Key& workload, const api::LogOptions& options) override;
    api::Result<api::Session> exec(const model::Key& workload, const api::ExecOptions& options) override;
    api::Result<api::Session> attach(const model::Key& workload) override;

private:
    Status must_run(const model::Key& workload);
    Result<std::string> numeric_user(const std::string& id, const std::string& user);

    supervisor::Client& supervisor_;
    const runtime::Capsules& capsules_;
    control::ObjectStore& store_;
    control::Places places_;
};

} // namespace nova::app
