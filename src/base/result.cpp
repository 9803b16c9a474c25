#include "base/result.h"

#include <cstring>

namespace nova::base {

std::string_view to_string(Code code)
{
    switch (code) {
    case Code::cancelled: return "cancelled";
    case Code::invalid_argument: return "invalid_argument";
    case Code::deadline_exceeded: return "deadline_exceeded";
    case Code::not_found: return "not_found";
    case Code::already_exists: return "already_exists";
    case Code::permission_denied: return "permission_denied";
    case Code::resource_exhausted: return "resource_exhausted";
    case Code::failed_precondition: return "failed_precondition";
    case Code::aborted: return "aborted";
    case Code::out_of_range: return "out_of_range";
    case Code::unimplemented: return "unimplemented";
    case Code::internal: return "internal";
    case Code::unavailable: return "unavailable";
    case Code::data_loss: return "data_loss";
    case Code::unauthenticated: return "unauthenticated";
    }
    return "internal";
}

Code code_from_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ESRCH:
    case ENODEV:
    case ENXIO: return Code::not_found;
    case EEXIST: return Code::already_exists;
    case EPERM:
    case EACCES:
    case EROFS: return Code::permission_denied;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case EXDEV: return Code::invalid_argument;
    case ENOSPC:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EDQUOT: return Code::resource_exhausted;
    case EBUSY:
    case ENOTEMPTY: return Code::failed_precondition;
    case ENOSYS:
    case EOPNOTSUPP: return Code::unimplemented;
    case EAGAIN:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return Code::unavailable;
    case ETIMEDOUT: return Code::deadline_exceeded;
    case ECANCELED: return Code::cancelled;
    default: return Code::internal;
    }
}

std::string to_string(const Cause& cause)
{
    std::string text;
    if (!cause.file.empty() || cause.line > 0) {
        text = cause.file.empty() ? "input" : cause.file;
        if (cause.line > 0)
            text += ":" + std::to_string(cause.line);
        if (cause.column > 0)
            text += ":" + std::to_string(cause.column);
        text += ": ";
    }
    if (!cause.field.empty())
        text += cause.field + ": ";
    return text + cause.message;
}

Error::Error(Code code, std::string message) : details_(new Details{code, 0, std::move(message), {}}) {}

Error::Error(const Error& other) : details_(new Details{other.details_ ? *other.details_ : nothing()}) {}

Error& Error::operator=(const Error& other)
{
    if (this != &other)
        *this = Error{other};
    return *this;
}

void Error::Drop::operator()(Details* details) const noexcept { delete details; }

const Error::Details& Error::nothing()
{
    static const Details details;
    return details;
}

Error Error::context(std::string_view doing) &&
{
    if (!details_)
        return Error{Code::internal, std::string{doing}};
    details_->message.insert(0, std::string{doing} + ": ");
    return std::move(*this);
}

const std::string& Error::message() const { return (details_ ? *details_ : nothing()).message; }

const std::vector<Cause>& Error::causes() const { return (details_ ? *details_ : nothing()).causes; }

Error Error::invalid(std::vector<Cause> causes)
{
    std::string message;
    for (const auto& cause : causes)
        message += (message.empty() ? "" : "\n") + to_string(cause);
    Error error{Code::invalid_argument, std::move(message)};
    error.details_->causes = std::move(causes);
    return error;
}

Error Error::from_errno(std::string_view doing, int errnum)
{
    Error error{code_from_errno(errnum), std::string{doing} + ": " + std::strerror(errnum)};
    error.details_->errnum = errnum;
    return error;
}

} // namespace nova::base
