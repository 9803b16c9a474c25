#pragma once

#include "api/message.h"
#include "api/objects.h"
#include "api/route.h"
#include "api/table.h"

namespace nova::api {

/// Every request of the REST grammar, from whatever door: plain functions from Request to Reply, on any thread.
class Api {
public:
    Api(keyspace::Keyspace& store, Streams& streams) : objects_(store), streams_(streams) {}

    /// Never fails: what goes wrong becomes a Status.
    Reply handle(const Request& request);

    Objects& objects() { return objects_; }

private:
    Result<Reply> dispatch(const Request& request, const Route& route);
    Result<Reply> collection(const Request& request, const Route& route);
    Result<Reply> object(const Request& request, const Route& route);
    Result<Reply> subresource(const Request& request, const Route& route);

    Result<Reply> list(const Request& request, const Route& route);
    Result<Reply> watch(const Request& request, const Route& route);
    Result<Reply> create(const Request& request, const Route& route);
    Result<Reply> write(const Request& request, const Route& route, Part part);
    Result<Reply> remove(const Request& request, const Route& route);
    Result<Reply> remove_collection(const Request& request, const Route& route);
    Result<Reply> log(const Request& request, const Route& route);
    Result<Reply> session(const Request& request, const Route& route);

    Objects objects_;
    Streams& streams_;
};

} // namespace nova::api
