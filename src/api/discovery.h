#pragma once

#include "api/message.h"
#include "api/route.h"

namespace nova::api {

/// APIVersions, APIGroupList, APIGroup or APIResourceList: what a place of discovery answers.
json discovery(const Route& route);

} // namespace nova::api
