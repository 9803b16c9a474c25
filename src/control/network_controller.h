#pragma once

#include "control/controller.h"
#include "control/drivers.h"
#include "control/workload.h"

namespace nova::control {

/// Networks: subnet and bridge name by claim, bridge and rules by the network drivers, DHCP and DNS as a supervised process whose
/// host list follows the workloads.
class NetworkController final : public Controller {
public:
    explicit NetworkController(Context& context) : context_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    struct Plan {
        network::SwitchPlan plan;
        bool ports_left_out = false; ///< Another program of this host has them.
    };

    Result<Next> step(model::Network& network);
    Result<Plan> plan(model::Network& network);
    Result<std::string> claim_subnet(const model::Network& network);
    Result<std::string> claim_bridge(const model::Network& network);
    Status add_workloads(model::Network& network, Plan& planned);
    Status add_ports(const std::vector<network::PublishedPort>& ports, Plan& planned);
    Status make_switch(const model::Network& network, network::SwitchPlan& plan);
    Result<std::optional<std::chrono::milliseconds>> serve(const network::SwitchPlan& plan);
    Status stop_serving(const std::string& id, const std::optional<model::ProcessStatus>& observed);
    Result<Next> report_active(model::Network& network, const network::SwitchPlan& plan);
    Result<Next> tear_down(model::Network& network);

    Context& context_;
    RestartDelays delays_{std::chrono::seconds{10}};
};

} // namespace nova::control
