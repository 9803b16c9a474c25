#include "control/image_names.h"

namespace nova::control {

std::string normal_reference(const std::string& reference)
{
    auto const name = reference.rfind('/') == std::string::npos ? 0 : reference.rfind('/');
    if (reference.find('@') != std::string::npos || reference.find(':', name) != std::string::npos)
        return reference;
    return reference + ":latest";
}

} // namespace nova::control
