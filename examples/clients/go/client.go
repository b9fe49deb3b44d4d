// Calls the grid of ../grid.py: client ADDRESS CA_FILE TOKEN_FILE
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	pb "example/gridclient/chariot/v1"
)

// Grid is the published grid, and more of the service in its stub.
type Grid struct{ stub pb.ObjectServiceClient }

func connect(address, authority, token string) (Grid, error) {
	tls, err := credentials.NewClientTLSFromFile(authority, "")
	if err != nil {
		return Grid{}, err
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(tls)}
	if token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(token)))
	}
	connection, err := grpc.NewClient(address, options...)
	return Grid{pb.NewObjectServiceClient(connection)}, err
}

// bearer is a token that goes with each call.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }

// cell says which: cell(1, 2). Without indices it is the whole grid.
func cell(index ...int64) *pb.Target {
	return &pb.Target{Object: &pb.Target_Name{Name: "grid"}, Index: index}
}

// Call calls a method of one cell, and gives what it returns.
func (grid Grid) Call(ctx context.Context, target *pb.Target, method string, args ...any) (any, error) {
	request := &pb.CallRequest{Target: target, Method: method, Arguments: Arguments(args...)}
	response, err := grid.stub.Call(ctx, request)
	if err != nil {
		return nil, err
	}
	return FromValue(response.Result)
}

// Broadcast calls a method of all cells, and gives their results in order.
func (grid Grid) Broadcast(ctx context.Context, method string, args ...any) ([]any, error) {
	request := &pb.BroadcastRequest{Target: cell(), Method: method, Arguments: Arguments(args...)}
	response, err := grid.stub.Broadcast(ctx, request)
	if err != nil {
		return nil, err
	}
	return FromValues(response.Results)
}

// Stream sends the values through a channel to one cell, as the cell takes them, and gives what comes until the cell
// closes it.
func (grid Grid) Stream(ctx context.Context, target *pb.Target, method string, values ...any) ([]any, error) {
	channel, err := grid.stub.OpenChannel(ctx)
	if err != nil {
		return nil, err
	}
	first := &pb.ChannelTarget{Target: target, Method: method}
	requests := []*pb.OpenChannelRequest{{What: &pb.OpenChannelRequest_Target{Target: first}}}
	for _, value := range Arguments(values...).Positional {
		requests = append(requests, &pb.OpenChannelRequest{What: &pb.OpenChannelRequest_Value{Value: value}})
	}
	go func() {
		defer channel.CloseSend()
		for _, request := range requests {
			if channel.Send(request) != nil {
				return // Recv tells why
			}
		}
	}()
	var came []*pb.Value
	response, err := channel.Recv()
	for ; err == nil; response, err = channel.Recv() {
		came = append(came, response.Value)
	}
	if err != io.EOF {
		return nil, err
	}
	return FromValues(came)
}

// failureOf gives what the method raised; nil where it was not run.
func failureOf(err error) *pb.Failure {
	for _, detail := range status.Convert(err).Details() {
		if told, ok := detail.(*pb.ObjectError); ok {
			return told.Failure
		}
	}
	return nil
}

// statusOf gives gRPC's name for the status of a call, such as NOT_FOUND.
func statusOf(err error) string { return code.Code(status.Code(err)).String() }

func main() {
	token, err := os.ReadFile(os.Args[3])
	check(err)
	grid, err := connect(os.Args[1], os.Args[2], strings.TrimSpace(string(token)))
	check(err)
	ctx := context.Background()

	result, err := grid.Call(ctx, cell(1, 2), "add", 1.5)
	check(err)
	fmt.Println("call:", result)

	results, err := grid.Broadcast(ctx, "get")
	check(err)
	fmt.Println("broadcast:", results)

	results, err = grid.Stream(ctx, cell(0, 1), "chat", 1, 2.5, "three")
	check(err)
	fmt.Println("stream:", results)

	result, err = grid.Call(ctx, cell(3, 3), "scaled", NewArray([]float64{0, 1, 2, 3, 4, 5}, 2, 3), 10.0)
	check(err)
	elements, err := Elements[float64](result.(*Array))
	check(err)
	fmt.Println("array:", elements)

	_, err = grid.Call(ctx, cell(0, 0), "fail", "no such luck")
	fmt.Println("error:", statusOf(err), failureOf(err).GetType())

	hurried, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = grid.Call(hurried, cell(0, 0), "slow", 10.0)
	fmt.Println("deadline:", statusOf(err))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
