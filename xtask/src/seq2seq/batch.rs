//! Symbols as ids, and pairs of sequences in batches.

use std::collections::{BTreeSet, HashMap};

use recurrent::pad;
use tensor::Ids;

/// Fills batches up.
pub(super) const PAD: u32 = 0;
/// What a target begins from.
pub(crate) const START: u32 = 1;
/// What a source and a target end with.
pub(crate) const END: u32 = 2;
/// In place of what no id stands for.
pub(crate) const UNKNOWN: u32 = 3;
/// Ids below this one are special.
pub(crate) const SPECIALS: u32 = 4;
const SPECIAL: [&str; SPECIALS as usize] = ["<pad>", "<s>", "</s>", "<unk>"];

/// A vocabulary of whole symbols: letters, sounds, words.
pub(crate) struct Symbols {
    names: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Symbols {
    /// These symbols in alphabetical order, behind the special ones.
    pub(crate) fn new<S: Into<String>>(symbols: impl IntoIterator<Item = S>) -> Self {
        let sorted: BTreeSet<String> = symbols.into_iter().map(Into::into).collect();
        let names: Vec<String> = SPECIAL.map(str::to_owned).into_iter().chain(sorted).collect();
        let ids = names.iter().enumerate().map(|(id, name)| (name.clone(), id as u32)).collect();
        Self { names, ids }
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn id(&self, symbol: &str) -> u32 {
        self.ids.get(symbol).copied().unwrap_or(UNKNOWN)
    }

    /// # Panics
    /// If there is no such id.
    pub(crate) fn name(&self, id: u32) -> &str {
        &self.names[id as usize]
    }
}

/// Where a text lies in a split, 0 to 99: the upper half of 64-bit FNV-1a. No other texts move it across.
pub(crate) fn share(text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    (text.bytes().fold(0xcbf2_9ce4_8422_2325, mix) >> 32) % 100
}

/// A source and what it becomes, without start and end.
pub(crate) struct Pair {
    pub(crate) source: Vec<u32>,
    pub(crate) target: Vec<u32>,
}

/// Some pairs as arrays; sources end with [`END`].
pub(crate) struct Batch {
    /// `(batch, src_time)`
    pub(crate) source: Ids,
    pub(crate) lengths: Vec<usize>,
    /// What the decoder reads, `(batch, tgt_time)`.
    pub(crate) target: Ids,
    /// What it is to write, `(batch, tgt_time)`.
    pub(crate) next: Ids,
    /// Target tokens that count.
    pub(crate) tokens: usize,
}

impl Batch {
    pub(crate) fn new<'a>(pairs: impl Iterator<Item = (&'a [u32], &'a [u32])>) -> Self {
        let (mut sources, mut targets, mut nexts) = (Vec::new(), Vec::new(), Vec::new());
        for (source, target) in pairs {
            sources.push([source, &[END]].concat());
            targets.push([&[START], target].concat());
            nexts.push([target, &[END]].concat());
        }
        let pad = |rows: &[Vec<u32>]| pad(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>(), PAD);
        let ((source, lengths), (target, counts)) = (pad(&sources), pad(&targets));
        Self { source, lengths, target, next: pad(&nexts).0, tokens: counts.iter().sum() }
    }
}
