// The grid of ../grid.py, called by gRPC.
#ifndef CLIENT_H
#define CLIENT_H

#include <chariot/v1/object_service.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "values.h"

namespace pb = chariot::v1;
using Index = std::vector<int64_t>;
using Items = std::vector<Item>;

// A call that failed: its status, and what the method raised (type, message, PE), where it was run.
struct CallError : std::runtime_error {
    explicit CallError(const grpc::Status &status);
    grpc::StatusCode code;
    std::optional<pb::Failure> failure;
};

class Grid {
public:
    Grid(const std::string &address, const std::string &authority_pem, const std::string &token);

    // A method of one cell; what it returns. The deadline is the call's.
    Item call(const Index &index, const std::string &method, const Items &arguments = {},
              std::chrono::milliseconds timeout = std::chrono::hours(1));
    // A method of all cells; their results in order.
    Items broadcast(const std::string &method, const Items &arguments = {});
    // A channel to one cell: sends the values, gives what comes until the cell closes it.
    Items stream(const Index &index, const std::string &method, const Items &values);

    pb::ObjectService::Stub *operator->() { return stub_.get(); }
    // What every call needs: the token goes with it as metadata.
    std::unique_ptr<grpc::ClientContext> context() const;

private:
    std::string token_;
    std::unique_ptr<pb::ObjectService::Stub> stub_;
};

pb::Target target_of(const std::string &name, const Index &index = {});
void check(const grpc::Status &status);  // throws a CallError

#endif
