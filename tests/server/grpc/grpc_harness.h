// A GrpcServer on a real store in a temporary folder, its loop on a thread of its own, and stubs.
// Thread: the test's, and the loop's inside.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <stele/v1/admin.grpc.pb.h>
#include <stele/v1/event_store.grpc.pb.h>
#include "log/env/posix_env.h"
#include "log/event_store/event_store.h"
#include "log/store/store.h"
#include "server/core/event_loop.h"
#include "server/core/store_driver.h"
#include "server/grpc/grpc_server.h"

namespace stele::rpc {

class GrpcHarness : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "stele_grpc_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    env_ = make_posix_env().value();
    store_ = log::Store::open(folder_, *env_).value();
    events_ = std::make_unique<log::EventStore>(*store_);
    options_.addresses = {"127.0.0.1:0"};
  }
  void TearDown() override {
    stop();
    events_.reset();
    if (store_ != nullptr) {
      EXPECT_TRUE(store_->close());
    }
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  /// With `options_` as they are; a topic "orders" is there.
  void start() {
    loop_ = std::make_unique<server::EventLoop>(*env_);
    driver_ = std::make_unique<server::StoreDriver>(*loop_, *env_, *store_);
    server_ = GrpcServer::open(*loop_, *env_, *events_, options_, [] { return ""; }).value();
    runner_ = std::thread([this] { loop_->run(); });
    channel_ =
        ::grpc::CreateChannel(server_->addresses().front(), ::grpc::InsecureChannelCredentials());
    stub_ = v1::EventStore::NewStub(channel_);
    admin_ = v1::Admin::NewStub(channel_);
    create_topic("orders");
  }
  void stop() {
    if (!runner_.joinable()) return;
    drain(std::chrono::seconds(2));
    loop_->post([this] { loop_->stop(); });
    runner_.join();
    server_.reset();
    driver_.reset();
    loop_.reset();
  }
  /// Returns once all calls have ended, or the time is over.
  void drain(std::chrono::nanoseconds longest) {
    std::promise<void> done;
    loop_->post([&] {
      loop_->add_hook([this, &done, told = false]() mutable -> std::chrono::nanoseconds {
        if (!told && server_->drained()) {
          told = true;
          done.set_value();
        }
        return std::chrono::milliseconds(1);
      });
      server_->drain(longest);
    });
    done.get_future().wait();
  }

  void create_topic(const std::string& name) {
    ::grpc::ClientContext context;
    v1::CreateTopicRequest request;
    request.set_name(name);
    v1::CreateTopicResponse answer;
    const auto status = admin_->CreateTopic(&context, request, &answer);
    ASSERT_TRUE(status.ok() || status.error_code() == ::grpc::StatusCode::ALREADY_EXISTS)
        << status.error_message();
  }
  static v1::AppendRequest one(const std::string& stream, const std::string& data) {
    v1::AppendRequest request;
    request.set_topic("orders");
    v1::NewEvent& event = *request.add_events();
    event.set_stream(stream);
    event.set_type("Placed");
    event.set_data(data);
    return request;
  }
  static void expect_exact(v1::AppendRequest& request, const std::string& stream,
                           std::uint64_t version) {
    v1::StreamExpectation& expectation = *request.add_expectations();
    expectation.set_stream(stream);
    expectation.mutable_expected()->set_exact(version);
  }
  static void expect_no_stream(v1::AppendRequest& request, const std::string& stream) {
    v1::StreamExpectation& expectation = *request.add_expectations();
    expectation.set_stream(stream);
    expectation.mutable_expected()->mutable_no_stream();
  }
  ::grpc::Status append(const v1::AppendRequest& request, v1::AppendResponse& answer) {
    ::grpc::ClientContext context;
    return stub_->Append(&context, request, &answer);
  }
  v1::Appended must_append(const v1::AppendRequest& request) {
    v1::AppendResponse answer;
    const auto status = append(request, answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return answer.appended();
  }
  /// The Refusal among a status' details.
  static v1::Refusal refusal_of(const ::grpc::Status& status) {
    v1::Status details;
    v1::Refusal refusal;
    EXPECT_TRUE(details.ParseFromString(status.error_details()));
    EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
    for (const auto& detail : details.details()) {
      if (detail.type_url() != "type.googleapis.com/stele.v1.Refusal") continue;
      EXPECT_TRUE(refusal.ParseFromString(detail.value()));
    }
    return refusal;
  }
  /// All messages of a read.
  std::vector<v1::ReadResponse> read(const v1::ReadRequest& request, ::grpc::Status& status) {
    ::grpc::ClientContext context;
    const auto reader = stub_->Read(&context, request);
    std::vector<v1::ReadResponse> all;
    for (v1::ReadResponse page; reader->Read(&page);) all.push_back(page);
    status = reader->Finish();
    return all;
  }
  std::vector<v1::RecordedEvent> read_events(const v1::ReadRequest& request) {
    ::grpc::Status status;
    std::vector<v1::RecordedEvent> events;
    for (const v1::ReadResponse& page : read(request, status)) {
      events.insert(events.end(), page.batch().events().begin(), page.batch().events().end());
    }
    EXPECT_TRUE(status.ok()) << status.error_message();
    return events;
  }

  std::string folder_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<log::Store> store_;
  std::unique_ptr<log::EventStore> events_;
  GrpcOptions options_;
  std::unique_ptr<server::EventLoop> loop_;
  std::unique_ptr<server::StoreDriver> driver_;
  std::unique_ptr<GrpcServer> server_;
  std::thread runner_;
  std::shared_ptr<::grpc::Channel> channel_;
  std::unique_ptr<v1::EventStore::Stub> stub_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace stele::rpc
