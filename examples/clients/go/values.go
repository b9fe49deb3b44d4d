package main

// What a Value of chariot/v1/value.proto is in Go, both ways. Copy this file.
//
//	null               nil                   list     []any
//	boolean            bool                  tuple    Tuple
//	integer            int64                 map      Map
//	big_integer        *big.Int              array    *Array
//	real               float64               reference, future, failure: the messages themselves
//	text               string
//	data               []byte

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"

	pb "example/gridclient/chariot/v1"
)

// Tuple is a list that does not change: Python's tuple.
type Tuple []any

// Map keeps the order of its entries, and its keys may be of any type.
type Map []Entry

type Entry struct{ Key, Value any }

// Get finds what stands under a text.
func (m Map) Get(key string) (any, bool) {
	for _, entry := range m {
		if entry.Key == any(key) {
			return entry.Value, true
		}
	}
	return nil, false
}

// Array is an array of n dimensions. DType is numpy's name of the elements' type, such as "<f8".
type Array struct {
	DType   string
	Shape   []int64
	Fortran bool // the first index varies fastest, not the last
	Data    []byte
}

type Number interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | float32 | float64 | complex64 | complex128 | bool
}

// NewArray copies the elements; the last index varies fastest. Without extents it has one dimension.
func NewArray[T Number](elements []T, shape ...int64) *Array {
	if len(shape) == 0 {
		shape = []int64{int64(len(elements))}
	}
	data, _ := binary.Append(nil, binary.LittleEndian, elements) // numbers always fit
	return &Array{DType: "<" + dtype[T](), Shape: shape, Data: data}
}

// Elements gives an array's elements in the order in which they lie; it must be of that type.
func Elements[T Number](array *Array) ([]T, error) {
	if array.DType == "" || array.DType[1:] != dtype[T]() {
		return nil, fmt.Errorf("an array of %q, not of %q", array.DType, dtype[T]())
	}
	var order binary.ByteOrder = binary.LittleEndian
	if array.DType[0] == '>' {
		order = binary.BigEndian
	}
	var one T
	elements := make([]T, len(array.Data)/binary.Size(one))
	_, err := binary.Decode(array.Data, order, elements)
	return elements, err
}

func dtype[T Number]() string {
	var one T
	kind := "i"
	switch any(one).(type) {
	case bool:
		kind = "b"
	case uint8, uint16, uint32, uint64:
		kind = "u"
	case float32, float64:
		kind = "f"
	case complex64, complex128:
		kind = "c"
	}
	return fmt.Sprint(kind, binary.Size(one))
}

// Arguments makes the arguments of a method. It panics at a Go type that no Value has a form for.
func Arguments(arguments ...any) *pb.Arguments {
	values, err := toValues(arguments)
	if err != nil {
		panic(err)
	}
	return &pb.Arguments{Positional: values}
}

// ToValue makes a Value of a Go value.
func ToValue(own any) (*pb.Value, error) {
	switch own := own.(type) {
	case nil:
		return &pb.Value{Kind: &pb.Value_Null{Null: &pb.Null{}}}, nil
	case bool:
		return &pb.Value{Kind: &pb.Value_Boolean{Boolean: own}}, nil
	case int:
		return &pb.Value{Kind: &pb.Value_Integer{Integer: int64(own)}}, nil
	case int64:
		return &pb.Value{Kind: &pb.Value_Integer{Integer: own}}, nil
	case *big.Int:
		return bigToValue(own), nil
	case float64:
		return &pb.Value{Kind: &pb.Value_Real{Real: own}}, nil
	case string:
		return &pb.Value{Kind: &pb.Value_Text{Text: own}}, nil
	case []byte:
		return &pb.Value{Kind: &pb.Value_Data{Data: own}}, nil
	case *Array:
		return &pb.Value{Kind: &pb.Value_Array{Array: own.message()}}, nil
	case *pb.Reference:
		return &pb.Value{Kind: &pb.Value_Reference{Reference: own}}, nil
	case *pb.Future:
		return &pb.Value{Kind: &pb.Value_Future{Future: own}}, nil
	case *pb.Failure:
		return &pb.Value{Kind: &pb.Value_Failure{Failure: own}}, nil
	}
	return containerToValue(own)
}

func containerToValue(own any) (*pb.Value, error) {
	switch own := own.(type) {
	case []any:
		items, err := toValues(own)
		return &pb.Value{Kind: &pb.Value_List{List: &pb.List{Items: items}}}, err
	case Tuple:
		items, err := toValues(own)
		return &pb.Value{Kind: &pb.Value_Tuple{Tuple: &pb.List{Items: items}}}, err
	case Map:
		entries, err := toEntries(own)
		return &pb.Value{Kind: &pb.Value_Map{Map: &pb.Map{Entries: entries}}}, err
	}
	return nil, fmt.Errorf("no Value has a form for %T", own)
}

func toValues(own []any) ([]*pb.Value, error) {
	values := make([]*pb.Value, len(own))
	var err error
	for i := range own {
		if values[i], err = ToValue(own[i]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func toEntries(own Map) ([]*pb.MapEntry, error) {
	entries := make([]*pb.MapEntry, len(own))
	for i, entry := range own {
		pair, err := toValues([]any{entry.Key, entry.Value})
		if err != nil {
			return nil, err
		}
		entries[i] = &pb.MapEntry{Key: pair[0], Value: pair[1]}
	}
	return entries, nil
}

// Two's complement, little-endian, as few bytes as hold the number with its sign.
func bigToValue(number *big.Int) *pb.Value {
	if number.IsInt64() {
		return &pb.Value{Kind: &pb.Value_Integer{Integer: number.Int64()}}
	}
	size := number.BitLen()/8 + 1
	if number.Sign() < 0 {
		size = new(big.Int).Not(number).BitLen()/8 + 1
		number = new(big.Int).Add(number, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	digits := number.FillBytes(make([]byte, size))
	slices.Reverse(digits)
	return &pb.Value{Kind: &pb.Value_BigInteger{BigInteger: digits}}
}

func bigFromBytes(digits []byte) *big.Int {
	digits = bytes.Clone(digits)
	slices.Reverse(digits)
	number := new(big.Int).SetBytes(digits)
	if len(digits) > 0 && digits[0]&0x80 != 0 {
		number.Sub(number, new(big.Int).Lsh(big.NewInt(1), uint(8*len(digits))))
	}
	return number
}

func (array *Array) message() *pb.Array {
	order := pb.Order_ORDER_C
	if array.Fortran {
		order = pb.Order_ORDER_FORTRAN
	}
	return &pb.Array{Dtype: array.DType, Shape: array.Shape, Order: order, Data: array.Data}
}

// FromValue makes a Go value of a Value.
func FromValue(value *pb.Value) (any, error) {
	switch kind := value.GetKind().(type) {
	case *pb.Value_Null:
		return nil, nil
	case *pb.Value_Boolean:
		return kind.Boolean, nil
	case *pb.Value_Integer:
		return kind.Integer, nil
	case *pb.Value_BigInteger:
		return bigFromBytes(kind.BigInteger), nil
	case *pb.Value_Real:
		return kind.Real, nil
	case *pb.Value_Text:
		return kind.Text, nil
	case *pb.Value_Data:
		return kind.Data, nil
	case *pb.Value_Array:
		a := kind.Array
		return &Array{DType: a.Dtype, Shape: a.Shape, Fortran: a.Order == pb.Order_ORDER_FORTRAN, Data: a.Data}, nil
	case *pb.Value_Reference:
		return kind.Reference, nil
	case *pb.Value_Future:
		return kind.Future, nil
	case *pb.Value_Failure:
		return kind.Failure, nil
	}
	return containerFromValue(value)
}

func containerFromValue(value *pb.Value) (any, error) {
	switch kind := value.GetKind().(type) {
	case *pb.Value_List:
		return FromValues(kind.List.Items)
	case *pb.Value_Tuple:
		items, err := FromValues(kind.Tuple.Items)
		return Tuple(items), err
	case *pb.Value_Map:
		own := make(Map, len(kind.Map.Entries))
		for i, entry := range kind.Map.Entries {
			pair, err := FromValues([]*pb.Value{entry.Key, entry.Value})
			if err != nil {
				return nil, err
			}
			own[i] = Entry{pair[0], pair[1]}
		}
		return own, nil
	}
	return nil, fmt.Errorf("a Value of a kind that these protos do not have")
}

// FromValues makes Go values of Values.
func FromValues(values []*pb.Value) ([]any, error) {
	own := make([]any, len(values))
	var err error
	for i := range values {
		if own[i], err = FromValue(values[i]); err != nil {
			return nil, err
		}
	}
	return own, nil
}
