#include "client.h"

#include <google/rpc/status.pb.h>

#include <thread>

Grid::Grid(const std::string &address, const std::string &authority_pem, const std::string &token) : token_(token) {
    grpc::SslCredentialsOptions tls{authority_pem, "", ""};
    stub_ = pb::ObjectService::NewStub(grpc::CreateChannel(address, grpc::SslCredentials(tls)));
}

std::unique_ptr<grpc::ClientContext> Grid::context() const {
    auto context = std::make_unique<grpc::ClientContext>();
    if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_);
    return context;
}

Item Grid::call(const Index &index, const std::string &method, const Items &arguments, std::chrono::milliseconds timeout) {
    pb::CallRequest request;
    pb::CallResponse response;
    *request.mutable_target() = target_of("grid", index);
    request.set_method(method);
    for (const auto &argument : arguments) to_value(argument, request.mutable_arguments()->add_positional());
    auto context = this->context();
    context->set_deadline(std::chrono::system_clock::now() + timeout);
    check(stub_->Call(context.get(), request, &response));
    return from_value(response.result());
}

Items Grid::broadcast(const std::string &method, const Items &arguments) {
    pb::BroadcastRequest request;
    pb::BroadcastResponse response;
    Items results;
    *request.mutable_target() = target_of("grid");
    request.set_method(method);
    for (const auto &argument : arguments) to_value(argument, request.mutable_arguments()->add_positional());
    check(stub_->Broadcast(context().get(), request, &response));
    for (const auto &result : response.results()) results.push_back(from_value(result));
    return results;
}

Items Grid::stream(const Index &index, const std::string &method, const Items &values) {
    auto context = this->context();
    auto channel = stub_->OpenChannel(context.get());
    std::thread sender([&] {  // beside receiving: either side may wait for the other
        pb::OpenChannelRequest first;
        *first.mutable_target()->mutable_target() = target_of("grid", index);
        first.mutable_target()->set_method(method);
        bool open = channel->Write(first);
        for (size_t i = 0; i < values.size() && open; i++) {
            pb::OpenChannelRequest request;
            to_value(values[i], request.mutable_value());
            open = channel->Write(request);
        }
        channel->WritesDone();
    });
    pb::OpenChannelResponse response;
    Items received;
    while (channel->Read(&response)) received.push_back(from_value(response.value()));
    sender.join();
    check(channel->Finish());
    return received;
}

pb::Target target_of(const std::string &name, const Index &index) {
    pb::Target target;
    target.set_name(name);
    target.mutable_index()->Add(index.begin(), index.end());
    return target;
}

CallError::CallError(const grpc::Status &status) : std::runtime_error(status.error_message()), code(status.error_code()) {
    google::rpc::Status told;  // of grpc-status-details-bin
    if (!told.ParseFromString(status.error_details())) return;
    for (const auto &detail : told.details()) {
        pb::ObjectError error;
        if (detail.UnpackTo(&error) && error.has_failure()) failure = error.failure();
    }
}

void check(const grpc::Status &status) {
    if (!status.ok()) throw CallError(status);
}
