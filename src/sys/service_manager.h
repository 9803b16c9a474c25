#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// What services and whoever manages them tell each other (sd_notify(3)): datagrams of lines "NAME=value".

/// Where $NOTIFY_SOCKET says that a manager listens: a path, or "@name". Empty: nowhere that we could reach.
std::string service_manager();

/// Errors: not_found, unavailable - nobody listens there.
Status tell_manager(const std::string& address, std::string_view lines);

/// Waits until the manager has read all that we told it before: it looks up who told, which it can't once we have ended.
/// A manager that knows no barriers is no error, nor is a deadline that passes.
void await_manager(const std::string& address, base::Deadline deadline);

/// A socket file on which everybody may tell us something; takes the place of one that was left there.
Result<UniqueFd> open_notify_socket(const std::string& path);

/// What came first, cut at 4096 bytes; descriptors with it are closed. Empty: nothing waits.
Result<std::optional<std::string>> receive_notification(int socket);

} // namespace nova::sys
