//! `.tiktoken`: one token a line, its bytes in base64 and its rank, which is its id.

use std::fmt::Write as _;
use std::path::Path;

use super::{base64, disk};
use crate::added::AddedToken;
use crate::bpe::ByteLevelBpe;
use crate::error::Error;
use crate::split::Split;
use crate::vocab::Vocab;

/// What a `.tiktoken` file leaves out, for OpenAI's encodings: the split and the special tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tiktoken {
    /// `r50k_base`: GPT-2 and GPT-3.
    R50k,
    /// `p50k_base`: Codex.
    P50k,
    /// `cl100k_base`: GPT-3.5 and GPT-4.
    Cl100k,
    /// `o200k_base`: GPT-4o and later.
    O200k,
}

impl Tiktoken {
    /// All encodings.
    pub const ALL: [Self; 4] = [Self::R50k, Self::P50k, Self::Cl100k, Self::O200k];

    /// The name that `tiktoken` has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::R50k => "r50k_base",
            Self::P50k => "p50k_base",
            Self::Cl100k => "cl100k_base",
            Self::O200k => "o200k_base",
        }
    }

    /// The encoding of this name.
    ///
    /// ```
    /// use tokenize::{Split, Tiktoken};
    ///
    /// let encoding = Tiktoken::from_name("cl100k_base").unwrap();
    /// assert_eq!(encoding.split(), Split::Cl100k);
    /// assert_eq!(encoding.specials()[0], ("<|endoftext|>", 100257));
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.name() == name)
    }

    /// The encoding whose file has as many lines, and ends in the same.
    fn of_ranks(text: &str) -> Option<Self> {
        match (text.lines().next_back()?, text.lines().count()) {
            ("IGdhemVk 50255", 50256) => Some(Self::R50k),
            ("ICAgICAgICAgICAgICAgICAgICAgICAgIA== 50280", 50280) => Some(Self::P50k),
            ("IENvbnZleW9y 100255", 100256) => Some(Self::Cl100k),
            ("IGNvY29z 199997", 199998) => Some(Self::O200k),
            _ => None,
        }
    }

    /// How texts are cut.
    pub fn split(self) -> Split {
        match self {
            Tiktoken::R50k | Tiktoken::P50k => Split::Gpt2,
            Tiktoken::Cl100k => Split::Cl100k,
            Tiktoken::O200k => Split::O200k,
        }
    }

    /// The special tokens and their ids.
    pub fn specials(self) -> &'static [(&'static str, u32)] {
        match self {
            Tiktoken::R50k | Tiktoken::P50k => &[("<|endoftext|>", 50256)],
            Tiktoken::Cl100k => &[
                ("<|endoftext|>", 100257),
                ("<|fim_prefix|>", 100258),
                ("<|fim_middle|>", 100259),
                ("<|fim_suffix|>", 100260),
                ("<|endofprompt|>", 100276),
            ],
            Tiktoken::O200k => &[("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)],
        }
    }
}

impl ByteLevelBpe {
    /// Reads a `.tiktoken` file of one of OpenAI's encodings. Ids are those of `tiktoken`.
    ///
    /// ```
    /// use tokenize::{ByteLevelBpe, Split};
    ///
    /// # fn main() -> Result<(), tokenize::Error> {
    /// let trained = tokenize::ByteLevelBpeTrainer::new(260).train(["low low low lower"])?;
    /// let model = ByteLevelBpe::from_tiktoken_str(&trained.to_tiktoken(), Split::Cl100k, &[("<|end|>", 300)])?;
    /// assert_eq!(model.decode(&model.encode("slow"))?, "slow");
    /// assert_eq!(model.encode_with("<|end|>", tokenize::Specials::All), [300]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is damaged: no base64, no rank, a token or
    /// rank that comes twice, a rank beyond the file's size, a byte without a token.
    pub fn from_tiktoken(path: impl AsRef<Path>, encoding: Tiktoken) -> Result<Self, Error> {
        Self::from_tiktoken_with(path, encoding.split(), encoding.specials())
    }

    /// Reads a `.tiktoken` file of any other encoding, with its split and its special tokens.
    ///
    /// # Errors
    /// As [`from_tiktoken`](Self::from_tiktoken); also if a special token's id or content is another token's.
    pub fn from_tiktoken_with(
        path: impl AsRef<Path>,
        split: Split,
        specials: &[(&str, u32)],
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        read(&path.display().to_string(), &disk::read(path)?, split, specials)
    }

    /// Reads the content of such a file.
    ///
    /// # Errors
    /// As [`from_tiktoken_with`](Self::from_tiktoken_with), without [`Error::Io`].
    pub fn from_tiktoken_str(text: &str, split: Split, specials: &[(&str, u32)]) -> Result<Self, Error> {
        read("tiktoken", text, split, specials)
    }

    /// The content of a `.tiktoken` file: all tokens but the added ones. It holds neither the split nor the special
    /// tokens, and means the same only where tokens merge in the order of their ids, as those of a trainer and of a
    /// file of this kind do.
    pub fn to_tiktoken(&self) -> String {
        let added = self.added_tokens();
        let mut text = String::new();
        for (id, token) in (0..).zip(self.model_tokens()) {
            if !token.is_empty() && !added.iter().any(|added| added.id == id) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{} {id}", base64::encode(token));
            }
        }
        text
    }

    /// Writes [`to_tiktoken`](Self::to_tiktoken) to a file. Until it is all on the disk, what was there before stays.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_tiktoken(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        disk::write(path.as_ref(), self.to_tiktoken())
    }
}

/// Reads the ranks of an encoding that is known by them, or by the file's name.
pub(super) fn read_known(file: &str, text: &str) -> Result<ByteLevelBpe, Error> {
    let by_name = || Tiktoken::from_name(Path::new(file).file_stem()?.to_str()?);
    let Some(encoding) = Tiktoken::of_ranks(text).or_else(by_name) else {
        let names = Tiktoken::ALL.map(Tiktoken::name).join(", ");
        let what = format!(
            "the file does not say how texts are cut, and neither its ranks nor its name are those of {names}"
        );
        return Err(Error::format(file, "ranks", what));
    };
    read(file, text, encoding.split(), encoding.specials())
}

/// The ids of special tokens are below this.
const MOST_IDS: u32 = 1 << 24;

fn read(file: &str, text: &str, split: Split, specials: &[(&str, u32)]) -> Result<ByteLevelBpe, Error> {
    // All tokens in one string of bytes, and where each ends.
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut tokens = Vec::with_capacity(text.len() / 16);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty()) {
        let wrong = |what| Error::format(file, format!("line {number}"), what);
        let start = bytes.len();
        let rank = parse(line, &mut bytes).map_err(wrong)?;
        // So that memory is bounded by the file, whatever its ranks are.
        if rank as usize >= text.len().min(MOST_IDS as usize) {
            return Err(wrong(format!("rank {rank} is beyond the file's size")));
        }
        tokens.push((rank, start..bytes.len()));
    }
    let mut ranks: Vec<u32> = tokens.iter().map(|&(rank, _)| rank).collect();
    ranks.sort_unstable();
    for &(content, id) in specials {
        if id >= MOST_IDS || content.is_empty() {
            let what = format!("id {id}: expected a string with an id below {MOST_IDS}");
            return Err(Error::format(file, format!("special token {content:?}"), what));
        }
        tokens.push((id, bytes.len()..bytes.len() + content.len()));
        bytes.extend_from_slice(content.as_bytes());
    }
    tokens.sort_by_key(|&(id, _)| id);
    let mut vocab = Vocab::with_capacity(tokens.len(), bytes.len());
    for (id, range) in tokens {
        let token = &bytes[range];
        let wrong = |what| {
            let place = format!("token {:?} with rank {id}", String::from_utf8_lossy(token));
            Error::format(file, place, what)
        };
        if (id as usize) < vocab.len() {
            return Err(wrong("another token has this rank"));
        }
        vocab.leave_out_until(id);
        if !vocab.push_new(token) {
            return Err(wrong("the token comes twice"));
        }
    }
    let wrong = |error: Error| Error::format(file, "tokens", error.to_string());
    let mut model = ByteLevelBpe::from_ranks(vocab, &ranks, split).map_err(wrong)?;
    for &(content, id) in specials {
        model.add_token(AddedToken::new(id, content, true)).map_err(wrong)?;
    }
    Ok(model)
}

/// The rank of a line, whose token is appended to `bytes`.
pub(super) fn parse(line: &str, bytes: &mut Vec<u8>) -> Result<u32, String> {
    let (token, rank) =
        line.split_once(' ').ok_or_else(|| format!("expected a token and its rank, found {line:?}"))?;
    if token.is_empty() || base64::append(token.as_bytes(), bytes).is_none() {
        return Err(format!("expected a token in base64, found {token:?}"));
    }
    rank.parse().map_err(|_| format!("expected a rank, found {rank:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    fn error(change: impl FnOnce(&mut Vec<String>)) -> String {
        let mut lines: Vec<String> =
            (0..=255u8).map(|byte| format!("{} {byte}", base64::encode(&[byte]))).collect();
        lines.push(format!("{} 256", base64::encode(b"ab")));
        change(&mut lines);
        ByteLevelBpe::from_tiktoken_str(&lines.join("\n"), Split::Cl100k, &[("<end>", 257)])
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn damaged_files_are_errors_that_name_the_place() {
        assert!(error(|lines| lines[3] = "AA".into()).contains("line 4: expected a token and its rank"));
        assert!(error(|lines| lines[3] = "A 3".into()).contains("line 4: expected a token in base64"));
        assert!(error(|lines| lines[3] = "AA== x".into()).contains("line 4: expected a rank"));
        assert!(error(|lines| lines[3] = "Aw== 4000000000".into()).contains("beyond the file's size"));
        assert!(error(|lines| lines[3] = "Aw== 4".into()).contains("another token has this rank"));
        assert!(error(|lines| lines[256] = "Aw== 256".into()).contains("comes twice"));
        assert!(error(|lines| drop(lines.remove(65))).contains("no token for the byte 0x41"));
        assert!(error(|lines| lines[256] = "YWI= 257".into()).contains("another token has this rank"));
    }
}
