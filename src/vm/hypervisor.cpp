#include "vm/hypervisor.h"

namespace nova::vm {

std::string_view to_string(Acceleration acceleration)
{
    return acceleration == Acceleration::kvm ? "kvm" : "tcg";
}

} // namespace nova::vm
