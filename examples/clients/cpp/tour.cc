// tour ADDRESS CA_FILE TOKEN_FILE: a walk through what a client can do.
#include <fstream>
#include <iostream>
#include <sstream>

#include "client.h"

static std::string read(const char *path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

int main(int argc, char **argv) {
    if (argc != 4) return std::cerr << "usage: tour ADDRESS CA_FILE TOKEN_FILE\n", 2;
    std::string token = read(argv[3]);
    token.erase(token.find_last_not_of(" \n") + 1);
    Grid grid(argv[1], read(argv[2]), token);

    std::cout << "call: " << std::get<double>(grid.call({1, 2}, "add", {1.5})) << "\n";
    std::cout << "broadcast: " << grid.broadcast("get").size() << " results\n";
    std::cout << "stream: " << grid.stream({0, 1}, "chat", {1, 2.5, "three"}).size() << " values\n";
    auto data = NdArray::of<double>({2, 3}, {0, 1, 2, 3, 4, 5});
    auto scaled = std::get<NdArray>(grid.call({3, 3}, "scaled", {data, 10.0}));
    std::cout << "array: the last element is " << scaled.vector<double>().back() << "\n";
    try {
        grid.call({0, 0}, "fail", {"no such luck"});
    } catch (const CallError &error) {
        std::cout << "error: " << error.failure->type() << ": " << error.failure->message() << "\n";
    }
    try {
        grid.call({0, 0}, "slow", {10.0}, std::chrono::milliseconds(300));
    } catch (const CallError &error) {
        std::cout << "deadline: " << (error.code == grpc::DEADLINE_EXCEEDED ? "over" : error.what()) << "\n";
    }
}
