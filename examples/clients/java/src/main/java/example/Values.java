package example;

import chariot.v1.Arguments;
import chariot.v1.Failure;
import chariot.v1.Future;
import chariot.v1.MapEntry;
import chariot.v1.Null;
import chariot.v1.Reference;
import chariot.v1.Value;
import com.google.protobuf.ByteString;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a Value of chariot/v1/value.proto is in Java, both ways. Copy this file and NdArray.java.
 *
 * <pre>
 * null         null                    list       List
 * boolean      Boolean                 tuple      Tuple
 * integer      Long (takes Integer)    map        Map, in the order of its entries
 * big_integer  BigInteger              array      NdArray
 * real         Double                  reference, future, failure: the messages themselves
 * text         String
 * data         ByteString (takes byte[])
 * </pre>
 */
public final class Values {
  /** A list that does not change: Python's tuple. */
  public record Tuple(List<Object> items) {
    public static Tuple of(Object... items) {
      return new Tuple(Arrays.asList(items));
    }
  }

  private Values() {}

  public static Arguments arguments(Object... positional) {
    return Arguments.newBuilder().addAllPositional(toValues(Arrays.asList(positional))).build();
  }

  /** Throws IllegalArgumentException at an object that no Value has a form for. */
  public static Value toValue(Object own) {
    Value.Builder value = Value.newBuilder();
    if (own == null) value.setNull(Null.getDefaultInstance());
    else if (own instanceof Boolean it) value.setBoolean(it);
    else if (own instanceof Long it) value.setInteger(it);
    else if (own instanceof Integer it) value.setInteger(it);
    else if (own instanceof BigInteger it) setBig(value, it);
    else if (own instanceof Double it) value.setReal(it);
    else if (own instanceof String it) value.setText(it);
    else if (own instanceof ByteString it) value.setData(it);
    else if (own instanceof byte[] it) value.setData(ByteString.copyFrom(it));
    else if (own instanceof List<?> it) value.setList(toList(it));
    else if (own instanceof Tuple it) value.setTuple(toList(it.items()));
    else if (own instanceof Map<?, ?> it) value.setMap(toMap(it));
    else if (own instanceof NdArray it) value.setArray(it.toMessage());
    else if (own instanceof Reference it) value.setReference(it);
    else if (own instanceof Future it) value.setFuture(it);
    else if (own instanceof Failure it) value.setFailure(it);
    else throw new IllegalArgumentException("no Value has a form for " + own.getClass());
    return value.build();
  }

  public static Object fromValue(Value value) {
    return switch (value.getKindCase()) {
      case NULL -> null;
      case BOOLEAN -> value.getBoolean();
      case INTEGER -> value.getInteger();
      case BIG_INTEGER -> new BigInteger(reversed(value.getBigInteger().toByteArray()));
      case REAL -> value.getReal();
      case TEXT -> value.getText();
      case DATA -> value.getData();
      case LIST -> fromValues(value.getList().getItemsList());
      case TUPLE -> new Tuple(fromValues(value.getTuple().getItemsList()));
      case MAP -> fromMap(value.getMap());
      case ARRAY -> NdArray.of(value.getArray());
      case REFERENCE -> value.getReference();
      case FUTURE -> value.getFuture();
      case FAILURE -> value.getFailure();
      case KIND_NOT_SET -> throw new IllegalArgumentException("a Value of a kind that these protos do not have");
    };
  }

  public static List<Value> toValues(Collection<?> own) {
    return own.stream().map(Values::toValue).toList();
  }

  public static List<Object> fromValues(Collection<Value> values) {
    List<Object> own = new ArrayList<>(values.size()); // which may hold null
    values.forEach(value -> own.add(fromValue(value)));
    return own;
  }

  private static chariot.v1.List toList(Collection<?> own) {
    return chariot.v1.List.newBuilder().addAllItems(toValues(own)).build();
  }

  private static chariot.v1.Map toMap(Map<?, ?> own) {
    chariot.v1.Map.Builder map = chariot.v1.Map.newBuilder();
    own.forEach((key, value) -> map.addEntries(MapEntry.newBuilder().setKey(toValue(key)).setValue(toValue(value))));
    return map.build();
  }

  private static Map<Object, Object> fromMap(chariot.v1.Map map) {
    Map<Object, Object> own = new LinkedHashMap<>();
    map.getEntriesList().forEach(entry -> own.put(fromValue(entry.getKey()), fromValue(entry.getValue())));
    return own;
  }

  /** Beyond 64 bits: two's complement, little-endian, as few bytes as hold the number with its sign. */
  private static void setBig(Value.Builder value, BigInteger number) {
    if (number.bitLength() < Long.SIZE) value.setInteger(number.longValue());
    else value.setBigInteger(ByteString.copyFrom(reversed(number.toByteArray())));
  }

  private static byte[] reversed(byte[] bytes) {
    byte[] reversed = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) reversed[i] = bytes[bytes.length - 1 - i];
    return reversed;
  }
}
