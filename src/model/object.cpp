#include "model/object.h"

namespace nova::model {

std::string to_string(const Key& key)
{
    return key.kind + " " + (key.space.empty() ? "" : key.space + "/") + key.name;
}

} // namespace nova::model
