package example;

import static example.Client.cell;
import static example.Values.fromValue;
import static example.Values.toValue;

import chariot.v1.Failure;
import chariot.v1.Future;
import chariot.v1.GetObjectRequest;
import chariot.v1.ListObjectsRequest;
import chariot.v1.Method;
import chariot.v1.Parameter;
import chariot.v1.ReduceRequest;
import chariot.v1.Reducer;
import chariot.v1.Target;
import chariot.v1.Value;
import chariot.v1.WatchFutureRequest;
import chariot.v1.WatchFutureResponse;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** The cases of test/clients/table.py: Cases ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT] */
public final class Cases {
  /** A call that may end with a status. */
  private interface Attempt {
    Object run() throws Exception;
  }

  private Cases() {}

  public static void main(String[] args) throws Exception {
    try (Client grid = new Client(args[0], args[1], read(args[2]));
        Client narrow = new Client(args[0], args[1], read(args[3]));
        Client nobody = new Client(args[0], args[1], "")) {
      if (args.length > 4 && args[4].equals("--values")) echoValues(grid, Path.of(args[5]), Path.of(args[6]));
      else run(grid, narrow, nobody);
    }
  }

  private static String read(String file) throws IOException {
    return Files.readString(Path.of(file)).strip();
  }

  private static void say(String name, Object word) {
    System.out.println(name + ": " + word);
  }

  private static String words(Collection<?> values) {
    return values.stream().map(String::valueOf).collect(Collectors.joining(" "));
  }

  private static void run(Client grid, Client narrow, Client nobody) throws Exception {
    say("call", grid.call(cell(1, 2), "add", 1.5));
    say("broadcast", words(grid.broadcast("add", 0.25)));
    say("reduce", reduce(grid));
    say("stream", words(grid.stream(cell(0, 1), "chat", 0.75, 1.25, "ping")));
    say("array", array(grid));
    say("list", list(grid));
    say("describe", describe(grid));
    say("watch", watch(grid));
    say("error", error(grid));
    say("deadline", status(() -> slow(grid.stub.withDeadlineAfter(300, TimeUnit.MILLISECONDS))));
    say("cancelled", cancelled(grid));
    say("unknown", status(() -> grid.call(Target.newBuilder().setName("nobody").build(), "get")));
    say("not_exposed", status(() -> grid.call(cell(0, 0), "hidden")));
    say("wrong_type", status(() -> grid.call(cell(0, 0), "add", "much")));
    say("over_limit", status(() -> grid.call(cell(0, 0), "echo", new byte[2 << 20])));
    say("no_token", status(() -> nobody.call(cell(0, 0), "get")));
    say("wrong_scope", status(() -> narrow.call(cell(0, 0), "add", 1.0)));
  }

  private static Status.Code status(Attempt attempt) throws Exception {
    try {
      attempt.run();
      return Status.Code.OK;
    } catch (StatusException error) {
      return error.getStatus().getCode();
    }
  }

  private static Object reduce(Client grid) throws StatusException {
    var request = ReduceRequest.newBuilder().setTarget(cell()).setMethod("get").setReducer(Reducer.REDUCER_SUM);
    return fromValue(grid.stub.reduce(request.build()).getResult());
  }

  private static String array(Client grid) throws StatusException {
    NdArray data = NdArray.of(new double[] {0.5, 1.5, 2.5, 3.5, 4.5, 5.5}, 2, 3);
    NdArray scaled = (NdArray) grid.call(cell(3, 3), "scaled", data, 3.0);
    String shape = words(scaled.shape()).replace(' ', 'x');
    return scaled.dtype() + " " + shape + " " + words(DoubleStream.of(scaled.doubles()).boxed().toList());
  }

  private static String list(Client grid) throws StatusException {
    var objects = grid.stub.listObjects(ListObjectsRequest.getDefaultInstance()).getObjectsList();
    return words(objects.stream().map(object -> object.getName()).toList());
  }

  private static String describe(Client grid) throws StatusException {
    var object = grid.stub.getObject(GetObjectRequest.newBuilder().setTarget(cell()).build()).getObject();
    Method add = object.getMethodsList().stream().filter(method -> method.getName().equals("add")).findFirst().get();
    Parameter one = add.getParameters(0);
    return add.getName() + "(" + one.getName() + ": " + one.getType() + ") -> " + add.getReturns();
  }

  private static String watch(Client grid) throws Exception {
    Future future = (Future) grid.call(cell(0, 0), "later");
    BlockingClientCall<?, WatchFutureResponse> call =
        grid.stub.watchFuture(WatchFutureRequest.newBuilder().setFuture(future).build());
    List<Object> came = new ArrayList<>();
    for (WatchFutureResponse it = call.read(); it != null; it = call.read()) came.add(fromValue(it.getValue()));
    return words(came);
  }

  private static String error(Client grid) throws Exception {
    try {
      return String.valueOf(grid.call(cell(2, 2), "fail", "no such luck"));
    } catch (StatusException raised) {
      Failure failure = Client.failureOf(raised);
      return raised.getStatus().getCode() + " " + failure.getType() + ": " + failure.getMessage();
    }
  }

  private static Object slow(chariot.v1.ObjectServiceGrpc.ObjectServiceBlockingV2Stub stub) throws StatusException {
    return Client.call(stub, cell(0, 0), "slow", 10.0);
  }

  /** Calls belong to the context in which they begin. */
  private static Status.Code cancelled(Client grid) throws Exception {
    var timer = Executors.newSingleThreadScheduledExecutor();
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      timer.schedule(() -> context.cancel(null), 100, TimeUnit.MILLISECONDS);
      return context.call(() -> status(() -> slow(grid.stub)));
    } finally {
      timer.shutdown();
    }
  }

  private static void echoValues(Client grid, Path from, Path to) throws Exception {
    try (InputStream in = Files.newInputStream(from); OutputStream out = Files.newOutputStream(to)) {
      for (Value value = Value.parseDelimitedFrom(in); value != null; value = Value.parseDelimitedFrom(in)) {
        toValue(grid.call(cell(0, 0), "echo", fromValue(value))).writeDelimitedTo(out);
      }
    }
  }
}
