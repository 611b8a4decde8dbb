//! The head of a file to be written: a JSON object of names, types, shapes and places.
//!
//! Written here rather than by the `safetensors` crate, whose writer wants all data in memory and orders metadata
//! by chance: the same model must give the same bytes.

use std::fmt::Write as _;

use tensor::shape::size;

use super::Metadata;

/// Length and text of the header, ready to be written.
pub(super) fn encode(
    tensors: &[(String, Vec<usize>)],
    dtype: &str,
    item_size: usize,
    metadata: &Metadata,
) -> Vec<u8> {
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        let pairs: Vec<String> = metadata.iter().map(|(k, v)| format!("{}:{}", quote(k), quote(v))).collect();
        entries.push(format!("\"__metadata__\":{{{}}}", pairs.join(",")));
    }
    let mut start = 0;
    for (name, shape) in tensors {
        let end = start + size(shape) * item_size;
        let dims: Vec<String> = shape.iter().map(usize::to_string).collect();
        entries.push(format!(
            "{}:{{\"dtype\":\"{dtype}\",\"shape\":[{}],\"data_offsets\":[{start},{end}]}}",
            quote(name),
            dims.join(",")
        ));
        start = end;
    }
    let mut text = format!("{{{}}}", entries.join(",")).into_bytes();
    // The data starts at a multiple of eight bytes, for readers that map the file.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.append(&mut text);
    header
}

/// A JSON string.
fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
