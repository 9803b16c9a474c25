#pragma once

#include "control/controller.h"
#include "control/plugs.h"
#include "control/workload.h"

namespace nova::control {

/// Capsules: image, root, network and volumes in place, then the process; and back.
class PodController final : public Controller {
public:
    explicit PodController(Context& context) : context_(context), plugs_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    using Observed = std::optional<model::ProcessStatus>;

    Result<Next> step(model::Pod& pod, const Observed& observed);
    Result<Next> keep_running(model::Pod& pod, const Observed& observed);
    Result<Next> after_end(model::Pod& pod, const model::ProcessStatus& ended);
    Result<Next> launch(model::Pod& pod);
    Result<Next> halt(model::Pod& pod, const model::ProcessStatus& running);
    Result<Next> tear_down(model::Pod& pod);
    Result<Next> report_running(model::Pod& pod);
    Result<Next> report_ended(model::Pod& pod, const Observed& ended);
    Status report_failure(model::Pod& pod, const Observed& observed, const base::Error& error);
    Status hold_layers(const model::Pod& pod, const storage::StoredImage& image);
    bool is_replaced(const model::Pod& pod, const std::string& digest) const;
    std::string find_refused_port(const model::Pod& pod, const std::optional<Plug>& plug);
    Result<Next> wait_for_port(model::Pod& pod, const std::string& words);
    Result<Next> wait_for(model::Pod& pod, const std::string& reason, const std::string& message);

    int stop_signal(const model::Pod& pod) const;
    bool starved(const model::Pod& pod, const model::ProcessStatus& ended) const;
    void note_run(model::Pod& pod, const model::ProcessStatus& run);
    void note_running(model::Pod& pod, const model::ProcessStatus& running);
    Status signal(const std::string& id, int number);
    Status start(model::Pod& pod, const storage::StoredImage& image, const std::optional<Plug>& plug);
    Result<std::string> prepare_root(const model::Pod& pod, const storage::StoredImage& image);
    Result<std::optional<Plug>> plug_in(const model::Pod& pod);
    Status let_go(const model::Pod& pod);
    std::string directory(const std::string& id) const { return capsule_directory(context_.places, id); }

    Context& context_;
    Plugs plugs_;
    RestartDelays delays_;
    Graces graces_;
    TakenDown taken_down_;
};

} // namespace nova::control
