//! `.model` files.

use std::path::Path;

use super::SentencePiece;
use super::proto::Proto;
use super::wire::Fault;
use crate::error::Error;
use crate::format::disk;

impl SentencePiece {
    /// Reads a `.model` file.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Format`] if it is damaged, or a piece is empty, comes twice,
    /// has a score that is no finite number or more than 7999 bytes, or if two pieces stand for the unknown (or none,
    /// where there are none for bytes), or some bytes have pieces and others not, or the normaliser's table is damaged.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&path.display().to_string(), &disk::read_bytes(path)?)
    }

    /// Reads the content of a `.model` file.
    ///
    /// # Errors
    /// [`Error::Format`] as [`from_file`](Self::from_file).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse("sentencepiece model", bytes)
    }

    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let proto = Proto::read(bytes)
            .map_err(|Fault { at, what }| Error::format(file, format!("byte {at}"), what))?;
        Self::assemble(proto).map_err(|what| Error::format(file, "content", what))
    }

    /// The content of a `.model` file that sentencepiece loads too, with the same ids.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.proto.write()
    }

    /// Writes [`to_bytes`](Self::to_bytes) to a file. Until it is all on the disk, what was there before stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_bytes())
    }
}
