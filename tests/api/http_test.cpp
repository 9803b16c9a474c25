#include "fixture.h"

#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <random>

#include "base/asleep_testing.h"

namespace nova::test {
namespace {

using base::Code;

int status_of(const std::string& answer) { return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0; }

/// What a shell prints, with its exit code at the end: a client that is not ours.
std::string shell(const std::string& command, const std::string& directory)
{
    auto const out = directory + "/shell.out";
    auto const script = command + " >" + out + " 2>&1; echo \"=$?\" >>" + out;
    const char* argv[] = {"sh", "-c", script.c_str(), nullptr};
    pid_t pid = 0;
    if (::posix_spawnp(&pid, "sh", nullptr, nullptr, const_cast<char**>(argv), environ) != 0)
        return "no shell";
    ::waitpid(pid, nullptr, 0);
    std::ifstream file{out};
    return {std::istreambuf_iterator<char>{file}, {}};
}

TEST_F(Door, refuses_requests_that_two_readers_could_understand_differently)
{
    auto const post = [&](const std::string& headers, const std::string& body) {
        return raw("POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n" + body);
    };
    for (const auto& answer : {
             post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
             post("Content-Length: 4\r\nContent-Length: 5\r\n", "abcde"),
             post("Content-Length: -1\r\n", ""),
             post("Content-Length: 4x\r\n", "abcd"),
             post("Transfer-Encoding: identity\r\n", ""),
             post("Transfer-Encoding: gzip, chunked, identity\r\n", "0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"),
             post("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\nabc\r\n"),
             post("Host: y\r\n", ""),
             post("Bad Name: x\r\n", ""),
             post("No-Colon\r\n", ""),
         }) {
        EXPECT_EQ(status_of(answer), 400) << answer;
        EXPECT_TRUE(answer.ends_with("<closed>")) << "nothing after it can be trusted: " << answer;
    }
}

TEST_F(Door, answers_malformed_requests_with_a_status_object)
{
    for (const auto* request :
         {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /api?x=%0 HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET api HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n\r\n\r\n"}) {
        auto const answer = raw(request);
        EXPECT_EQ(status_of(answer), 400) << request << answer;
        EXPECT_NE(answer.find(R"("kind":"Status")"), std::string::npos) << answer;
    }
}

TEST_F(Door, limits_what_one_request_may_be)
{
    EXPECT_EQ(status_of(raw("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n")), 431);
    EXPECT_EQ(status_of(raw("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n")), 431);
    EXPECT_EQ(status_of(raw("POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")),
              413);
    std::string chunks = "POST /api/v1/namespaces/default/pods HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 40; ++i)
        chunks += "20000\r\n" + std::string(0x20000, 'a') + "\r\n";
    EXPECT_EQ(status_of(raw(chunks)), 413);
    EXPECT_TRUE(connect().version().ok());
}

TEST_F(Door, answers_what_comes_in_pieces_and_what_comes_in_a_row)
{
    auto const fd = raw_connection();
    std::string const request = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for (char const byte : request)
        ASSERT_EQ(::send(fd.get(), &byte, 1, 0), 1);
    EXPECT_TRUE(receive(fd.get()).ends_with("\r\n\r\nok"));

    auto const twice = request + request;
    ASSERT_EQ(::send(fd.get(), twice.data(), twice.size(), 0), static_cast<ssize_t>(twice.size()));
    auto const both = [](const std::string& text) { return text.find("okHTTP/1.1 200 OK") != std::string::npos; };
    auto const answers = receive(fd.get(), both);
    EXPECT_NE(answers.find("okHTTP/1.1 200 OK"), std::string::npos) << answers;
}

TEST_F(Door, survives_whatever_bytes_come)
{
    std::mt19937 random{7}; // Always the same bytes: a failure comes back.
    std::string const good =
        "POST /api/v1/namespaces/default/pods?fieldManager=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";
    for (int i = 0; i < 300; ++i) {
        auto bytes = good.substr(0, random() % (good.size() + 1));
        for (unsigned changes = random() % 4; changes > 0 && !bytes.empty(); --changes)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        auto const fd = raw_connection();
        ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::shutdown(fd.get(), SHUT_WR);
        receive(fd.get(), never);
    }
    EXPECT_TRUE(connect().version().ok());
}

TEST_F(Door, survives_json_that_is_nested_without_end)
{
    auto client = connect();
    ASSERT_TRUE(client.create(pod("web")).ok());
    std::string const deep = R"({"spec":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}";
    client::Request request{.method = "POST", .path = "/api/v1/namespaces/default/pods", .body = deep};
    EXPECT_TRUE(failed_with(client.send(request), Code::invalid_argument));
    for (const auto* type :
         {"application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json"}) {
        request = {.method = "PATCH", .path = "/api/v1/namespaces/default/pods/web", .content_type = type, .body = deep};
        EXPECT_TRUE(failed_with(client.send(request), Code::invalid_argument)) << type;
    }
    std::string objects;
    for (int i = 0; i < 200'000; ++i)
        objects += R"({"a":)";
    request.body = objects + "1" + std::string(200'000, '}');
    request.content_type = "application/merge-patch+json";
    EXPECT_TRUE(failed_with(client.send(request), Code::invalid_argument));
}

TEST_F(Door, says_no_as_http_does)
{
    auto const ask = [&](const std::string& line, const std::string& headers = "", const std::string& body = "") {
        return status_of(raw(line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body));
    };
    EXPECT_EQ(ask("GET /nowhere"), 404);
    EXPECT_EQ(ask("GET /apis/no.such/v1"), 404);
    EXPECT_EQ(ask("GET /api/v1/namespaces/default/pods/web"), 404);
    EXPECT_EQ(ask("GET /api/v1/namespaces/default/pods/.."), 404);
    EXPECT_EQ(ask("GET /api/v1/namespaces/default%2Fx/pods/y"), 404);
    EXPECT_EQ(ask("POST /version"), 405);
    EXPECT_EQ(ask("POST /api/v1/pods"), 405);
    EXPECT_EQ(ask("TRACE /api/v1/namespaces/default/pods"), 405);
    EXPECT_EQ(ask("GET /api/v1/pods", "Accept: text/html\r\n"), 406);
    EXPECT_EQ(ask("POST /api/v1/namespaces/default/pods", "Content-Type: application/protobuf\r\n", "x"), 415);
    EXPECT_EQ(ask("PATCH /api/v1/namespaces/default/pods/x", "Content-Type: application/json\r\n", "{}"), 415);
    EXPECT_EQ(ask("POST /api/v1/namespaces/default/pods", "", "{"), 400);
    EXPECT_EQ(ask("POST /api/v1/namespaces/default/pods", "", "[]"), 400);
    EXPECT_EQ(ask("POST /api/v1/namespaces/default/pods", "", R"({"metadata":"x"})"), 422);
    EXPECT_EQ(ask("POST /api/v1/namespaces/default/pods", "", R"({"kind":"Network","metadata":{"name":"x"}})"), 400);
    EXPECT_EQ(ask("GET /api/v1/pods?limit=x"), 400);
    EXPECT_EQ(ask("GET /api/v1/pods?watch=1&resourceVersion=x"), 400);
    EXPECT_EQ(ask("GET /api/v1/pods?watch=1&resourceVersion=999999"), 410);
    EXPECT_EQ(ask("GET /api/v1/pods?continue=nonsense"), 400);
    EXPECT_EQ(ask("GET /api/v1/namespaces/default/pods/x/exec"), 404);
    EXPECT_EQ(ask("HEAD /healthz"), 200);
}

TEST_F(Door, refuses_more_requests_than_may_wait)
{
    stop();
    start({.workers = 1, .queue = 0});

    auto const answer = raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");

    EXPECT_EQ(status_of(answer), 429);
    EXPECT_NE(answer.find("Retry-After: 1"), std::string::npos);
}

TEST_F(Door, refuses_more_connections_than_its_limit)
{
    stop();
    start({.connections = 1});
    auto first = connect();
    ASSERT_TRUE(first.version().ok());

    EXPECT_EQ(status_of(raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")), 503);
    EXPECT_TRUE(first.version().ok());
}

TEST_F(Door, gives_up_a_request_that_never_ends)
{
    stop();
    start({.request_time = std::chrono::seconds{1}});
    auto const fd = raw_connection();
    ASSERT_EQ(::send(fd.get(), "GET / HT", 8, 0), 8);

    EXPECT_EQ(receive(fd.get(), never), "<closed>");
}

// Fails under the address sanitizer where the timer's call, once queued, comes to a connection that is gone.
TEST_F(Door, forgets_the_stall_timer_of_an_answer_that_is_out)
{
    stop();
    start({.stall = std::chrono::seconds{0}});
    for (int i = 0; i < 20; ++i)
        static_cast<void>(raw("GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));

    EXPECT_TRUE(connect().version().ok());
}

TEST_F(Door, does_nothing_while_nobody_asks)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer has threads of its own";
#endif
    auto client = connect();
    auto const watch = client.watch("Pod").value();
    auto const switches = [] {
        long count = 0;
        for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
            std::ifstream status{task.path() / "status"};
            for (std::string line; std::getline(status, line);)
                if (line.starts_with("voluntary_ctxt_switches:"))
                    count += std::stol(line.substr(24));
        }
        return count;
    };
    auto const still = [&, seen = switches()]() mutable {
        ::usleep(100'000);
        return switches() - std::exchange(seen, switches()) <= 2 && base::all_others_sleep();
    };
    ASSERT_TRUE(eventually(still));
    auto const before = switches();
    auto const writes = store_->stats().writes;

    ::usleep(1'500'000);

    EXPECT_LE(switches() - before, 3) << "this thread's own sleep, and nothing else";
    EXPECT_EQ(store_->stats().writes, writes);
}

TEST_F(Door, is_usable_with_curl)
{
    auto const curl = "curl -sS --unix-socket " + socket_ + " ";
    EXPECT_EQ(shell(curl + "http://nova/healthz", root_), "ok=0\n");

    std::ofstream{root_ + "/net.json"} << network("lab", "10.88.0.1/24").dump();
    auto const made = shell(
        curl + "--fail -X POST -d @" + root_ + "/net.json http://nova/apis/nanocloud.io/v1/namespaces/default/networks", root_);
    EXPECT_NE(made.find(R"("subnet":"10.88.0.1/24")"), std::string::npos) << made;

    std::ofstream{root_ + "/big.json"} << std::string(2'000'000, ' ')
                                       << pod("web").dump(); // Over curl's threshold for 100-continue.
    auto const big = shell(curl + "--fail -d @" + root_ + "/big.json http://nova/api/v1/namespaces/default/pods", root_);
    EXPECT_NE(big.find(R"("name":"web")"), std::string::npos) << big;

    auto const watched = shell(curl + "-N 'http://nova/api/v1/pods?watch=1&timeoutSeconds=4'", root_);
    EXPECT_NE(watched.find(R"({"type":"ADDED","object":{)"), std::string::npos) << watched;
    EXPECT_TRUE(watched.ends_with("=0\n"));
}

TEST_F(Door, takes_yaml_as_well)
{
    std::ofstream{root_ + "/net.yaml"}
        << "apiVersion: nanocloud.io/v1\nkind: Network\nmetadata: {name: lab}\nspec: {subnet: 10.88.0.1/24}\n";

    auto const made = shell("curl -sS --fail --unix-socket " + socket_ + " -H 'Content-Type: application/yaml' --data-binary @" +
                                root_ + "/net.yaml http://nova/apis/nanocloud.io/v1/namespaces/default/networks",
                            root_);

    EXPECT_TRUE(made.ends_with("=0\n")) << made;
}

TEST_F(Door, refuses_a_peer_that_is_nobody_here)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to become somebody else";
    ASSERT_EQ(::chmod(socket_.c_str(), 0666), 0); // As if the file's mode did not keep him out already.
    ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);

    auto const answer =
        shell("setpriv --reuid 65534 --regid 65534 --clear-groups curl -sS --unix-socket " + socket_ + " http://nova/api", root_);

    EXPECT_NE(answer.find(R"("reason":"Forbidden")"), std::string::npos) << answer;
}

TEST_F(Door, keeps_others_out_by_the_mode_of_its_socket)
{
    struct stat info {};
    ASSERT_EQ(::stat(socket_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0660u);
}

} // namespace
} // namespace nova::test
