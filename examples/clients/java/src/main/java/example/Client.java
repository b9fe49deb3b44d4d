package example;

import static example.Values.arguments;
import static example.Values.fromValue;
import static example.Values.fromValues;
import static example.Values.toValue;

import chariot.v1.BroadcastRequest;
import chariot.v1.CallRequest;
import chariot.v1.ChannelTarget;
import chariot.v1.Failure;
import chariot.v1.ObjectError;
import chariot.v1.ObjectServiceGrpc;
import chariot.v1.OpenChannelRequest;
import chariot.v1.OpenChannelResponse;
import chariot.v1.Target;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.BlockingClientCall;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;

/** Calls the grid of ../grid.py: Client ADDRESS CA_FILE TOKEN_FILE */
public final class Client implements AutoCloseable {
  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  private final ManagedChannel channel;
  final ObjectServiceGrpc.ObjectServiceBlockingV2Stub stub;

  Client(String address, String authority, String token) throws IOException {
    ChannelCredentials tls = TlsChannelCredentials.newBuilder().trustManager(new File(authority)).build();
    Metadata metadata = new Metadata();
    if (!token.isEmpty()) metadata.put(AUTHORIZATION, "Bearer " + token);
    channel = Grpc.newChannelBuilder(address, tls).intercept(MetadataUtils.newAttachHeadersInterceptor(metadata)).build();
    stub = ObjectServiceGrpc.newBlockingV2Stub(channel);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }

  /** Which cell: cell(1, 2). Without indices it is the whole grid. */
  static Target cell(long... index) {
    return Target.newBuilder().setName("grid").addAllIndex(LongStream.of(index).boxed().toList()).build();
  }

  /** A method of one cell; what it returns. */
  Object call(Target target, String method, Object... args) throws StatusException {
    return call(stub, target, method, args);
  }

  /** The same of a stub with a deadline or other options of its own. */
  static Object call(ObjectServiceGrpc.ObjectServiceBlockingV2Stub stub, Target target, String method, Object... args)
      throws StatusException {
    var request = CallRequest.newBuilder().setTarget(target).setMethod(method).setArguments(arguments(args));
    return fromValue(stub.call(request.build()).getResult());
  }

  /** A method of all cells; their results in order. */
  List<Object> broadcast(String method, Object... args) throws StatusException {
    var request = BroadcastRequest.newBuilder().setTarget(cell()).setMethod(method).setArguments(arguments(args));
    return fromValues(stub.broadcast(request.build()).getResultsList());
  }

  /** A channel to one cell: sends the values as the cell takes them, gives what comes until the cell closes it. */
  List<Object> stream(Target target, String method, Object... values) throws Exception {
    List<OpenChannelRequest> requests = new ArrayList<>();
    var first = ChannelTarget.newBuilder().setTarget(target).setMethod(method);
    requests.add(OpenChannelRequest.newBuilder().setTarget(first).build());
    for (Object own : values) requests.add(OpenChannelRequest.newBuilder().setValue(toValue(own)).build());

    BlockingClientCall<OpenChannelRequest, OpenChannelResponse> call = stub.openChannel();
    new Thread(() -> send(call, requests)).start();
    List<Object> came = new ArrayList<>();
    for (OpenChannelResponse it = call.read(); it != null; it = call.read()) came.add(fromValue(it.getValue()));
    return came;
  }

  private static <T> void send(BlockingClientCall<T, ?> call, List<T> requests) {
    try {
      for (T request : requests) call.write(request);
      call.halfClose();
    } catch (StatusException | InterruptedException error) {
      call.cancel("it cannot be sent to", error); // who reads hears why
    }
  }

  /** What the method raised; null where it was not run. */
  static Failure failureOf(StatusException error) throws InvalidProtocolBufferException {
    var status = StatusProto.fromThrowable(error);
    for (Any detail : status == null ? List.<Any>of() : status.getDetailsList()) {
      if (detail.is(ObjectError.class)) return detail.unpack(ObjectError.class).getFailure();
    }
    return null;
  }

  public static void main(String[] args) throws Exception {
    try (Client grid = new Client(args[0], args[1], Files.readString(Path.of(args[2])).strip())) {
      System.out.println("call: " + grid.call(cell(1, 2), "add", 1.5));
      System.out.println("broadcast: " + grid.broadcast("get"));
      System.out.println("stream: " + grid.stream(cell(0, 1), "chat", 1, 2.5, "three"));
      NdArray data = NdArray.of(new double[] {0, 1, 2, 3, 4, 5}, 2, 3);
      System.out.println("array: " + Arrays.toString(((NdArray) grid.call(cell(3, 3), "scaled", data, 10.0)).doubles()));
      try {
        grid.call(cell(0, 0), "fail", "no such luck");
      } catch (StatusException error) {
        System.out.println("error: " + error.getStatus().getCode() + " " + failureOf(error).getType());
      }
      try {
        call(grid.stub.withDeadlineAfter(300, TimeUnit.MILLISECONDS), cell(0, 0), "slow", 10.0);
      } catch (StatusException error) {
        System.out.println("deadline: " + error.getStatus().getCode());
      }
    }
  }
}
