#include "sys/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace nova::sys {

using base::Code;
using base::Error;

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags)
{
    nlmsghdr head{};
    head.nlmsg_type = type;
    head.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    header(head);
}

void NetlinkRequest::pad() { buffer_.resize((buffer_.size() + 3) & ~std::size_t{3}, '\0'); }

NetlinkRequest& NetlinkRequest::append(std::span<const unsigned char> value)
{
    buffer_.append(reinterpret_cast<const char*>(value.data()), value.size());
    pad();
    return *this;
}

NetlinkRequest& NetlinkRequest::bytes(std::uint16_t type, std::span<const unsigned char> value)
{
    rtattr const attribute{static_cast<std::uint16_t>(sizeof(rtattr) + value.size()), type};
    header(attribute);
    return append(value);
}

NetlinkRequest& NetlinkRequest::text(std::uint16_t type, std::string_view value)
{
    std::string const closed{value}; // c_str() has the zero that the kernel wants.
    return bytes(type, {reinterpret_cast<const unsigned char*>(closed.c_str()), closed.size() + 1});
}

NetlinkRequest& NetlinkRequest::nest(std::uint16_t type, const std::function<void(NetlinkRequest&)>& fill)
{
    auto const start = buffer_.size();
    header(rtattr{0, type});
    fill(*this);
    rtattr const attribute{static_cast<std::uint16_t>(buffer_.size() - start), type};
    std::memcpy(buffer_.data() + start, &attribute, sizeof attribute);
    return *this;
}

std::string_view NetlinkRequest::finish(std::uint32_t sequence)
{
    nlmsghdr head{};
    std::memcpy(&head, buffer_.data(), sizeof head);
    head.nlmsg_len = static_cast<std::uint32_t>(buffer_.size());
    head.nlmsg_seq = sequence;
    if (answered_ && (head.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
        head.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(buffer_.data(), &head, sizeof head);
    return buffer_;
}

std::uint32_t NetlinkAttribute::number() const
{
    std::uint32_t wide = 0;
    if (value.size() <= sizeof wide)
        std::memcpy(&wide, value.data(), value.size()); // Little-endian machines only, as all we build for.
    return wide;
}

std::string NetlinkAttribute::text() const
{
    std::string all{value.begin(), value.end()};
    return all.substr(0, all.find('\0'));
}

std::vector<NetlinkAttribute> parse_attributes(std::span<const unsigned char> bytes)
{
    std::vector<NetlinkAttribute> found;
    while (bytes.size() >= sizeof(rtattr)) {
        rtattr head{};
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.rta_len < sizeof head || head.rta_len > bytes.size())
            break;
        found.push_back(
            {static_cast<std::uint16_t>(head.rta_type & NLA_TYPE_MASK), bytes.subspan(sizeof head, head.rta_len - sizeof head)});
        bytes = bytes.subspan(std::min<std::size_t>((head.rta_len + 3u) & ~3u, bytes.size()));
    }
    return found;
}

namespace {

/// What an NLMSG_ERROR message says; success too is told by one, with the number 0.
Status status_of(std::span<const unsigned char> message)
{
    if (message.size() < sizeof(nlmsghdr) + sizeof(nlmsgerr))
        return Error{Code::data_loss, "a netlink answer is cut short"};
    nlmsghdr head{};
    nlmsgerr told{};
    std::memcpy(&head, message.data(), sizeof head);
    std::memcpy(&told, message.data() + sizeof head, sizeof told);
    if (told.error == 0)
        return base::done();
    auto error = Error::from_errno("netlink", -told.error);
    auto const rest = sizeof head + sizeof told; // With NETLINK_CAP_ACK only the request's header comes back.
    if ((head.nlmsg_flags & NLM_F_ACK_TLVS) != 0 && message.size() > rest)
        for (const auto& attribute : parse_attributes(message.subspan(rest)))
            if (attribute.type == NLMSGERR_ATTR_MSG)
                return std::move(error).context(attribute.text());
    return error;
}

using TakeMessage = std::function<Result<bool>(const nlmsghdr&, std::span<const unsigned char>)>;

/// Hands over each message of a datagram with its header. `take` says whether the answer is complete with it.
Result<bool> walk(std::span<const unsigned char> datagram, const TakeMessage& take)
{
    while (datagram.size() >= sizeof(nlmsghdr)) {
        nlmsghdr head{};
        std::memcpy(&head, datagram.data(), sizeof head);
        if (head.nlmsg_len < sizeof head || head.nlmsg_len > datagram.size())
            return Error{Code::data_loss, "a netlink message has an impossible length"};
        if (TRY(take(head, datagram.first(head.nlmsg_len))))
            return true;
        datagram = datagram.subspan(std::min<std::size_t>((head.nlmsg_len + 3u) & ~3u, datagram.size()));
    }
    return false;
}

} // namespace

std::vector<NetlinkAnswer> parse_messages(std::span<const unsigned char> datagram)
{
    std::vector<NetlinkAnswer> messages;
    (void)walk(datagram, [&](const nlmsghdr& head, std::span<const unsigned char> message) -> Result<bool> {
        messages.push_back({head.nlmsg_type, message.subspan(sizeof head)});
        return false;
    });
    return messages;
}

Result<UniqueFd> open_netlink_socket(int protocol, int flags)
{
    UniqueFd socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, protocol)};
    if (!socket)
        return Error::from_errno("open netlink socket");
    sockaddr_nl self{};
    self.nl_family = AF_NETLINK;
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&self), sizeof self) < 0)
        return Error::from_errno("bind netlink socket");
    return socket;
}

Result<Netlink> Netlink::open(NetlinkKind kind)
{
    auto socket = TRY(open_netlink_socket(kind == NetlinkKind::routes ? NETLINK_ROUTE : NETLINK_NETFILTER, 0));
    // Both only make error messages better, so a kernel without them will do.
    int const on = 1;
    ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    ::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    timeval const patience{10, 0}; // The kernel answers at once; never hang on it.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return Netlink{std::move(socket)};
}

Status Netlink::send(std::string_view message)
{
    if (::send(socket_.get(), message.data(), message.size(), 0) < 0)
        return Error::from_errno("send netlink request");
    return base::done();
}

Result<std::span<const unsigned char>> Netlink::receive()
{
    constexpr std::size_t most = 64u << 10;
    if (!buffer_) // Not cleared: an acknowledgement is a few bytes, and each page that is written to costs a fault.
        buffer_ = std::make_unique_for_overwrite<unsigned char[]>(most);
    while (true) {
        auto const count = ::recv(socket_.get(), buffer_.get(), most, MSG_TRUNC);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return Error{Code::deadline_exceeded, "the kernel did not answer a netlink request"};
        if (count < 0)
            return Error::from_errno("receive netlink answer");
        if (static_cast<std::size_t>(count) > most)
            return Error{Code::data_loss, "a netlink answer is longer than 64 KiB"};
        return std::span<const unsigned char>{buffer_.get(), static_cast<std::size_t>(count)};
    }
}

Status Netlink::transact(NetlinkRequest& request) { return transact_all({&request, 1}); }

Status Netlink::transact_all(std::span<NetlinkRequest> requests)
{
    auto const first = sequence_ + 1;
    std::string batch;
    for (auto& request : requests)
        batch += request.finish(++sequence_);
    TRY(send(batch));

    std::optional<Error> failure;
    auto const expected =
        std::count_if(requests.begin(), requests.end(), [](const auto& request) { return request.is_answered(); });
    std::ptrdiff_t answered = 0;
    while (answered < expected) {
        auto const datagram = TRY(receive());
        auto walked = walk(datagram, [&](const nlmsghdr& head, std::span<const unsigned char> message) -> Result<bool> {
            if (head.nlmsg_type != NLMSG_ERROR || head.nlmsg_seq < first) // Answers to a request that was given up.
                return false;
            auto status = status_of(message);
            if (!status.ok() && !failure)
                failure = std::move(status).take_error();
            return ++answered == expected;
        });
        TRY(std::move(walked));
    }
    if (failure)
        return std::move(*failure);
    return base::done();
}

/// True: complete. False: the kernel says that it changed under our hands.
Result<bool> Netlink::dump_once(NetlinkRequest& request, const std::function<Status(const NetlinkAnswer&)>& take)
{
    auto const sequence = ++sequence_;
    TRY(send(request.finish(sequence)));
    bool interrupted = false;
    bool complete = false;
    while (!complete) {
        auto const datagram = TRY(receive());
        auto walked = walk(datagram, [&](const nlmsghdr& head, std::span<const unsigned char> message) -> Result<bool> {
            if (head.nlmsg_seq != sequence)
                return false;
            interrupted = interrupted || (head.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (head.nlmsg_type == NLMSG_DONE)
                return true;
            if (head.nlmsg_type == NLMSG_ERROR) {
                TRY(status_of(message));
                return true;
            }
            TRY(take({head.nlmsg_type, message.subspan(sizeof head)}));
            return (head.nlmsg_flags & NLM_F_MULTI) == 0; // A single object was asked for.
        });
        complete = TRY(std::move(walked));
    }
    return !interrupted;
}

Status Netlink::dump(NetlinkRequest& request, const std::function<void()>& restart,
                     const std::function<Status(const NetlinkAnswer&)>& take)
{
    for (int tries = 0; tries < 20; ++tries) {
        restart();
        if (TRY(dump_once(request, take)))
            return base::done();
    }
    return Error{Code::unavailable, "the network's tables change faster than they can be read"};
}

} // namespace nova::sys
