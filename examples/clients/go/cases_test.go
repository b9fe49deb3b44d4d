// The cases of test/clients/table.py: cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"

	pb "example/gridclient/chariot/v1"
)

var background = context.Background()

// TestMain is the program of `go test -c`.
func TestMain(*testing.M) {
	grid := mustConnect(os.Args[3])
	if len(os.Args) > 5 && os.Args[5] == "--values" {
		echoValues(grid, os.Args[6], os.Args[7])
	} else {
		cases(grid, mustConnect(os.Args[4]), mustConnect(os.DevNull))
	}
}

func mustConnect(tokenFile string) Grid {
	token := must(os.ReadFile(tokenFile))
	return must(connect(os.Args[1], os.Args[2], strings.TrimSpace(string(token))))
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// Words with a space between them, as fmt shows them.
func words[T any](values []T) string {
	return strings.Trim(fmt.Sprint(values), "[]")
}

func cases(grid, narrow, nobody Grid) {
	origin := cell(0, 0)
	fmt.Println("call:", must(grid.Call(background, cell(1, 2), "add", 1.5)))
	fmt.Println("broadcast:", words(must(grid.Broadcast(background, "add", 0.25))))
	fmt.Println("reduce:", reduce(grid))
	fmt.Println("stream:", words(must(grid.Stream(background, cell(0, 1), "chat", 0.75, 1.25, "ping"))))
	fmt.Println("array:", array(grid))
	fmt.Println("list:", list(grid))
	fmt.Println("describe:", describe(grid))
	fmt.Println("watch:", watch(grid))
	fmt.Println("error:", failed(grid))
	fmt.Println("deadline:", ended(context.WithTimeout(background, 300*time.Millisecond))(grid))
	ctx, cancel := context.WithCancel(background)
	time.AfterFunc(100*time.Millisecond, cancel)
	fmt.Println("cancelled:", ended(ctx, cancel)(grid))
	fmt.Println("unknown:", refused(grid, &pb.Target{Object: &pb.Target_Name{Name: "nobody"}}, "get"))
	fmt.Println("not_exposed:", refused(grid, origin, "hidden"))
	fmt.Println("wrong_type:", refused(grid, origin, "add", "much"))
	fmt.Println("over_limit:", refused(grid, origin, "echo", make([]byte, 2<<20)))
	fmt.Println("no_token:", refused(nobody, origin, "get"))
	fmt.Println("wrong_scope:", refused(narrow, origin, "add", 1.0))
}

func reduce(grid Grid) any {
	request := &pb.ReduceRequest{Target: cell(), Method: "get", Reducer: pb.Reducer_REDUCER_SUM}
	return must(FromValue(must(grid.stub.Reduce(background, request)).Result))
}

func array(grid Grid) string {
	data := NewArray([]float64{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, 2, 3)
	scaled := must(grid.Call(background, cell(3, 3), "scaled", data, 3.0)).(*Array)
	shape := strings.ReplaceAll(words(scaled.Shape), " ", "x")
	return scaled.DType + " " + shape + " " + words(must(Elements[float64](scaled)))
}

func list(grid Grid) string {
	var names []string
	for _, object := range must(grid.stub.ListObjects(background, &pb.ListObjectsRequest{})).Objects {
		names = append(names, object.Name)
	}
	return words(names)
}

func describe(grid Grid) string {
	for _, method := range must(grid.stub.GetObject(background, &pb.GetObjectRequest{Target: cell()})).Object.Methods {
		if method.Name == "add" {
			one := method.Parameters[0]
			return fmt.Sprintf("%s(%s: %s) -> %s", method.Name, one.Name, one.Type, method.Returns)
		}
	}
	return ""
}

func watch(grid Grid) string {
	future := must(grid.Call(background, cell(0, 0), "later")).(*pb.Future)
	values := must(grid.stub.WatchFuture(background, &pb.WatchFutureRequest{Future: future}))
	var came []any
	for {
		response, err := values.Recv()
		if err == io.EOF {
			return words(came)
		}
		check(err)
		came = append(came, must(FromValue(response.Value)))
	}
}

func failed(grid Grid) string {
	_, err := grid.Call(background, cell(2, 2), "fail", "no such luck")
	failure := failureOf(err)
	return fmt.Sprintf("%s %s: %s", statusOf(err), failure.GetType(), failure.GetMessage())
}

// What becomes of a long call whose context ends.
func ended(ctx context.Context, cancel context.CancelFunc) func(Grid) string {
	return func(grid Grid) string {
		defer cancel()
		_, err := grid.Call(ctx, cell(0, 0), "slow", 10.0)
		return statusOf(err)
	}
}

func refused(grid Grid, target *pb.Target, method string, args ...any) string {
	_, err := grid.Call(background, target, method, args...)
	return statusOf(err)
}

func echoValues(grid Grid, from, to string) {
	source := bufio.NewReader(bytes.NewReader(must(os.ReadFile(from))))
	var out bytes.Buffer
	for {
		value := &pb.Value{}
		err := protodelim.UnmarshalFrom(source, value)
		if err == io.EOF {
			check(os.WriteFile(to, out.Bytes(), 0o666))
			return
		}
		check(err)
		back := must(grid.Call(background, cell(0, 0), "echo", must(FromValue(value))))
		must(protodelim.MarshalTo(&out, must(ToValue(back))))
	}
}
