#pragma once

#include "control/workload_controller.h"

namespace nova::control {

/// Capsules: image, root, network and volumes in place, then the process; and back.
class PodController final : public WorkloadController<model::Pod> {
public:
    explicit PodController(Context& context) : WorkloadController(context, {"asked to end; it has ", "did not end within "}) {}

private:
    void forget(const std::string& id) override;
    std::string directory(const model::Pod& pod) const override { return directory(workload_id(model::key_of(pod))); }
    Result<Next> launch(model::Pod& pod) override;
    Result<Next> look_after(model::Pod& pod, const model::ProcessStatus& running) override;
    Status ask_to_end(model::Pod& pod, const model::ProcessStatus& running, Ask ask) override;
    Status kill(const model::Pod& pod) override;
    bool is_done(const model::Pod& pod, const model::ProcessStatus& ended) const override;
    bool starts_after_reboot(const model::Pod& pod) const override { return pod.spec.restart_policy == "Always"; }
    Result<Next> report_done(model::Pod& pod, const model::ProcessStatus& ended) override { return report_stopped(pod, ended); }
    Status report_crashed(model::Pod& pod, const model::ProcessStatus& ended) override;
    std::string& told_end(model::Pod& pod) const override;
    Result<Next> report_stopped(model::Pod& pod, const Observed& ended) override;
    Result<Next> tear_down(model::Pod& pod) override;

    Result<Next> report_running(model::Pod& pod);
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

    TakenDown taken_down_;
};

} // namespace nova::control
