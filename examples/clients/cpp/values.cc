#include "values.h"

#include <cstring>
#include <stdexcept>

using chariot::v1::Value;

// ---------------------------------------------------------------- arrays

namespace {

template <typename T>
const char *dtype_of();  // of machines whose lowest byte comes first
template <>
const char *dtype_of<double>() {
    return "<f8";
}
template <>
const char *dtype_of<float>() {
    return "<f4";
}
template <>
const char *dtype_of<int64_t>() {
    return "<i8";
}
template <>
const char *dtype_of<int32_t>() {
    return "<i4";
}

}  // namespace

template <typename T>
std::vector<T> NdArray::vector() const {
    if (dtype != dtype_of<T>()) throw std::invalid_argument("the array's elements are " + dtype);
    std::vector<T> elements(data.size() / sizeof(T));
    if (!elements.empty()) std::memcpy(elements.data(), data.data(), elements.size() * sizeof(T));
    return elements;
}

template <typename T>
NdArray NdArray::of(std::vector<int64_t> shape, const std::vector<T> &elements) {
    std::string data(reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(T));
    return {dtype_of<T>(), std::move(shape), false, std::move(data)};
}

#define ELEMENTS(T)                                  \
    template std::vector<T> NdArray::vector() const; \
    template NdArray NdArray::of(std::vector<int64_t>, const std::vector<T> &);
ELEMENTS(double)
ELEMENTS(float)
ELEMENTS(int64_t)
ELEMENTS(int32_t)

// ---------------------------------------------------------------- to Values

namespace {

struct Writer {
    Value *value;

    void operator()(std::monostate) const { value->mutable_null(); }
    void operator()(bool one) const { value->set_boolean(one); }
    void operator()(int64_t one) const { value->set_integer(one); }
    void operator()(const BigInteger &one) const { value->set_big_integer(one.bytes); }
    void operator()(double one) const { value->set_real(one); }
    void operator()(const std::string &one) const { value->set_text(one); }
    void operator()(const Bytes &one) const { value->set_data(one.data); }
    void operator()(const List &one) const { put(one.items, value->mutable_list()); }
    void operator()(const Tuple &one) const { put(one.items, value->mutable_tuple()); }
    void operator()(const Map &one) const {
        auto *map = value->mutable_map();
        for (const auto &[key, item] : one.entries) {
            auto *entry = map->add_entries();
            to_value(key, entry->mutable_key());
            to_value(item, entry->mutable_value());
        }
    }
    void operator()(const NdArray &one) const {
        auto *array = value->mutable_array();
        array->set_dtype(one.dtype);
        array->mutable_shape()->Add(one.shape.begin(), one.shape.end());
        array->set_order(one.fortran ? chariot::v1::ORDER_FORTRAN : chariot::v1::ORDER_C);
        array->set_data(one.data);
    }
    void operator()(const chariot::v1::Reference &one) const { *value->mutable_reference() = one; }
    void operator()(const chariot::v1::Future &one) const { *value->mutable_future() = one; }
    void operator()(const chariot::v1::Failure &one) const { *value->mutable_failure() = one; }

    static void put(const std::vector<Item> &items, chariot::v1::List *list) {
        for (const auto &item : items) to_value(item, list->add_items());
    }
};

}  // namespace

void to_value(const Item &item, Value *value) {
    std::visit(Writer{value}, static_cast<const Own &>(item));
}

// ---------------------------------------------------------------- from Values

namespace {

std::vector<Item> items_of(const chariot::v1::List &list) {
    std::vector<Item> items;
    for (const auto &item : list.items()) items.push_back(from_value(item));
    return items;
}

Map map_of(const chariot::v1::Map &map) {
    Map own;
    for (const auto &entry : map.entries()) own.entries.emplace_back(from_value(entry.key()), from_value(entry.value()));
    return own;
}

NdArray array_of(const chariot::v1::Array &array) {
    return {array.dtype(), {array.shape().begin(), array.shape().end()}, array.order() == chariot::v1::ORDER_FORTRAN,
            array.data()};
}

}  // namespace

Item from_value(const Value &value) {
    switch (value.kind_case()) {
    case Value::kNull:
        return {};
    case Value::kBoolean:
        return value.boolean();
    case Value::kInteger:
        return int64_t{value.integer()};
    case Value::kBigInteger:
        return BigInteger{value.big_integer()};
    case Value::kReal:
        return value.real();
    case Value::kText:
        return value.text();
    case Value::kData:
        return Bytes{value.data()};
    case Value::kList:
        return List{items_of(value.list())};
    case Value::kTuple:
        return Tuple{items_of(value.tuple())};
    case Value::kMap:
        return map_of(value.map());
    case Value::kArray:
        return array_of(value.array());
    case Value::kReference:
        return value.reference();
    case Value::kFuture:
        return value.future();
    case Value::kFailure:
        return value.failure();
    case Value::KIND_NOT_SET:
        break;
    }
    throw std::invalid_argument("a Value in which nothing is set");
}
