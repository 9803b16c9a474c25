#include "fixture.h"

#include <fcntl.h>

#include <atomic>

#include "sys/local_socket.h"

namespace nova::test {
namespace {

using base::Code;

constexpr auto control = "nanocloud.io/control";

model::Key pod_key(const std::string& name) { return {"Pod", "default", name}; }

std::vector<std::string> fields_of(const base::Error& error)
{
    std::vector<std::string> fields;
    for (const auto& cause : error.causes())
        fields.push_back(cause.field);
    return fields;
}

TEST_F(Door, creates_an_object_with_all_that_the_server_gives_it)
{
    auto client = connect();

    auto const made = client.create(pod("web"));

    ASSERT_TRUE(made.ok()) << made.error().message();
    auto const& meta = made.value()["metadata"];
    EXPECT_EQ(meta["uid"].get<std::string>().size(), 36u);
    EXPECT_EQ(meta["generation"], 1);
    EXPECT_EQ(meta["creationTimestamp"].get<std::string>().size(), 20u);
    EXPECT_EQ(meta["finalizers"], json{control});
    auto const read = client.get(pod_key("web")).value();
    EXPECT_EQ(read, made.value());
    EXPECT_EQ(read["spec"]["restartPolicy"], "Always") << "defaults are filled in";
}

TEST_F(Door, refuses_a_second_object_of_the_same_name)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const again = client.create(pod("web"));

    ASSERT_TRUE(failed_with(again, Code::already_exists));
    EXPECT_EQ(again.error().message(), "pods \"web\" already exists");
}

TEST_F(Door, makes_up_a_name_where_only_its_beginning_is_given)
{
    auto client = connect();
    auto object = pod("x");
    object["metadata"].erase("name");
    object["metadata"]["generateName"] = "web-";

    auto const first = client.create(object).value();
    auto const second = client.create(object).value();

    auto const name = first["metadata"]["name"].get<std::string>();
    EXPECT_TRUE(name.starts_with("web-"));
    EXPECT_EQ(name.size(), 9u);
    EXPECT_NE(first["metadata"]["name"], second["metadata"]["name"]);
}

TEST_F(Door, says_every_field_that_is_wrong_with_its_path)
{
    auto client = connect();
    auto object = pod("web");
    object["spec"]["containers"][0]["imago"] = "x";
    object["spec"]["restartPolicy"] = "Sometimes";

    auto const refused = client.create(object);

    ASSERT_TRUE(failed_with(refused, Code::invalid_argument));
    EXPECT_EQ(fields_of(refused.error()), (std::vector<std::string>{"spec.containers[0].imago", "spec.restartPolicy"}));
    EXPECT_TRUE(failed_with(client.get(pod_key("web")), Code::not_found)) << "nothing was made";
}

TEST_F(Door, drops_unknown_fields_only_where_it_is_asked_to)
{
    auto client = connect();
    auto object = pod("web");
    object["spec"]["containers"][0]["imago"] = "x";
    client::Request request{.method = "POST", .path = "/api/v1/namespaces/default/pods", .body = object.dump()};

    EXPECT_TRUE(failed_with(client.send(request), Code::invalid_argument));
    EXPECT_TRUE(client.send(client::Request{request}.with("fieldValidation", "Ignore")).ok());
    EXPECT_FALSE(client.get(pod_key("web")).value()["spec"]["containers"][0].contains("imago"));
}

TEST_F(Door, writes_nothing_on_a_dry_run)
{
    auto client = connect();
    auto const before = store_->revision();

    EXPECT_TRUE(client.create(pod("web"), {.dry_run = true}).ok());

    EXPECT_EQ(store_->revision(), before);
    EXPECT_TRUE(failed_with(client.get(pod_key("web")), Code::not_found));
}

TEST_F(Door, refuses_to_replace_what_somebody_else_has_changed_since)
{
    auto client = connect();
    auto const mine = client.create(pod("web")).value();
    ASSERT_TRUE(client.patch(pod_key("web"), {{"metadata", {{"labels", {{"who", "else"}}}}}}).ok());

    auto const stale = client.replace(mine);

    EXPECT_TRUE(failed_with(stale, Code::aborted));
    auto fresh = client.get(pod_key("web")).value();
    fresh["spec"]["hostname"] = "other";
    EXPECT_TRUE(client.replace(fresh).ok());
}

TEST_F(Door, counts_a_generation_for_each_change_of_spec_and_for_nothing_else)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const labelled = client.patch(pod_key("web"), {{"metadata", {{"labels", {{"a", "b"}}}}}}).value();
    auto const changed = client.patch(pod_key("web"), {{"spec", {{"running", false}}}}).value();
    auto const same = client.patch(pod_key("web"), {{"spec", {{"running", false}}}}).value();

    EXPECT_EQ(labelled["metadata"]["generation"], 1);
    EXPECT_EQ(changed["metadata"]["generation"], 2);
    EXPECT_EQ(same, changed) << "what is there already is not written again";
}

TEST_F(Door, keeps_spec_and_status_apart)
{
    auto client = connect();
    auto object = pod("web");
    object["status"] = {{"phase", "Running"}};
    auto made = client.create(object).value();
    EXPECT_NE(made.value("/status/phase"_json_pointer, ""), "Running") << "a status is a report, never an input";

    made["status"] = {{"phase", "Running"}};
    made["spec"]["hostname"] = "sneaked-in";
    auto const reported = client.replace_status(made).value();
    EXPECT_EQ(reported["status"]["phase"], "Running");
    EXPECT_NE(reported["spec"].value("hostname", ""), "sneaked-in");
    EXPECT_EQ(reported["metadata"]["generation"], 1);

    auto again = reported;
    again["status"]["phase"] = "Failed";
    again["spec"]["hostname"] = "other";
    auto const replaced = client.replace(again).value();
    EXPECT_EQ(replaced["status"]["phase"], "Running");
    EXPECT_EQ(replaced["spec"]["hostname"], "other");
    EXPECT_EQ(client.patch_status(pod_key("web"), {{"status", {{"podIP", "10.0.0.9"}}}}).value()["status"]["phase"], "Running");
}

TEST_F(Door, applies_both_kinds_of_patch)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const merged = client.patch(pod_key("web"), {{"metadata", {{"labels", {{"app", nullptr}, {"x", "y"}}}}}}).value();
    EXPECT_EQ(merged["metadata"]["labels"], (json{{"x", "y"}}));
    json const operations = json::array({{{"op", "test"}, {"path", "/metadata/labels/x"}, {"value", "y"}},
                                         {{"op", "replace"}, {"path", "/spec/containers/0/image"}, {"value", "web:2"}}});
    auto const patched = client.patch(pod_key("web"), operations, client::PatchType::operations).value();
    EXPECT_EQ(patched["spec"]["containers"][0]["image"], "web:2");
    json const fails = json::array({{{"op", "test"}, {"path", "/metadata/labels/x"}, {"value", "z"}}});
    EXPECT_TRUE(failed_with(client.patch(pod_key("web"), fails, client::PatchType::operations), Code::invalid_argument));
    EXPECT_TRUE(failed_with(client.patch(pod_key("web"), {{"metadata", {{"resourceVersion", "1"}}}}), Code::aborted));
}

TEST_F(Door, lets_parallel_patches_all_through)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 8; ++i)
            writers.emplace_back([this, i] {
                auto mine = connect();
                for (int j = 0; j < 10; ++j) {
                    auto const label = "l" + std::to_string(i * 10 + j);
                    EXPECT_TRUE(mine.patch(pod_key("web"), {{"metadata", {{"labels", {{label, "x"}}}}}}).ok());
                }
            });
    }
    EXPECT_EQ(client.get(pod_key("web")).value()["metadata"]["labels"].size(), 81u);
}

TEST_F(Door, marks_what_has_finalizers_and_removes_it_with_the_last_one)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const marked = client.remove(pod_key("web")).value();
    ASSERT_EQ(marked["kind"], "Pod");
    EXPECT_TRUE(marked["metadata"].contains("deletionTimestamp"));
    EXPECT_EQ(client.remove(pod_key("web")).value()["metadata"]["resourceVersion"], marked["metadata"]["resourceVersion"])
        << "again: nothing new";
    auto const more = json{{"metadata", {{"finalizers", {control, "x.io/y"}}}}};
    EXPECT_TRUE(failed_with(client.patch(pod_key("web"), more), Code::invalid_argument)) << "no new finalizers on the way out";

    auto const last = client.patch(pod_key("web"), {{"metadata", {{"finalizers", nullptr}}}});

    ASSERT_TRUE(last.ok()) << last.error().message();
    EXPECT_TRUE(failed_with(client.get(pod_key("web")), Code::not_found));
}

TEST_F(Door, keeps_control_s_finalizer_on_what_is_not_being_deleted)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const patched = client.patch(pod_key("web"), {{"metadata", {{"finalizers", nullptr}}}}).value();

    EXPECT_EQ(patched["metadata"]["finalizers"], json{control});
}

TEST_F(Door, removes_what_has_no_finalizers_at_once)
{
    auto client = connect();
    ASSERT_TRUE(client.create({{"kind", "Node"}, {"apiVersion", "v1"}, {"metadata", {{"name", "other"}}}}).ok());

    auto const removed = client.remove({"Node", "", "other"}).value();

    EXPECT_EQ(removed["kind"], "Status");
    EXPECT_EQ(removed["status"], "Success");
    EXPECT_TRUE(failed_with(client.remove({"Node", "", "other"}), Code::not_found));
}

TEST_F(Door, takes_nothing_new_into_a_namespace_that_is_being_deleted)
{
    auto client = connect();
    ASSERT_TRUE(client.create({{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", {{"name", "team"}}}}).ok());
    auto object = pod("web");
    object["metadata"]["namespace"] = "team";
    ASSERT_TRUE(client.create(object).ok());

    EXPECT_TRUE(client.remove({"Namespace", "", "team"}).value()["metadata"].contains("deletionTimestamp"));

    object["metadata"]["name"] = "late";
    EXPECT_TRUE(failed_with(client.create(object), Code::permission_denied));
    EXPECT_TRUE(failed_with(client.remove({"Namespace", "", "default"}), Code::permission_denied));
}

TEST_F(Door, lists_all_pages_as_of_one_revision)
{
    auto client = connect();
    for (int i = 0; i < 7; ++i)
        ASSERT_TRUE(client.create(pod("p" + std::to_string(i))).ok());
    client::Request request{.path = "/api/v1/pods"};

    auto const first = json::parse(client.send(client::Request{request}.with("limit", "3")).value());
    ASSERT_TRUE(client.create(pod("late")).ok());
    auto const token = first["metadata"]["continue"].get<std::string>();
    auto const second = json::parse(client.send(client::Request{request}.with("limit", "30").with("continue", token)).value());

    EXPECT_EQ(first["items"].size(), 3u);
    EXPECT_EQ(first["metadata"]["remainingItemCount"], 4);
    EXPECT_EQ(second["items"].size(), 4u) << "without what came later";
    EXPECT_EQ(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
    EXPECT_EQ(client.list("Pod").value().items.size(), 8u);
}

TEST_F(Door, selects_by_labels_and_fields)
{
    auto client = connect();
    for (const auto* name : {"a", "b", "c"})
        ASSERT_TRUE(client.create(pod(name)).ok());
    ASSERT_TRUE(client.patch_status(pod_key("a"), {{"status", {{"phase", "Running"}}}}).ok());
    auto const names = [&](const std::string& labels, const std::string& fields) {
        std::string found;
        auto const list = client.list("Pod", {.space = "default", .labels = labels, .fields = fields}).value();
        for (const auto& item : list.items)
            found += item["metadata"]["name"].get<std::string>();
        return found;
    };

    EXPECT_EQ(names("app=a", ""), "a");
    EXPECT_EQ(names("app==a", ""), "a");
    EXPECT_EQ(names("app!=a", ""), "bc");
    EXPECT_EQ(names("app in (a, c)", ""), "ac");
    EXPECT_EQ(names("app notin (a,c),app", ""), "b");
    EXPECT_EQ(names("!app", ""), "");
    EXPECT_EQ(names("", "metadata.name=b"), "b");
    EXPECT_EQ(names("", "status.phase=Running"), "a");
    EXPECT_EQ(names("app in (a,b)", "status.phase!=Running"), "b");
    EXPECT_TRUE(failed_with(client.list("Pod", {.space = "", .labels = "a=(", .fields = ""}), Code::invalid_argument));
    EXPECT_TRUE(failed_with(client.list("Pod", {.space = "", .labels = "", .fields = "spec.x=1"}), Code::invalid_argument));
}

TEST_F(Door, removes_many_by_a_selector)
{
    auto client = connect();
    for (const auto* name : {"a", "b", "c"})
        ASSERT_TRUE(client.create(pod(name)).ok());

    auto const removed = client.remove_all("Pod", {.space = "default", .labels = "app in (a,b)", .fields = ""}).value();

    EXPECT_EQ(removed.items.size(), 2u);
    EXPECT_TRUE(client.get(pod_key("a")).value()["metadata"].contains("deletionTimestamp"));
    EXPECT_FALSE(client.get(pod_key("c")).value()["metadata"].contains("deletionTimestamp"));
}

// ---- rules between objects ------------------------------------------------------------------------------------------------

TEST_F(Door, refuses_an_object_in_a_namespace_that_is_not_there)
{
    auto client = connect();
    auto object = pod("web");
    object["metadata"]["namespace"] = "nowhere";

    auto const refused = client.create(object);

    ASSERT_TRUE(failed_with(refused, Code::not_found));
    EXPECT_EQ(refused.error().message(), "namespaces \"nowhere\" not found");
}

TEST_F(Door, refuses_a_subnet_that_overlaps_another_network_s)
{
    auto client = connect();
    ASSERT_TRUE(client.create(network("lab", "10.88.0.1/24")).ok());

    auto const refused = client.create(network("other", "10.88.0.128/25"));

    ASSERT_TRUE(failed_with(refused, Code::invalid_argument));
    EXPECT_EQ(fields_of(refused.error()), std::vector<std::string>{"spec.subnet"});
    EXPECT_TRUE(client.create(network("other", "10.89.0.0/24")).ok());
}

TEST_F(Door, refuses_a_bridge_that_another_network_has)
{
    auto client = connect();
    auto const on_bridge = [this](const std::string& name, const std::string& subnet) {
        auto object = network(name, subnet);
        object["spec"]["bridge"] = "br0";
        return object;
    };
    ASSERT_TRUE(client.create(on_bridge("lab", "10.88.0.1/24")).ok());

    auto const refused = client.create(on_bridge("other", "10.89.0.1/24"));

    ASSERT_TRUE(failed_with(refused, Code::invalid_argument));
    EXPECT_EQ(fields_of(refused.error()), std::vector<std::string>{"spec.bridge"});
    EXPECT_TRUE(client.create(network("other", "10.89.0.1/24")).ok());
}

TEST_F(Door, refuses_a_workload_on_a_network_that_is_not_defined)
{
    auto client = connect();
    auto object = pod("web");
    object["spec"]["network"] = "lab";

    auto const refused = client.create(object);
    ASSERT_TRUE(failed_with(refused, Code::invalid_argument));
    EXPECT_EQ(fields_of(refused.error()), std::vector<std::string>{"spec.network"});

    ASSERT_TRUE(client.create(network("lab")).ok());
    EXPECT_TRUE(client.create(object).ok());
}

TEST_F(Door, gives_a_host_port_to_one_pod_only)
{
    auto client = connect();
    auto first = pod("a");
    first["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}, {"hostPort", 8080}}};
    auto second = pod("b");
    second["spec"]["containers"][0]["ports"] = {{{"containerPort", 81}, {"hostPort", 8080}, {"hostIP", "127.0.0.1"}}};
    ASSERT_TRUE(client.create(first).ok());

    auto const refused = client.create(second);
    ASSERT_TRUE(failed_with(refused, Code::invalid_argument));
    EXPECT_EQ(fields_of(refused.error()), std::vector<std::string>{"spec.containers[0].ports[0].hostPort"});

    second["spec"]["containers"][0]["ports"][0]["protocol"] = "UDP";
    EXPECT_TRUE(client.create(second).ok());
    EXPECT_TRUE(client.patch(pod_key("a"), {{"spec", {{"hostname", "x"}}}}).ok()) << "its own port is no clash";
}

TEST_F(Door, keeps_host_ports_apart_when_two_come_at_once)
{
    auto object = pod("x");
    object["spec"]["containers"][0]["ports"] = {{{"containerPort", 80}, {"hostPort", 8080}}};
    std::atomic<int> made = 0;
    {
        std::vector<std::jthread> clients;
        for (int i = 0; i < 8; ++i)
            clients.emplace_back([&, i] {
                auto mine = object;
                mine["metadata"]["name"] = "p" + std::to_string(i);
                made += connect().create(mine).ok() ? 1 : 0;
            });
    }
    EXPECT_EQ(made, 1);
}

TEST_F(Door, keeps_image_references_apart)
{
    auto client = connect();
    ASSERT_TRUE(client.create(image("a", "web:latest")).ok());

    for (const auto* same : {"web:latest", "web"}) {
        auto const refused = client.create(image("b", same));
        ASSERT_TRUE(failed_with(refused, Code::invalid_argument)) << same;
        EXPECT_EQ(fields_of(refused.error()), std::vector<std::string>{"spec.reference"});
    }
    EXPECT_TRUE(client.create(image("b", "web:2")).ok());
}

// ---- other answers --------------------------------------------------------------------------------------------------------

TEST_F(Door, describes_itself)
{
    auto client = connect();
    auto const read = [&](const char* path) { return json::parse(client.send({.path = path}).value()); };

    EXPECT_EQ(read("/api")["versions"], json{"v1"});
    EXPECT_EQ(read("/apis")["groups"][0]["name"], "nanocloud.io");
    EXPECT_EQ(read("/apis/nanocloud.io")["preferredVersion"]["groupVersion"], "nanocloud.io/v1");
    auto const core = read("/api/v1")["resources"];
    EXPECT_TRUE(std::any_of(core.begin(), core.end(), [](const json& one) { return one["name"] == "pods/exec"; }));
    EXPECT_EQ(read("/version")["novaVersion"], NOVA_VERSION);
    EXPECT_EQ(client.send({.path = "/healthz"}).value(), "ok");
}

TEST_F(Door, answers_tables_with_the_columns_of_the_kind)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    auto const table = client.table("Pod", {.space = "default", .labels = "", .fields = ""}).value();

    EXPECT_EQ(table["kind"], "Table");
    EXPECT_EQ(table["rows"][0]["cells"].size(), table["columnDefinitions"].size());
    EXPECT_EQ(table["rows"][0]["cells"][0], "web");
    for (const auto& cell : table["rows"][0]["cells"])
        EXPECT_TRUE(cell.is_string() || cell.is_number_integer() || cell.is_null()) << cell << " is no cell";
    EXPECT_EQ(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

TEST_F(Door, tells_what_it_would_send_instead_of_sending_it)
{
    client::Request seen;
    auto client = client::Client::connect(socket_, {.instead = [&](const client::Request& request) { seen = request; }}).value();

    EXPECT_TRUE(failed_with(client.create(pod("it's")), Code::cancelled));

    auto const curl = seen.to_curl(socket_);
    EXPECT_NE(curl.find("curl --unix-socket '" + socket_ + "' -X POST"), std::string::npos) << curl;
    EXPECT_NE(curl.find("it'\\''s"), std::string::npos) << "quoted for the shell";
    EXPECT_TRUE(curl.ends_with("'http://nova/api/v1/namespaces/default/pods'")) << curl;
}

TEST_F(Door, is_found_again_by_a_client_whose_connection_a_restart_broke)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());

    stop();
    start();

    EXPECT_TRUE(client.get(pod_key("web")).ok());
}

TEST_F(Door, serves_a_socket_that_somebody_else_opened)
{
    auto const path = root_ + "/activated.sock";
    auto listener = sys::LocalListener::open(path, 0660).value();
    api::Server::Options options;
    options.listener = sys::UniqueFd{::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0)};

    auto const server = api::Server::start(std::move(options), *store_, *streams_).value();

    EXPECT_TRUE(client::Client::connect(path).value().version().ok());
}

TEST_F(Door, is_not_opened_twice_at_one_path)
{
    auto const second = api::Server::start({.socket = socket_, .listener = {}, .limits = {}}, *store_, *streams_);

    EXPECT_TRUE(failed_with(second, Code::failed_precondition));
    EXPECT_TRUE(connect().version().ok());
}

} // namespace
} // namespace nova::test
