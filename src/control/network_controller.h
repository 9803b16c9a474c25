#pragma once

#include "control/controller.h"
#include "control/drivers.h"

namespace nova::control {

/// Networks: subnet and bridge name by claim, bridge and rules by the network drivers, DHCP and DNS as a supervised process whose
/// host list follows the workloads.
class NetworkController final : public Controller {
public:
    explicit NetworkController(Context& context) : context_(context) {}
    Result<Next> reconcile(const model::Key& key) override;

private:
    Result<Next> step(model::Network& network);
    Result<network::SwitchPlan> plan(const model::Network& network);
    Status add_workloads(const model::Network& network, network::SwitchPlan& plan);
    Status serve(const network::SwitchPlan& plan);
    Result<Next> report_active(model::Network& network, const network::SwitchPlan& plan);
    Result<Next> tear_down(model::Network& network);

    Context& context_;
};

} // namespace nova::control
