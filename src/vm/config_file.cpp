#include "vm/config_file.h"

#include <nlohmann/json.hpp>

namespace nova::vm {
namespace {

/// A JSON string is a YAML one, whatever is in it.
std::string quote(const std::string& text)
{
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace

std::string make_config_yaml(const MachinePlan& plan)
{
    std::string text = "# Written by nova: what this machine was last started with. Changes here have no effect.\n";
    text += "name: " + quote(plan.name) + "\n";
    text += "hardware:\n";
    text += "  memory: " + std::to_string(plan.memory.count >> 20) + "\n";
    text += "  vcpu: " + std::to_string(plan.cpus) + "\n";
    if (plan.image.empty())
        text += "drives: {}\n";
    else
        text += "drives:\n  hd0:\n    path: hd0.qcow2\n    device:\n      type: virtio-blk\n      media_type: hd\n      "
                "boot_index: 1\n";
    if (plan.tap.empty())
        return text + "networks: {}\n";
    text += "networks:\n  net0:\n    type: tap\n    ifname: " + quote(plan.tap) + "\n";
    text += "    device:\n      mac: " + quote(plan.mac) + "\n";
    return text;
}

} // namespace nova::vm
