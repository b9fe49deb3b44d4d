// What a Value of chariot/v1/value.proto is in JavaScript, both ways. Copy this file.
//
//   null               null                list     Array
//   boolean            boolean             tuple    Tuple
//   integer            bigint              map      Map
//   big_integer        bigint              array    NDArray
//   real               number              reference, future, failure: of these classes
//   text               string
//   data               Buffer (takes any Uint8Array)

// A list that does not change: Python's tuple. Tuple.of(1n, 2n), Tuple.from(list).
export class Tuple extends Array {}

// Each holds what its message does: a reference and a future a handle, a failure type, message, pe, traceback.
class Message {
  constructor(fields) {
    Object.assign(this, fields)
  }
}
export class Reference extends Message {}
export class Future extends Message {}
export class Failure extends Message {}

const ELEMENTS = {
  b1: Uint8Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, u8: BigUint64Array,
  i1: Int8Array, i2: Int16Array, i4: Int32Array, i8: BigInt64Array, f4: Float32Array, f8: Float64Array,
}

// An array of n dimensions. dtype is numpy's name of its elements' type, such as "<f8"; data are its bytes.
export class NDArray {
  constructor(dtype, shape, data, order = 'ORDER_C') {
    Object.assign(this, { dtype, shape, data, order })
  }

  // Of a typed array: its elements, the last index varies fastest. Without extents it has one dimension.
  static of(typed, ...shape) {
    const [kind] = Object.entries(ELEMENTS).find(([name, type]) => name !== 'b1' && typed instanceof type)
    const data = Buffer.from(typed.buffer, typed.byteOffset, typed.byteLength)
    return new NDArray('<' + kind, shape.length > 0 ? shape : [typed.length], data)
  }

  // Its elements as a typed array, in the order in which they lie.
  get elements() {
    const type = ELEMENTS[this.dtype.slice(1)]
    if (type === undefined) throw new TypeError(`no typed array has elements of ${this.dtype}`)
    const bytes = Uint8Array.from(this.data) // a copy, which begins where its elements may
    const size = type.BYTES_PER_ELEMENT
    if (this.dtype[0] === '>') {
      for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse()
    }
    return new type(bytes.buffer)
  }
}

export function toValue(own) {
  if (own === null) return { null: {} }
  if (typeof own === 'boolean') return { boolean: own }
  if (typeof own === 'bigint') return bigToValue(own)
  if (typeof own === 'number') return { real: own }
  if (typeof own === 'string') return { text: own }
  if (own instanceof Uint8Array) return { data: own }
  if (own instanceof Tuple) return { tuple: { items: Array.from(own, toValue) } }
  if (Array.isArray(own)) return { list: { items: own.map(toValue) } }
  if (own instanceof Map) {
    return { map: { entries: Array.from(own, ([key, value]) => ({ key: toValue(key), value: toValue(value) })) } }
  }
  if (own instanceof NDArray) return { array: own }
  if (own instanceof Reference) return { reference: own }
  if (own instanceof Future) return { future: own }
  if (own instanceof Failure) return { failure: own }
  throw new TypeError(`no Value has a form for ${typeof own === 'object' ? own.constructor?.name : typeof own}`)
}

export function fromValue(value) {
  const held = value[value.kind]
  switch (value.kind) {
    case 'null': return null
    case 'integer': return BigInt(held)
    case 'bigInteger': return bigFromBytes(held)
    case 'list': return held.items.map(fromValue)
    case 'tuple': return Tuple.from(held.items, fromValue)
    case 'map': return new Map(held.entries.map(({ key, value }) => [fromValue(key), fromValue(value)]))
    case 'array': return new NDArray(held.dtype, held.shape.map(Number), held.data, held.order)
    case 'reference': return new Reference(held)
    case 'future': return new Future(held)
    case 'failure': return new Failure(held)
    case 'boolean': case 'real': case 'text': case 'data': return held
    default: throw new TypeError('a Value of a kind that these protos do not have')
  }
}

// Two's complement, little-endian, as few bytes as hold the number with its sign.
function bigToValue(number) {
  if (BigInt.asIntN(64, number) === number) return { integer: number.toString() }
  let bits = 72
  while (BigInt.asIntN(bits, number) !== number) bits += 8
  const hex = BigInt.asUintN(bits, number).toString(16).padStart(bits / 4, '0')
  return { bigInteger: Buffer.from(hex, 'hex').reverse() }
}

function bigFromBytes(bytes) {
  const hex = Buffer.from(bytes).reverse().toString('hex')
  return BigInt.asIntN(8 * bytes.length, BigInt('0x' + hex))
}
