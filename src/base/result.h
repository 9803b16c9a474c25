#pragma once

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/must.h"

namespace nova::base {

/// The class of a failure: the gRPC set, so that HTTP status, Kubernetes reason, gRPC code and exit code are one switch each.
enum class Code {
    cancelled,
    invalid_argument,
    deadline_exceeded,
    not_found,
    already_exists,
    permission_denied,
    resource_exhausted,
    failed_precondition,
    aborted,      ///< Lost a compare-and-swap: read again and retry.
    out_of_range, ///< A revision that was compacted: list again.
    unimplemented,
    internal,
    unavailable,
    data_loss,
    unauthenticated,
};

/// The name as gRPC writes it in lower case: "not_found".
std::string_view to_string(Code code);

/// The class that an errno value belongs to; internal where none fits better.
Code code_from_errno(int errnum);

/// One thing that is wrong with an input, and where.
struct Cause {
    std::string field;   ///< Path from the root: "spec.memory", "container.web.ports[1]". Empty: the whole input.
    std::string message; ///< "must be 1 to 512, is 0"
    std::string file{};  ///< Empty where the input was no file.
    int line = 0;        ///< From 1; 0 where unknown.
    int column = 0;      ///< From 1; 0 where unknown.

    bool operator==(const Cause&) const = default;
};

/// "NovaFile:12:3: vm.probe.cpu: must be 1 to 512, is 0", leaving out what is unknown.
std::string to_string(const Cause& cause);

/// A failure: what class it is, what the kernel said, and what we were doing.
/// Each caller puts its own step in front, so the message reads as a path:
///   "start web-1: prepare rootfs: mount overlay on /run/c/web-1: No such device"
/// A single pointer, and all that makes or breaks one is out of line and marked as rare: so that a Result costs little where all
/// goes well, and the compiler lays the code for failures apart. Once moved from it is of class internal and says nothing.
class [[nodiscard]] Error {
public:
    [[gnu::cold]] Error(Code code, std::string message);
    [[gnu::cold]] Error(const Error& other);
    [[gnu::cold]] Error& operator=(const Error& other);
    Error(Error&&) noexcept = default;
    Error& operator=(Error&&) noexcept = default;
    ~Error() = default;

    /// Bad input, with every cause that was found. The message lists them.
    [[gnu::cold]] static Error invalid(std::vector<Cause> causes);

    /// Captures errno. Build no string in the argument that could overwrite errno: prefer
    /// `int const errnum = errno;` and the overload below where the text needs work.
    static Error from_errno(std::string_view doing) { return from_errno(doing, errno); }
    [[gnu::cold]] static Error from_errno(std::string_view doing, int errnum);

    [[gnu::cold]] Error context(std::string_view doing) &&;

    Code code() const { return details_ ? details_->code : Code::internal; }
    int errnum() const { return details_ ? details_->errnum : 0; } ///< 0 when the kernel was not the source.
    [[gnu::cold]] const std::string& message() const;
    [[gnu::cold]] const std::vector<Cause>& causes() const;

private:
    template <typename T>
    friend class Result;

    struct Details {
        Code code = Code::internal;
        int errnum = 0;
        std::string message;
        std::vector<Cause> causes;
    };
    struct Drop {
        [[gnu::cold]] void operator()(Details* details) const noexcept;
    };
    static const Details& nothing();

    Error() = default; ///< None: for a Result that holds a value.

    std::unique_ptr<Details, Drop> details_;
};

/// Either a value or the Error that stands in its place.
template <typename T>
class [[nodiscard]] Result {
public:
    using value_type = T;

    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : error_(std::move(error)) {}

    template <typename U>
    requires(std::is_convertible_v<U&&, T> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, T> && !std::is_same_v<std::remove_cvref_t<U>, Error>) Result(U&& value)
        : value_(std::forward<U>(value))
    {}

    bool ok() const { return value_.has_value(); }
    explicit operator bool() const { return ok(); }

    /// The value. Asking a failed Result for it is a programmer's error and ends the process with the message.
    T& value() &
    {
        must_be_ok();
        return *value_;
    }
    const T& value() const&
    {
        must_be_ok();
        return *value_;
    }
    /// By value, so that `for (auto& x : f().value())` does not dangle.
    T value() &&
    {
        must_be_ok();
        return std::move(*value_);
    }
    T value_or(T other) && { return ok() ? std::move(*value_) : std::move(other); }

    const Error& error() const
    {
        must(!ok(), "error() of a Result that holds a value");
        return error_;
    }
    Error take_error() &&
    {
        must(!ok(), "take_error() of a Result that holds a value");
        return std::move(error_);
    }

    /// Puts "doing: " in front of the error's message; leaves a value alone.
    Result context(std::string_view doing) &&
    {
        if (!ok()) [[unlikely]]
            return std::move(error_).context(doing);
        return std::move(*this);
    }

private:
    void must_be_ok() const
    {
        if (!ok()) [[unlikely]]
            must_failed(error_.message().c_str());
    }

    std::optional<T> value_;
    Error error_; ///< None where there is a value.
};

/// What a function returns that yields nothing but may fail.
struct Done {};
using Status = Result<Done>;
inline Status done() { return Done{}; }

/// True where the error is of this class; false for a value.
template <typename T>
bool failed_with(const Result<T>& result, Code code)
{
    return !result.ok() && result.error().code() == code;
}

} // namespace nova::base

/// auto fd = TRY(open_file(path));
/// Yields the value, or returns the error from the enclosing function.
/// A GNU statement expression (docs/adr/0002). The counter lets one TRY stand inside another.
#define TRY(...) NOVA_TRY_COUNTED(__COUNTER__, __VA_ARGS__)
#define NOVA_TRY_COUNTED(number, ...) NOVA_TRY_NAMED(number, __VA_ARGS__)
#define NOVA_TRY_NAMED(number, ...) NOVA_TRY_WITH(try_result_##number##_, __VA_ARGS__)
#define NOVA_TRY_WITH(result, ...)                                                                                               \
    ({                                                                                                                           \
        auto result = (__VA_ARGS__);                                                                                             \
        if (!result.ok()) [[unlikely]]                                                                                           \
            return std::move(result).take_error();                                                                               \
        std::move(result).value();                                                                                               \
    })
