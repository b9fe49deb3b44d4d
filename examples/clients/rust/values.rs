//! What a Value of chariot/v1/value.proto is in Rust, both ways. Copy this file.

use num_bigint::BigInt;

use super::pb;
use pb::value::Kind;

/// A value as methods of chares take and give them.
#[derive(Clone, Debug, PartialEq)]
pub enum Own {
    Null,
    Boolean(bool),
    Integer(i64),
    /// Beyond 64 bits.
    Big(BigInt),
    Real(f64),
    Text(String),
    Data(Vec<u8>),
    List(Vec<Own>),
    /// A list that does not change: Python's tuple.
    Tuple(Vec<Own>),
    /// In the order of its entries; keys may be of any type.
    Map(Vec<(Own, Own)>),
    Array(NdArray),
    Reference(pb::Reference),
    Future(pb::Future),
    Failure(pb::Failure),
}

/// An array of n dimensions. `dtype` is numpy's name of its elements' type, such as "<f8"; `data` are its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct NdArray {
    pub dtype: String,
    pub shape: Vec<i64>,
    /// The first index varies fastest, not the last.
    pub fortran: bool,
    pub data: Vec<u8>,
}

/// Why a Value cannot be had as what was asked for.
#[derive(Debug)]
pub struct Mismatch(pub String);

impl std::fmt::Display for Mismatch {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl From<Own> for pb::Value {
    fn from(own: Own) -> Self {
        let kind = match own {
            Own::Null => Kind::Null(pb::Null {}),
            Own::Boolean(it) => Kind::Boolean(it),
            Own::Integer(it) => Kind::Integer(it),
            Own::Big(it) => match i64::try_from(&it) {
                Ok(small) => Kind::Integer(small),
                Err(_) => Kind::BigInteger(it.to_signed_bytes_le()),
            },
            Own::Real(it) => Kind::Real(it),
            Own::Text(it) => Kind::Text(it),
            Own::Data(it) => Kind::Data(it),
            Own::List(items) => Kind::List(pb::List { items: values(items) }),
            Own::Tuple(items) => Kind::Tuple(pb::List { items: values(items) }),
            Own::Map(entries) => Kind::Map(entries.into_iter().collect()),
            Own::Array(it) => Kind::Array(it.into()),
            Own::Reference(it) => Kind::Reference(it),
            Own::Future(it) => Kind::Future(it),
            Own::Failure(it) => Kind::Failure(it),
        };
        pb::Value { kind: Some(kind) }
    }
}

pub fn values(own: impl IntoIterator<Item = Own>) -> Vec<pb::Value> {
    own.into_iter().map(pb::Value::from).collect()
}

impl FromIterator<(Own, Own)> for pb::Map {
    fn from_iter<I: IntoIterator<Item = (Own, Own)>>(entries: I) -> Self {
        let entry = |(key, value): (Own, Own)| pb::MapEntry { key: Some(key.into()), value: Some(value.into()) };
        pb::Map { entries: entries.into_iter().map(entry).collect() }
    }
}

impl From<NdArray> for pb::Array {
    fn from(it: NdArray) -> Self {
        let order = if it.fortran { pb::Order::Fortran } else { pb::Order::C };
        pb::Array { dtype: it.dtype, shape: it.shape, order: order.into(), data: it.data }
    }
}

impl From<pb::Array> for NdArray {
    fn from(it: pb::Array) -> Self {
        let fortran = it.order() == pb::Order::Fortran;
        NdArray { dtype: it.dtype, shape: it.shape, fortran, data: it.data }
    }
}

impl TryFrom<pb::Value> for Own {
    type Error = Mismatch;

    fn try_from(value: pb::Value) -> Result<Self, Mismatch> {
        Ok(match value.kind {
            None => return Err(Mismatch("a Value of a kind that these protos do not have".into())),
            Some(Kind::Null(_)) => Own::Null,
            Some(Kind::Boolean(it)) => Own::Boolean(it),
            Some(Kind::Integer(it)) => Own::Integer(it),
            Some(Kind::BigInteger(it)) => Own::Big(BigInt::from_signed_bytes_le(&it)),
            Some(Kind::Real(it)) => Own::Real(it),
            Some(Kind::Text(it)) => Own::Text(it),
            Some(Kind::Data(it)) => Own::Data(it),
            Some(Kind::List(it)) => Own::List(owns(it.items)?),
            Some(Kind::Tuple(it)) => Own::Tuple(owns(it.items)?),
            Some(Kind::Map(it)) => Own::Map(it.entries.into_iter().map(own_entry).collect::<Result<_, _>>()?),
            Some(Kind::Array(it)) => Own::Array(it.into()),
            Some(Kind::Reference(it)) => Own::Reference(it),
            Some(Kind::Future(it)) => Own::Future(it),
            Some(Kind::Failure(it)) => Own::Failure(it),
        })
    }
}

pub fn owns(values: Vec<pb::Value>) -> Result<Vec<Own>, Mismatch> {
    values.into_iter().map(Own::try_from).collect()
}

fn own_entry(entry: pb::MapEntry) -> Result<(Own, Own), Mismatch> {
    Ok((entry.key.unwrap_or_default().try_into()?, entry.value.unwrap_or_default().try_into()?))
}

/// Rust's own types become values, and values those: 1.5.into(), f64::try_from(own).
macro_rules! conversions {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for Own {
            fn from(it: $type) -> Self {
                Own::$variant(it)
            }
        }

        impl TryFrom<Own> for $type {
            type Error = Mismatch;

            fn try_from(own: Own) -> Result<Self, Mismatch> {
                match own {
                    Own::$variant(it) => Ok(it),
                    other => Err(Mismatch(format!("{other:?} is no {}", stringify!($type)))),
                }
            }
        }
    )*};
}

conversions! {
    bool => Boolean;
    i64 => Integer;
    BigInt => Big;
    f64 => Real;
    String => Text;
    Vec<u8> => Data;
    Vec<Own> => List;
    Vec<(Own, Own)> => Map;
    NdArray => Array;
    pb::Reference => Reference;
    pb::Future => Future;
}

impl From<&str> for Own {
    fn from(it: &str) -> Self {
        Own::Text(it.into())
    }
}

/// Types that arrays have elements of.
pub trait Element: Sized {
    /// Kind and size, as numpy names them.
    const NAME: &str;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8], big_endian: bool) -> Self;
}

macro_rules! elements {
    ($($type:ty => $name:literal;)*) => {$(
        impl Element for $type {
            const NAME: &str = $name;

            fn to_bytes(&self) -> Vec<u8> {
                self.to_le_bytes().into()
            }

            fn from_bytes(bytes: &[u8], big_endian: bool) -> Self {
                let bytes = bytes.try_into().expect("chunks of its size");
                if big_endian { Self::from_be_bytes(bytes) } else { Self::from_le_bytes(bytes) }
            }
        }
    )*};
}

elements! {
    i8 => "i1"; i16 => "i2"; i32 => "i4"; i64 => "i8";
    u8 => "u1"; u16 => "u2"; u32 => "u4"; u64 => "u8";
    f32 => "f4"; f64 => "f8";
}

impl NdArray {
    /// The last index varies fastest.
    pub fn new<T: Element>(elements: &[T], shape: &[i64]) -> Self {
        let data = elements.iter().flat_map(T::to_bytes).collect();
        NdArray { dtype: format!("<{}", T::NAME), shape: shape.into(), fortran: false, data }
    }

    /// The elements in the order in which they lie.
    pub fn elements<T: Element>(&self) -> Result<Vec<T>, Mismatch> {
        if self.dtype.get(1..) != Some(T::NAME) {
            return Err(Mismatch(format!("an array of {}, not of {}", self.dtype, T::NAME)));
        }
        let chunks = self.data.chunks_exact(size_of::<T>());
        Ok(chunks.map(|bytes| T::from_bytes(bytes, self.dtype.starts_with('>'))).collect())
    }
}
