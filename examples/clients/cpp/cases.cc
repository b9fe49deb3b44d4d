// The cases of test/clients/table.py: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]
#include <google/protobuf/util/delimited_message_util.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <sstream>
#include <thread>

#include "client.h"

namespace {

using namespace std::chrono_literals;
using std::cout;

std::string read(const std::string &path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::string token_of(const std::string &path) {
    std::string token = read(path);
    return token.erase(token.find_last_not_of(" \n") + 1);
}

const char *name_of(grpc::StatusCode code) {
    static const char *names[] = {
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
    return names[code];
}

void show_status(const char *name, const std::function<void()> &call) {
    const char *status = "OK";
    try {
        call();
    } catch (const CallError &error) {
        status = name_of(error.code);
    }
    cout << name << ": " << status << "\n";
}

void show(const char *name, const Items &items) {
    cout << name << ":";
    for (const auto &item : items) {
        if (auto *text = std::get_if<std::string>(&item))
            cout << " " << *text;
        else
            cout << " " << std::get<double>(item);
    }
    cout << "\n";
}

Item reduce(Grid &grid) {
    pb::ReduceRequest request;
    pb::ReduceResponse response;
    *request.mutable_target() = target_of("grid");
    request.set_method("get");
    request.set_reducer(pb::REDUCER_SUM);
    check(grid->Reduce(grid.context().get(), request, &response));
    return from_value(response.result());
}

void show_array(Grid &grid) {
    auto data = NdArray::of<double>({2, 3}, {0.5, 1.5, 2.5, 3.5, 4.5, 5.5});
    auto scaled = std::get<NdArray>(grid.call({3, 3}, "scaled", {data, 3.0}));
    cout << "array: " << scaled.dtype << " " << scaled.shape[0] << "x" << scaled.shape[1];
    for (double element : scaled.vector<double>()) cout << " " << element;
    cout << "\n";
}

void show_list(Grid &grid) {
    pb::ListObjectsResponse listed;
    check(grid->ListObjects(grid.context().get(), {}, &listed));
    cout << "list:";
    for (const auto &object : listed.objects()) cout << " " << object.name();
    cout << "\n";
}

void show_description(Grid &grid) {
    pb::GetObjectRequest request;
    pb::GetObjectResponse response;
    *request.mutable_target() = target_of("grid");
    check(grid->GetObject(grid.context().get(), request, &response));
    const auto &methods = response.object().methods();
    auto add = std::find_if(methods.begin(), methods.end(), [](const auto &one) { return one.name() == "add"; });
    cout << "describe: " << add->name() << "(";
    for (int i = 0; i < add->parameters_size(); i++)
        cout << (i > 0 ? ", " : "") << add->parameters(i).name() << ": " << add->parameters(i).type();
    cout << ") -> " << add->returns() << "\n";
}

Items watch(Grid &grid) {
    pb::WatchFutureRequest request;
    pb::WatchFutureResponse response;
    Items values;
    *request.mutable_future() = std::get<pb::Future>(grid.call({0, 0}, "later"));
    auto context = grid.context();
    auto watching = grid->WatchFuture(context.get(), request);
    while (watching->Read(&response)) values.push_back(from_value(response.value()));
    check(watching->Finish());
    return values;
}

void show_error(Grid &grid) {
    try {
        grid.call({2, 2}, "fail", {"no such luck"});
    } catch (const CallError &error) {
        cout << "error: " << name_of(error.code) << " " << error.failure->type() << ": " << error.failure->message() << "\n";
    }
}

void cancelled(Grid &grid) {
    pb::CallRequest request;
    pb::CallResponse response;
    *request.mutable_target() = target_of("grid", {0, 0});
    request.set_method("slow");
    to_value(10.0, request.mutable_arguments()->add_positional());
    auto context = grid.context();
    auto canceller = std::async(std::launch::async, [&] {
        std::this_thread::sleep_for(100ms);
        context->TryCancel();
    });
    check(grid->Call(context.get(), request, &response));
}

void unknown(Grid &grid) {
    pb::CallRequest request;
    pb::CallResponse response;
    *request.mutable_target() = target_of("nobody");
    request.set_method("get");
    check(grid->Call(grid.context().get(), request, &response));
}

void run(char **words) {
    std::string address = words[0], authority = read(words[1]);
    Grid grid(address, authority, token_of(words[2]));
    show("call", {grid.call({1, 2}, "add", {1.5})});
    show("broadcast", grid.broadcast("add", {0.25}));
    show("reduce", {reduce(grid)});
    show("stream", grid.stream({0, 1}, "chat", {0.75, 1.25, "ping"}));
    show_array(grid);
    show_list(grid);
    show_description(grid);
    show("watch", watch(grid));
    show_error(grid);
    show_status("deadline", [&] { grid.call({0, 0}, "slow", {10.0}, 300ms); });
    show_status("cancelled", [&] { cancelled(grid); });
    show_status("unknown", [&] { unknown(grid); });
    show_status("not_exposed", [&] { grid.call({0, 0}, "hidden"); });
    show_status("wrong_type", [&] { grid.call({0, 0}, "add", {"much"}); });
    show_status("over_limit", [&] { grid.call({0, 0}, "echo", {Bytes{std::string(2 << 20, '\0')}}); });
    show_status("no_token", [&] { Grid(address, authority, "").call({0, 0}, "get"); });
    show_status("wrong_scope", [&] { Grid(address, authority, token_of(words[3])).call({0, 0}, "add", {1.0}); });
}

// Each value as C++'s own goes to the grid and comes back; call() turns it into a Value and back.
void echo_values(char **words) {
    using namespace google::protobuf;
    Grid grid(words[0], read(words[1]), token_of(words[2]));
    std::ifstream in(words[5], std::ios::binary);
    std::ofstream out(words[6], std::ios::binary);
    io::IstreamInputStream values(&in);
    for (pb::Value value; util::ParseDelimitedFromZeroCopyStream(&value, &values, nullptr); value.Clear()) {
        pb::Value back;
        to_value(grid.call({0, 0}, "echo", {from_value(value)}), &back);
        util::SerializeDelimitedToOstream(back, &out);
    }
}

}  // namespace

int main(int argc, char **argv) {
    try {
        if (argc == 8 && argv[5] == std::string("--values"))
            echo_values(argv + 1);
        else if (argc == 5)
            run(argv + 1);
        else
            return std::cerr << "usage: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]\n", 2;
    } catch (const std::exception &error) {
        return std::cerr << "cases: " << error.what() << "\n", 1;
    }
}
