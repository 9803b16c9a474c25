#include "api/api.h"

#include "api/discovery.h"
#include "api/listing.h"
#include "api/logs.h"
#include "api/patch.h"
#include "api/status.h"
#include "api/watch.h"
#include "api/web_socket.h"
#include "base/strings.h"

namespace nova::api {
namespace {

std::string media_type(const Request& request)
{
    auto const header = request.header("content-type");
    return base::trim(header.substr(0, header.find(';')));
}

/// A client that takes no JSON at all can't be served. "*/*", "application/*", any JSON, or nothing said: all good.
bool takes_json(const Request& request)
{
    auto const accept = request.header("accept");
    return accept.empty() || accept.find("json") != std::string::npos || accept.find("*/*") != std::string::npos ||
           accept.find("application/*") != std::string::npos;
}

bool is_text_or_stream(const Route& route)
{
    return route.place == Place::health || route.place == Place::openapi ||
           (route.place == Place::subresource && route.subresource != "status");
}

/// JSON, or YAML where its type says so; curl's default type is taken for JSON.
Result<json> parse_body(const Request& request, const std::string& type)
{
    bool const yaml = type == "application/yaml" || type == "application/x-yaml" || type == "text/yaml";
    auto parsed = yaml ? model::parse_yaml(request.body) : model::parse_json(request.body);
    if (!parsed.ok()) // 400, not 422: nothing was understood, so no field can be named.
        return base::Error{base::Code::invalid_argument, "the body can't be read: " + parsed.error().message()};
    return parsed;
}

bool is_object_type(const std::string& type)
{
    return type.empty() || type == "application/json" || type == "application/yaml" || type == "application/x-yaml" ||
           type == "text/yaml" || type == "application/x-www-form-urlencoded";
}

Result<WriteOptions> write_options(const Request& request)
{
    WriteOptions options;
    if (auto const dry = request.parameter("dryRun"); dry == "All")
        options.dry_run = true;
    else if (!dry.empty())
        return base::Error{base::Code::invalid_argument, "dryRun must be All, is \"" + dry + "\""};
    auto const validation = request.parameter("fieldValidation");
    if (validation == "Ignore" || validation == "Warn")
        options.validation = FieldValidation::ignore;
    else if (!validation.empty() && validation != "Strict")
        return base::Error{base::Code::invalid_argument,
                           "fieldValidation must be Strict, Warn or Ignore, is \"" + validation + "\""};
    return options;
}

Subject subject_of(const Route& route) { return {route.group, route.kind != nullptr ? route.kind->plural : "", route.name}; }

Response object_response(const Request& request, const model::KindInfo& kind, const json& object, int status = 200)
{
    auto const table = table_wanted(request);
    if (!table || status != 200)
        return json_response(object, status);
    json const meta{{"resourceVersion", object["metadata"].value("resourceVersion", "")}};
    return json_response(make_table(kind, {object}, meta, *table));
}

Response version_response()
{
    return json_response({{"major", "1"},
                          {"minor", "30"},
                          {"gitVersion", "v1.30.0+nova-" NOVA_VERSION},
                          {"novaVersion", NOVA_VERSION},
                          {"gitCommit", ""},
                          {"gitTreeState", "clean"},
                          {"buildDate", "1970-01-01T00:00:00Z"},
                          {"goVersion", ""},
                          {"compiler", "gcc"},
                          {"platform", "linux/amd64"}});
}

Result<DeleteOptions> delete_options(const Request& request)
{
    DeleteOptions options;
    options.dry_run = TRY(write_options(request)).dry_run;
    if (request.body.empty())
        return options;
    auto const body = TRY(parse_body(request, media_type(request)));
    if (!body.is_object())
        return base::Error{base::Code::invalid_argument, "the body of a DELETE must be DeleteOptions"};
    auto const preconditions = body.value("preconditions", json::object());
    if (preconditions.contains("uid"))
        options.uid = preconditions["uid"].get<std::string>();
    if (preconditions.contains("resourceVersion"))
        options.revision = TRY(parse_revision(preconditions["resourceVersion"].get<std::string>()));
    if (body.value("dryRun", json::array()) == json{"All"})
        options.dry_run = true;
    return options;
}

/// A PUT that says nothing of finalizers is no wish to drop them: only who speaks of them removes them.
json replacement(json body, const json& current)
{
    bool const silent =
        body.is_object() && body.value("metadata", json{}).is_object() && !body["metadata"].contains("finalizers");
    if (silent && current["metadata"].contains("finalizers"))
        body["metadata"]["finalizers"] = current["metadata"]["finalizers"];
    return body;
}

} // namespace

Reply Api::handle(const Request& request)
{
    if (!request.identity.allowed)
        return error_response({base::Code::permission_denied, request.identity.name +
                                                                  " may not use this API: it must be root, the " +
                                                                  "daemon's own user, or a member of the group nova"});
    auto const route = find_route(request.path);
    if (!route.ok())
        return error_response(route.error());
    if (!takes_json(request) && !is_text_or_stream(route.value()))
        return not_acceptable(request.header("accept"));
    auto const subject = subject_of(route.value());
    try {
        auto reply = dispatch(request, route.value());
        return reply.ok() ? std::move(reply).value() : error_response(reply.error(), subject);
    } catch (const json::exception& failure) { // A field of a wrong type, where nothing checked it before.
        return error_response(
            {base::Code::invalid_argument, std::string{"the request's JSON is not as expected: "} + failure.what()}, subject);
    }
}

Result<Reply> Api::dispatch(const Request& request, const Route& route)
{
    switch (route.place) {
    case Place::collection: return collection(request, route);
    case Place::object: return object(request, route);
    case Place::subresource: return subresource(request, route);
    default: break;
    }
    if (request.method != "GET" && request.method != "HEAD")
        return method_not_allowed(request.method);
    switch (route.place) {
    case Place::version: return version_response();
    case Place::health: return Response{200, "text/plain", "ok", {}};
    case Place::openapi:
        return Response{200, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf", "", {}}; // Reads as an empty one.
    default: return json_response(discovery(route));
    }
}

Result<Reply> Api::collection(const Request& request, const Route& route)
{
    if (request.method == "GET" || request.method == "HEAD")
        return request.flag("watch") && request.method == "GET" ? watch(request, route) : list(request, route);
    if (route.kind->namespaced && route.space.empty())
        return method_not_allowed(request.method, subject_of(route)); // Writing needs to know where.
    if (request.method == "POST")
        return create(request, route);
    if (request.method == "DELETE")
        return remove_collection(request, route);
    return method_not_allowed(request.method, subject_of(route));
}

Result<Reply> Api::object(const Request& request, const Route& route)
{
    if (request.method == "GET" || request.method == "HEAD") {
        if (request.flag("watch") && request.method == "GET")
            return watch(request, route);
        return object_response(request, *route.kind, TRY(objects_.get(*route.kind, route.space, route.name)));
    }
    if (request.method == "PUT" || request.method == "PATCH")
        return write(request, route, Part::main);
    if (request.method == "DELETE")
        return remove(request, route);
    return method_not_allowed(request.method, subject_of(route));
}

Result<Reply> Api::subresource(const Request& request, const Route& route)
{
    bool const read = request.method == "GET";
    if (route.subresource == "status") {
        if (read)
            return object_response(request, *route.kind, TRY(objects_.get(*route.kind, route.space, route.name)));
        if (request.method == "PUT" || request.method == "PATCH")
            return write(request, route, Part::status);
    } else if (route.subresource == "log") {
        if (read)
            return log(request, route);
    } else if (read || request.method == "POST") {
        return session(request, route);
    }
    return method_not_allowed(request.method, subject_of(route));
}

Result<Reply> Api::list(const Request& request, const Route& route)
{
    auto const query = TRY(list_query(request, route));
    return TRY(list_objects(objects_.store(), *route.kind, query, table_wanted(request)));
}

Result<Reply> Api::watch(const Request& request, const Route& route)
{
    auto options = TRY(watch_options(request, route));
    auto source = TRY(open_watch(objects_.store(), *route.kind, std::move(options)));
    return StreamReply{std::move(source), "application/json"};
}

Result<Reply> Api::create(const Request& request, const Route& route)
{
    auto const type = media_type(request);
    if (!is_object_type(type))
        return unsupported_media_type(type);
    auto const options = TRY(write_options(request));
    auto body = TRY(parse_body(request, type));
    auto const created = TRY(objects_.create(*route.kind, route.space, std::move(body), options));
    return object_response(request, *route.kind, created, 201);
}

Result<Reply> Api::write(const Request& request, const Route& route, Part part)
{
    auto const type = media_type(request);
    auto const patch = patch_type(type);
    bool const replace = request.method == "PUT";
    if (replace ? !is_object_type(type) : !patch)
        return unsupported_media_type(type);
    auto const options = TRY(write_options(request));
    auto const body = TRY(parse_body(request, replace ? type : ""));
    Change const change = [&](const json& current) -> Result<json> {
        if (replace)
            return replacement(body, current);
        // Unless the patch itself speaks of a revision, it is about whatever is there.
        return apply_patch(*patch, current, body);
    };
    return object_response(request, *route.kind,
                           TRY(objects_.update(*route.kind, route.space, route.name, part, change, options)));
}

Result<Reply> Api::remove(const Request& request, const Route& route)
{
    auto const options = TRY(delete_options(request));
    auto const deleted = TRY(objects_.remove(*route.kind, route.space, route.name, options));
    if (!deleted.gone)
        return json_response(deleted.object);
    return json_response(success_status(subject_of(route), deleted.object["metadata"].value("uid", "")));
}

Result<Reply> Api::remove_collection(const Request& request, const Route& route)
{
    auto const options = TRY(delete_options(request));
    auto const query = TRY(list_query(request, route));
    json items = json::array();
    for (const auto& object : TRY(matching_objects(objects_.store(), *route.kind, query))) {
        auto const name = object["metadata"].value("name", "");
        auto deleted = objects_.remove(*route.kind, route.space, name, options);
        if (deleted.ok())
            items.push_back(std::move(deleted).value().object);
        else if (!failed_with(deleted, base::Code::not_found)) // Somebody else was faster: it is gone all the same.
            return std::move(deleted).take_error();
    }
    return json_response({{"kind", route.kind->kind + "List"},
                          {"apiVersion", route.kind->api_version()},
                          {"metadata", {{"resourceVersion", std::to_string(objects_.store().revision())}}},
                          {"items", items}});
}

Result<Reply> Api::log(const Request& request, const Route& route)
{
    TRY(objects_.get(*route.kind, route.space, route.name)); // So that a wrong name is a 404 of the object.
    auto const options = TRY(log_options(request));
    auto stream = TRY(streams_.open_log({route.kind->kind, route.space, route.name}, options));
    return StreamReply{log_source(std::move(stream), options), "text/plain"};
}

Result<Reply> Api::session(const Request& request, const Route& route)
{
    TRY(objects_.get(*route.kind, route.space, route.name));
    if (request.method != "GET" || !web_socket_protocol(request)) // Before anything is started.
        return bad_request(route.subresource +
                           " needs a WebSocket: GET with Connection: upgrade, Upgrade: websocket, version 13, " +
                           "and where a protocol is named, v5.channel.k8s.io or v4.channel.k8s.io");
    bool const any = request.flag("stdin") || request.flag("stdout") || request.flag("stderr") || request.flag("tty");
    bool const console = route.subresource == "console";
    SessionReply reply;
    reply.in = console || request.flag("stdin");
    reply.out = console || !any || request.flag("stdout");
    reply.err = console || !any || request.flag("stderr");
    model::Key const workload{route.kind->kind, route.space, route.name};
    if (route.subresource != "exec") {
        reply.session = TRY(streams_.attach(workload));
        return reply;
    }
    ExecOptions options;
    options.command = request.parameters("command");
    options.terminal = request.flag("tty");
    options.user = request.parameter("user");
    options.working_dir = request.parameter("workingDir");
    options.env = request.parameters("env");
    if (options.command.empty() || options.command[0].empty())
        return base::Error{base::Code::invalid_argument, "exec needs a command"};
    reply.session = TRY(streams_.exec(workload, options));
    return reply;
}

} // namespace nova::api
