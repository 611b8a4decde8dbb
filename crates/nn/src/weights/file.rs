//! A weight file in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use tensor::{Bools, Element, Ids, Tensor, shape};

use super::{LoadError, Metadata};

/// A safetensors file whose structure has been checked, to take single tensors from.
///
/// Nothing in the file is believed: a truncated file, a header that claims to be larger than the file, broken JSON,
/// overlapping or missing data give an error that names the file.
pub struct WeightsFile {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: Metadata,
    tensors: BTreeMap<String, Entry>,
}

/// Where and what a tensor is.
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    /// Of its data in the bytes of the file.
    range: Range<usize>,
}

impl WeightsFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not a sound safetensors file.
    pub fn open(path: &Path) -> Result<Self, LoadError> {
        let bytes = read(path).map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
        Self::from_bytes(path, bytes)
    }

    /// Takes a file's contents; errors are reported under `path`.
    ///
    /// # Errors
    /// If this is not a sound safetensors file.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, LoadError> {
        let format = |why: String| LoadError::Format { path: path.to_owned(), why };
        let header_size = match bytes.first_chunk::<8>() {
            Some(length) => u64::from_le_bytes(*length),
            None => return Err(format(format!("{} bytes are too few for a header", bytes.len()))),
        };
        if header_size > bytes.len() as u64 - 8 {
            let found = bytes.len();
            return Err(format(format!(
                "a header of {header_size} bytes in a file of {found}: truncated, or not safetensors"
            )));
        }
        let (length, header) =
            SafeTensors::read_metadata(&bytes).map_err(|error| format(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, info) in header.tensors() {
            // What no tensor can have; the crate has no such limits.
            let (rank, shape) = (info.shape.len(), info.shape.clone());
            if rank > shape::MAX_RANK {
                return Err(format(format!("`{name}` has more than {} dimensions", shape::MAX_RANK)));
            }
            if shape::checked_size(&shape).is_none() {
                return Err(format(format!("`{name}` has the shape {shape:?}, too large for a tensor")));
            }
            let (start, end) = info.data_offsets;
            let range = 8 + length + start..8 + length + end;
            tensors.insert(name, Entry { dtype: info.dtype, shape, range });
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path: path.to_owned(), bytes, metadata, tensors })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Free text by key.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Names and shapes of the tensors, by name.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors.iter().map(|(name, entry)| (name.clone(), entry.shape.clone())).collect()
    }

    /// A tensor of floating-point numbers, converted from F16, BF16, F32 or F64.
    ///
    /// # Errors
    /// If there is none of this name, or it holds something else.
    pub fn tensor<E: Element>(&self, name: &str) -> Result<Tensor<E>, LoadError> {
        let (entry, bytes) = self.entry(name)?;
        let convert: fn(&[u8], &mut [E]) = match entry.dtype {
            Dtype::F64 => |bytes, out| decode(bytes, out, |b| f64::from_le_bytes(*b)),
            Dtype::F32 => |bytes, out| decode(bytes, out, |b| f64::from(f32::from_le_bytes(*b))),
            Dtype::F16 => |bytes, out| decode(bytes, out, |b| half_to_f64(u16::from_le_bytes(*b))),
            Dtype::BF16 => |bytes, out| decode(bytes, out, |b| bfloat_to_f64(u16::from_le_bytes(*b))),
            found => return Err(self.type_error(name, found, "F16, BF16, F32 or F64")),
        };
        Ok(Tensor::build(&entry.shape, |out| convert(bytes, out)))
    }

    /// An array of ids, from U8, U32, I32 or I64.
    ///
    /// # Errors
    /// If there is none of this name, it holds something else, or a number is not a `u32`.
    pub fn ids(&self, name: &str) -> Result<Ids, LoadError> {
        let (entry, bytes) = self.entry(name)?;
        let signed: Vec<i64> = match entry.dtype {
            Dtype::U8 => bytes.iter().map(|b| i64::from(*b)).collect(),
            Dtype::U32 => items(bytes, |b| i64::from(u32::from_le_bytes(*b))),
            Dtype::I32 => items(bytes, |b| i64::from(i32::from_le_bytes(*b))),
            Dtype::I64 => items(bytes, |b| i64::from_le_bytes(*b)),
            found => return Err(self.type_error(name, found, "U8, U32, I32 or I64")),
        };
        let ids = signed.iter().map(|id| u32::try_from(*id)).collect::<Result<Vec<u32>, _>>();
        let ids = ids.map_err(|_| self.format_error(format!("`{name}` has a number that is no id")))?;
        Ok(Ids::new(ids, &entry.shape))
    }

    /// An array of booleans.
    ///
    /// # Errors
    /// If there is none of this name, or it holds something else.
    pub fn bools(&self, name: &str) -> Result<Bools, LoadError> {
        let (entry, bytes) = self.entry(name)?;
        match entry.dtype {
            Dtype::BOOL => Ok(Bools::new(bytes.iter().map(|b| *b != 0).collect(), &entry.shape)),
            found => Err(self.type_error(name, found, "BOOL")),
        }
    }

    /// What the tensor of this name is, and its data.
    fn entry(&self, name: &str) -> Result<(&Entry, &[u8]), LoadError> {
        let missing = || LoadError::NoTensor { path: self.path.clone(), name: name.to_owned() };
        let entry = self.tensors.get(name).ok_or_else(missing)?;
        Ok((entry, &self.bytes[entry.range.clone()]))
    }

    fn format_error(&self, why: String) -> LoadError {
        LoadError::Format { path: self.path.clone(), why }
    }

    fn type_error(&self, name: &str, found: Dtype, expected: &'static str) -> LoadError {
        let (path, name) = (self.path.clone(), name.to_owned());
        LoadError::Type { path, name, found: found.to_string(), expected }
    }
}

/// The whole file; memory that is not there is an error rather than the end of the process.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    let size = usize::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    bytes.try_reserve_exact(size).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn items<const N: usize, T>(bytes: &[u8], convert: impl Fn(&[u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(convert).collect()
}

fn decode<const N: usize, E: Element>(bytes: &[u8], out: &mut [E], convert: impl Fn(&[u8; N]) -> f64) {
    out.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(o, b)| *o = E::from_f64(convert(b)));
}

/// Brain floating point: the upper half of an `f32`.
fn bfloat_to_f64(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// IEEE 754 half precision: one sign bit, five of the exponent (bias 15), ten of the fraction.
fn half_to_f64(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    let magnitude = match exponent {
        0 => fraction * 2.0_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2.0_f64.powi(exponent - 15),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_decoded() {
        let cases = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103515625e-05),
            (0x0001, 5.960464477539063e-08),
            (0x7c00, f64::INFINITY),
            (0x8000, -0.0),
            (0x3555, 0.333251953125),
        ];
        for (bits, value) in cases {
            assert_eq!(half_to_f64(bits).to_bits(), f64::to_bits(value), "{bits:#x}");
        }
        assert!(half_to_f64(0x7e00).is_nan());
        assert_eq!((bfloat_to_f64(0x3f80), bfloat_to_f64(0xc040)), (1.0, -3.0));
    }
}
