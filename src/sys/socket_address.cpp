#include "sys/socket_address.h"

#include <fcntl.h>

#include <cstring>

#include "sys/file.h"

namespace nova::sys {

using base::Code;
using base::Error;

base::Result<SocketAddress> SocketAddress::of(const std::string& path)
{
    SocketAddress address;
    auto text = path;
    if (text.size() >= sizeof address.name_.sun_path) {
        auto const slash = path.rfind('/');
        auto const parent = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
        address.directory_ = TRY(open_file(parent, O_PATH | O_DIRECTORY));
        text = "/proc/self/fd/" + std::to_string(address.directory_.get()) + "/" + path.substr(slash + 1);
    }
    if (text.empty())
        return Error{Code::invalid_argument, "the path of a socket is empty"};
    if (text.size() >= sizeof address.name_.sun_path)
        return Error{Code::invalid_argument, "socket path " + path + ": its last part is too long"};
    address.name_.sun_family = AF_UNIX;
    std::memcpy(address.name_.sun_path, text.c_str(), text.size() + 1);
    return address;
}

} // namespace nova::sys
