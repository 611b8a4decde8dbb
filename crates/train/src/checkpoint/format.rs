//! The checkpoint file, byte by byte; see the README for its layout.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor::shape::MAX_RANK;
use tensor::{Element, Tensor};

use crate::checkpoint::{Checkpoint, Named};
use crate::error::Error;

const MAGIC: [u8; 8] = *b"LMCHECKP";
const VERSION: u32 = 1;
/// Magic, version, length of the head, length of the data.
const PREAMBLE: usize = 24;
/// The checksum at the end.
const TRAILER: usize = 4;
/// Bound on the head, and so on what its decoding may allocate.
const HEAD_LIMIT: usize = 64 << 20;

/// Names and shapes of the tensors, in the order of their data.
type Table = Vec<(String, Vec<u64>)>;

/// Why a file could not be read.
pub(super) enum Fault {
    Io(io::Error),
    Content(String),
}

impl Fault {
    /// The error of the file at `path`.
    pub(super) fn at(self, path: &Path) -> Error {
        match self {
            Self::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                Error::format(path, "the file became shorter while it was read")
            }
            Self::Io(source) => Error::io(path)(source),
            Self::Content(what) => Error::format(path, what),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn content<T>(what: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Content(what.into()))
}

/// Kind, element type and table, then the state.
pub(super) fn encode_head<S: Serialize, E: Element>(
    checkpoint: &Checkpoint<S, E>,
) -> Result<Vec<u8>, String> {
    let mut names = HashSet::new();
    if let Some((name, _)) = checkpoint.tensors.iter().find(|(name, _)| !names.insert(name)) {
        return Err(format!("two tensors are named {name}"));
    }
    let shape = |value: &Tensor<E>| value.shape().iter().map(|&dim| dim as u64).collect();
    let table: Table = checkpoint.tensors.iter().map(|(name, value)| (name.clone(), shape(value))).collect();
    let config = bincode::config::standard();
    let mut head = bincode::serde::encode_to_vec((&checkpoint.kind, E::NAME, &table), config)
        .map_err(|error| format!("the names of the tensors cannot be encoded: {error}"))?;
    let state = bincode::serde::encode_to_vec(&checkpoint.state, config)
        .map_err(|error| format!("the state cannot be encoded: {error}"))?;
    head.extend_from_slice(&state);
    if head.len() > HEAD_LIMIT {
        return Err(format!("a state of {} bytes is over the limit of {HEAD_LIMIT}", head.len()));
    }
    Ok(head)
}

/// Writes a whole file.
pub(super) fn write<W: Write, E: Element>(writer: W, head: &[u8], tensors: &Named<E>) -> io::Result<()> {
    let data: usize = tensors.iter().map(|(_, value)| value.len() * size_of::<E>()).sum();
    let mut writer = Summed { writer, crc: crc32fast::Hasher::new() };
    writer.write_all(&MAGIC)?;
    writer.write_all(&VERSION.to_le_bytes())?;
    writer.write_all(&(head.len() as u32).to_le_bytes())?;
    writer.write_all(&(data as u64).to_le_bytes())?;
    writer.write_all(head)?;
    let mut bytes = Vec::new();
    for (_, value) in tensors {
        for chunk in value.contiguous().data().chunks(1 << 14) {
            bytes.clear();
            encode_values(chunk, &mut bytes);
            writer.write_all(&bytes)?;
        }
    }
    let crc = writer.crc.clone().finalize();
    writer.writer.write_all(&crc.to_le_bytes())
}

/// Passes bytes on and sums them up.
struct Summed<W> {
    writer: W,
    crc: crc32fast::Hasher,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.crc.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Both conversions are exact: an `f32` passes through `f64` unchanged.
fn encode_values<E: Element>(values: &[E], bytes: &mut Vec<u8>) {
    for value in values {
        match size_of::<E>() {
            4 => bytes.extend_from_slice(&(value.to_f64() as f32).to_le_bytes()),
            _ => bytes.extend_from_slice(&value.to_f64().to_le_bytes()),
        }
    }
}

fn decode_values<E: Element>(bytes: &[u8], values: &mut [E]) {
    for (value, bytes) in values.iter_mut().zip(bytes.chunks_exact(size_of::<E>())) {
        let number = match *bytes {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        };
        *value = E::from_f64(number);
    }
}

/// Reads a whole file: first its checksum, and only then its content.
pub(super) fn read<S: DeserializeOwned, E: Element>(
    file: &mut File,
    kind: &str,
    max_bytes: u64,
) -> Result<Checkpoint<S, E>, Fault> {
    let length = file.metadata()?.len();
    if length > max_bytes {
        return content(format!("{length} bytes, the limit is {max_bytes}"));
    }
    let (head_len, data_len) = check_frame(file, length)?;
    file.seek(SeekFrom::Start(PREAMBLE as u64))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut head = vec![0; head_len];
    reader.read_exact(&mut head)?;
    let (table, state) = decode_head::<S, E>(&head, kind)?;
    let mut left = data_len / size_of::<E>() as u64;
    let mut tensors = Vec::with_capacity(table.len());
    for (name, shape) in table {
        let Some((shape, count)) = sizes(&shape).filter(|(_, count)| *count <= left) else {
            return content(format!("tensor {name} of shape {shape:?} is larger than the data"));
        };
        left -= count;
        tensors.push((name, read_tensor(&mut reader, &shape)?));
    }
    if left > 0 || data_len % size_of::<E>() as u64 != 0 {
        return content("there is more data than the tensors need");
    }
    Ok(Checkpoint { kind: kind.to_owned(), state, tensors })
}

/// Checks preamble, length and checksum.
pub(super) fn verify(file: &mut File) -> Result<(), Fault> {
    let length = file.metadata()?.len();
    check_frame(file, length).map(|_| ())
}

/// Checks preamble, length and checksum; returns the lengths of head and data.
fn check_frame(file: &mut File, length: u64) -> Result<(usize, u64), Fault> {
    if length < (PREAMBLE + TRAILER) as u64 {
        return content(format!("no checkpoint: only {length} bytes long"));
    }
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut preamble = [0; PREAMBLE];
    reader.read_exact(&mut preamble)?;
    let number = |at: usize, len: usize| {
        preamble[at..at + len].iter().rev().fold(0_u64, |n, &byte| n << 8 | u64::from(byte))
    };
    if preamble[..8] != MAGIC {
        return content("no checkpoint: it does not begin with LMCHECKP");
    }
    if number(8, 4) != u64::from(VERSION) {
        return content(format!("version {}, this program reads version {VERSION}", number(8, 4)));
    }
    let (head_len, data_len) = (number(12, 4), number(16, 8));
    let expected = data_len.checked_add(head_len + (PREAMBLE + TRAILER) as u64);
    if expected != Some(length) {
        return content(format!(
            "{length} bytes long where a head of {head_len} and data of {data_len} are announced: cut or damaged"
        ));
    }
    if head_len > HEAD_LIMIT as u64 {
        return content(format!("a state of {head_len} bytes is over the limit of {HEAD_LIMIT}"));
    }
    let mut crc = crc32fast::Hasher::new();
    crc.update(&preamble);
    let mut chunk = vec![0; 1 << 16];
    let mut left = length - (PREAMBLE + TRAILER) as u64;
    while left > 0 {
        let bytes = &mut chunk[..left.min(1 << 16) as usize];
        reader.read_exact(bytes)?;
        crc.update(bytes);
        left -= bytes.len() as u64;
    }
    let mut trailer = [0; TRAILER];
    reader.read_exact(&mut trailer)?;
    let (found, expected) = (crc.finalize(), u32::from_le_bytes(trailer));
    if found != expected {
        return content(format!("checksum {found:08x}, the file says {expected:08x}: it is damaged"));
    }
    Ok((head_len as usize, data_len))
}

fn decode_head<S: DeserializeOwned, E: Element>(head: &[u8], kind: &str) -> Result<(Table, S), Fault> {
    let config = bincode::config::standard().with_limit::<HEAD_LIMIT>();
    let start: Result<((String, String, Table), usize), _> = bincode::serde::decode_from_slice(head, config);
    let ((found, element, table), used) = match start {
        Ok(start) => start,
        Err(error) => return content(format!("the names of the tensors cannot be decoded: {error}")),
    };
    if found != kind {
        return content(format!("a checkpoint of kind {found:?}, expected {kind:?}"));
    }
    if element != E::NAME {
        return content(format!("tensors of {element}, expected {}", E::NAME));
    }
    match bincode::serde::decode_from_slice(&head[used..], config) {
        Ok((state, rest)) if used + rest == head.len() => Ok((table, state)),
        Ok((_, rest)) => content(format!(
            "the state is {rest} bytes long, found {}: it was written by another version of the program",
            head.len() - used
        )),
        Err(error) => content(format!("the state cannot be decoded: {error}")),
    }
}

/// The shape and number of values, unless it has too many axes or a product of sizes overflows. Sizes of 0 do
/// not hide the overflow of others: strides are products too.
fn sizes(shape: &[u64]) -> Option<(Vec<usize>, u64)> {
    shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim.max(1)))?;
    let dims = shape.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<Vec<_>>>()?;
    (dims.len() <= MAX_RANK).then_some((dims, shape.iter().product()))
}

fn read_tensor<E: Element>(reader: &mut impl Read, shape: &[usize]) -> io::Result<Tensor<E>> {
    let mut result = Ok(());
    let tensor = Tensor::build(shape, |values| {
        let mut bytes = vec![0; (1 << 14) * size_of::<E>()];
        for chunk in values.chunks_mut(1 << 14) {
            let bytes = &mut bytes[..size_of_val(chunk)];
            if result.is_ok() {
                result = reader.read_exact(bytes);
            }
            decode_values(bytes, chunk);
        }
    });
    result.map(|()| tensor)
}
