#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace nova::sys {

using base::Result;
using base::Status;

/// One rtnetlink message under construction: its fixed header, then attributes, which may nest.
///   NetlinkRequest request{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
///   request.header(ifinfomsg{}).text(IFLA_IFNAME, "br0");
///   request.nest(IFLA_LINKINFO, [](auto& info) { info.text(IFLA_INFO_KIND, "bridge"); });
class NetlinkRequest {
public:
    NetlinkRequest(std::uint16_t type, std::uint16_t flags);

    /// The family's fixed header (ifinfomsg, ifaddrmsg, rtmsg). Also inside a nest: a veth's peer has one.
    template <typename Header>
    NetlinkRequest& header(const Header& value)
    {
        return append({reinterpret_cast<const unsigned char*>(&value), sizeof value});
    }

    template <typename Number>
    requires std::is_integral_v<Number> NetlinkRequest& number(std::uint16_t type, Number value)
    {
        return bytes(type, {reinterpret_cast<const unsigned char*>(&value), sizeof value});
    }

    NetlinkRequest& text(std::uint16_t type, std::string_view value); ///< With the closing zero.
    NetlinkRequest& bytes(std::uint16_t type, std::span<const unsigned char> value);
    NetlinkRequest& nest(std::uint16_t type, const std::function<void(NetlinkRequest&)>& fill);

    /// The kernel shall not acknowledge it: beginning and end of a batch have no answer.
    NetlinkRequest& without_answer()
    {
        answered_ = false;
        return *this;
    }
    bool is_answered() const { return answered_; }

    /// The finished message; the number is what its answer will carry.
    std::string_view finish(std::uint32_t sequence);

private:
    NetlinkRequest& append(std::span<const unsigned char> value);
    void pad();

    std::string buffer_;
    bool answered_ = true;
};

/// One attribute of an answer. Its bytes live as long as the callback that got it.
struct NetlinkAttribute {
    std::uint16_t type = 0;
    std::span<const unsigned char> value;

    std::uint32_t number() const; ///< Of up to 4 bytes, in host order; 0 for others.
    std::string text() const;     ///< Up to the first zero.
};

/// Attributes that follow each other in `bytes`. Stops at the first that does not fit.
std::vector<NetlinkAttribute> parse_attributes(std::span<const unsigned char> bytes);

/// One message of a dump.
struct NetlinkAnswer {
    std::uint16_t type = 0;
    std::span<const unsigned char> payload; ///< The fixed header and then the attributes.

    /// The fixed header. Errors: data_loss - the message is shorter.
    template <typename Header>
    Result<Header> header() const
    {
        Header value{};
        if (payload.size() < sizeof value)
            return base::Error{base::Code::data_loss, "a netlink message is cut short"};
        std::memcpy(&value, payload.data(), sizeof value);
        return value;
    }
    template <typename Header>
    std::vector<NetlinkAttribute> attributes() const
    {
        auto const start = (sizeof(Header) + 3) & ~std::size_t{3};
        return payload.size() < start ? std::vector<NetlinkAttribute>{} : parse_attributes(payload.subspan(start));
    }
};

/// The messages that follow each other in a datagram. Stops at the first that does not fit. Their bytes are the datagram's.
std::vector<NetlinkAnswer> parse_messages(std::span<const unsigned char> datagram);

/// A bound socket to the kernel. `protocol`: NETLINK_ROUTE; `flags`: SOCK_NONBLOCK, or 0.
Result<UniqueFd> open_netlink_socket(int protocol, int flags);

enum class NetlinkKind { routes, packet_filter };

/// A socket to the kernel's routing tables, or its packet filter, in the network namespace that the opening thread was in.
/// Not for use by two threads at a time.
class Netlink {
public:
    static Result<Netlink> open(NetlinkKind kind = NetlinkKind::routes);

    /// Sends one request and waits for its acknowledgement. Errors: what the kernel answered, in its words if it gave any.
    Status transact(NetlinkRequest& request);

    /// Sends several requests in one system call, which the kernel carries out one after the other before it returns: a SIGKILL
    /// can't come between them. Every request is tried; the first failure is returned.
    Status transact_all(std::span<NetlinkRequest> requests);

    /// Asks for a list. `take` may fail, which ends it. Repeats by itself when the kernel says that the list changed meanwhile:
    /// `restart` is called before each new try.
    Status dump(NetlinkRequest& request, const std::function<void()>& restart,
                const std::function<Status(const NetlinkAnswer&)>& take);

private:
    explicit Netlink(UniqueFd socket) : socket_(std::move(socket)) {}
    Status send(std::string_view message);
    Result<std::span<const unsigned char>> receive();
    Result<bool> dump_once(NetlinkRequest& request, const std::function<Status(const NetlinkAnswer&)>& take);

    UniqueFd socket_;
    std::uint32_t sequence_ = 0;
    std::unique_ptr<unsigned char[]> buffer_; ///< Of the last datagram.
};

} // namespace nova::sys
