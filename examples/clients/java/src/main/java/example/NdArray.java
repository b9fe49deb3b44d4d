package example;

import chariot.v1.Array;
import chariot.v1.Order;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.stream.LongStream;

/**
 * An array of n dimensions. dtype is numpy's name of its elements' type, such as "<f8"; data are its bytes. Its elements
 * lie so that the last index varies fastest, or, where it is fortran, the first.
 */
public record NdArray(String dtype, List<Long> shape, boolean fortran, ByteString data) {
  public static NdArray of(double[] elements, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * elements.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asDoubleBuffer().put(elements);
    return new NdArray("<f8", LongStream.of(shape).boxed().toList(), false, ByteString.copyFrom(bytes));
  }

  public static NdArray of(long[] elements, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * elements.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asLongBuffer().put(elements);
    return new NdArray("<i8", LongStream.of(shape).boxed().toList(), false, ByteString.copyFrom(bytes));
  }

  /** The elements of an array of "<f8" or ">f8". */
  public double[] doubles() {
    double[] elements = new double[data.size() / 8];
    bytesOf("f8").asDoubleBuffer().get(elements);
    return elements;
  }

  /** The elements of an array of "<i8" or ">i8". */
  public long[] longs() {
    long[] elements = new long[data.size() / 8];
    bytesOf("i8").asLongBuffer().get(elements);
    return elements;
  }

  /** Its bytes in their order, from which a buffer of any type is made: bytesOf("i4").asIntBuffer(). */
  public ByteBuffer bytesOf(String type) {
    if (!dtype.substring(1).equals(type)) throw new IllegalStateException("an array of " + dtype + ", not of " + type);
    return data.asReadOnlyByteBuffer().order(dtype.charAt(0) == '>' ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
  }

  static NdArray of(Array message) {
    boolean fortran = message.getOrder() == Order.ORDER_FORTRAN;
    return new NdArray(message.getDtype(), message.getShapeList(), fortran, message.getData());
  }

  Array toMessage() {
    Order order = fortran ? Order.ORDER_FORTRAN : Order.ORDER_C;
    return Array.newBuilder().setDtype(dtype).addAllShape(shape).setOrder(order).setData(data).build();
  }
}
