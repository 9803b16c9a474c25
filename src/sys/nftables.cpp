#include "sys/nftables.h"

#include <dlfcn.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>

#include <memory>
#include <mutex>

#include "base/strings.h"
#include "sys/netlink.h"

namespace nova::sys {

using base::Code;
using base::Error;

namespace {

/// The library's functions that we use, found by name at run time.
struct Library {
    decltype(&::nft_ctx_new) make = nullptr;
    decltype(&::nft_ctx_free) free = nullptr;
    decltype(&::nft_ctx_buffer_output) buffer_output = nullptr;
    decltype(&::nft_ctx_buffer_error) buffer_error = nullptr;
    decltype(&::nft_ctx_output_set_flags) set_flags = nullptr;
    decltype(&::nft_run_cmd_from_buffer) run = nullptr;
    decltype(&::nft_ctx_get_output_buffer) output = nullptr;
    decltype(&::nft_ctx_get_error_buffer) error = nullptr;
};

template <typename Function>
bool find_function(void* handle, const char* name, Function& function)
{
    function = reinterpret_cast<Function>(::dlsym(handle, name));
    return function != nullptr;
}

/// Never unloaded: it registers things of its own.
Result<Library> load_library()
{
    void* const handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
        return Error{Code::unavailable, "libnftables.so.1 is missing (Debian: apt install libnftables1)"};
    Library library;
    bool const complete = find_function(handle, "nft_ctx_new", library.make) &&
                          find_function(handle, "nft_ctx_free", library.free) &&
                          find_function(handle, "nft_ctx_buffer_output", library.buffer_output) &&
                          find_function(handle, "nft_ctx_buffer_error", library.buffer_error) &&
                          find_function(handle, "nft_ctx_output_set_flags", library.set_flags) &&
                          find_function(handle, "nft_run_cmd_from_buffer", library.run) &&
                          find_function(handle, "nft_ctx_get_output_buffer", library.output) &&
                          find_function(handle, "nft_ctx_get_error_buffer", library.error);
    if (!complete)
        return Error{Code::unavailable, "libnftables.so.1 lacks functions"};
    return library;
}

Error to_error(const std::string& told)
{
    auto const has = [&](std::string_view words) { return told.find(words) != std::string::npos; };
    auto code = Code::invalid_argument;
    if (has("No such file or directory"))
        code = Code::not_found;
    else if (has("Operation not permitted"))
        code = Code::permission_denied;
    return Error{code, "nftables: " + base::trim(told)};
}

/// The library ends the process where it gets no socket: so one is opened before, which also has the kernel load its module.
Status check_kernel()
{
    auto const socket = open_netlink_socket(NETLINK_NETFILTER, 0);
    if (!socket.ok() && socket.error().errnum() == EPROTONOSUPPORT)
        return Error{Code::unavailable, "nftables: this kernel has none (module nf_tables)"};
    return socket.ok() ? base::done() : Status{socket.error()};
}

} // namespace

Result<std::string> run_nftables(const std::string& commands)
{
    // Contexts are independent, but the parser below them has static tables: one at a time.
    static std::mutex mutex;
    std::lock_guard const lock{mutex};
    static const Result<Library> loaded = load_library();
    if (!loaded.ok())
        return Error{loaded.error()};
    auto const& library = loaded.value();
    TRY(check_kernel());

    std::unique_ptr<nft_ctx, decltype(library.free)> const context{library.make(NFT_CTX_DEFAULT), library.free};
    if (!context)
        return Error{Code::unavailable, "nftables: no context"};
    library.buffer_output(context.get());
    library.buffer_error(context.get());
    library.set_flags(context.get(), NFT_CTX_OUTPUT_JSON);
    if (library.run(context.get(), commands.c_str()) != 0)
        return to_error(library.error(context.get()));
    return std::string{library.output(context.get())};
}

} // namespace nova::sys
