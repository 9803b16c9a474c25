#include "vm/names.h"

#include "base/strings.h"

namespace nova::vm {

std::string derive_mac(const std::string& space, const std::string& name)
{
    auto const digits = base::to_hex(base::stable_hash(space + "/" + name), 8);
    std::string mac = "52:54";
    for (std::size_t i = 0; i < digits.size(); i += 2)
        mac += ":" + digits.substr(i, 2);
    return mac;
}

std::string derive_tap_name(const std::string& root, const std::string& space, const std::string& name)
{
    return "nv" + base::to_hex(base::stable_hash(root + "\n" + space + "/" + name), 10);
}

} // namespace nova::vm
