// C++'s own values from and to chariot.v1.Value.
#ifndef VALUES_H
#define VALUES_H

#include <chariot/v1/value.pb.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

struct Item;

// An integer that 64 bits do not hold: two's complement, the lowest byte first. A library for large numbers reads it.
struct BigInteger {
    std::string bytes;
};
struct Bytes {
    std::string data;
};
struct List {
    std::vector<Item> items;
};
struct Tuple {
    std::vector<Item> items;
};
// In the order in which the entries came; keys may be of any type.
struct Map {
    std::vector<std::pair<Item, Item>> entries;
};

// n dimensions, of any dtype; as vector<T>() where it is one that C++ has.
struct NdArray {
    std::string dtype;  // as numpy's: "<f8"
    std::vector<int64_t> shape;
    bool fortran = false;  // the first index varies fastest
    std::string data;

    template <typename T>
    std::vector<T> vector() const;
    template <typename T>
    static NdArray of(std::vector<int64_t> shape, const std::vector<T> &elements);
};

using Own = std::variant<std::monostate, bool, int64_t, BigInteger, double, std::string, Bytes, List, Tuple, Map, NdArray,
                         chariot::v1::Reference, chariot::v1::Future, chariot::v1::Failure>;

struct Item : Own {
    using Own::Own;
    Item() = default;
    Item(int value) : Own(int64_t{value}) {}
    Item(const char *text) : Own(std::string(text)) {}
};

void to_value(const Item &item, chariot::v1::Value *value);
// Throws std::invalid_argument for a Value in which nothing is set.
Item from_value(const chariot::v1::Value &value);

#endif
