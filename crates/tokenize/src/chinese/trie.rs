//! The prefix dictionary: a double-array trie over character codes.
//!
//! A node is a slot of one array. The child of a node for a character with code `c` lies at `base + c`, and it is the
//! child if that slot's `check` equals `base`; so a step is one addition and one 16-byte load. Every node with children
//! has a `base` of its own, and a child knows its parent by that number alone: moving a node's children elsewhere, as
//! insertion must when a slot is taken, touches no grandchild.

use std::cmp::Reverse;
use std::ops::Range;

use super::bits::Bits;

/// Marks a free slot; no `base` is as large.
const FREE: u32 = u32::MAX;
/// The root's base is 0, and no other node has children in the slots that its children may need.
const ROOT_SLOTS: usize = u16::MAX as usize + 1;

/// One slot of the array.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Unit {
    base: u32,
    /// The parent's `base`.
    check: u32,
    /// Class of the word that ends here, 0 for none.
    word: u32,
    /// Bit `c % 32` is set if a child has code `c`: most steps that lead nowhere are known without a load.
    filter: u32,
}

const EMPTY: Unit = Unit { base: 0, check: FREE, word: 0, filter: 0 };

/// A place in the trie, reached by [`Trie::step`].
#[derive(Clone, Copy)]
pub(super) struct Node {
    base: u32,
    filter: u32,
    /// Class of the word that ends here, 0 for none.
    pub(super) word: u32,
    /// The slot, an index into arrays kept beside the trie. Insertion can change it.
    pub(super) slot: u32,
}

/// A trie over codes in `1..=u16::MAX`; code 0 is on no path.
#[derive(Clone)]
pub(super) struct Trie {
    units: Vec<Unit>,
    taken: Bits,
    bases: Bits,
    /// Where the search for places of families of 1, 2, 3.. children begins: below, it found little.
    hints: [usize; 8],
    largest_code: u16,
}

/// The slots that an insertion moved, from and to, in order.
pub(super) type Moves = Vec<(u32, u32)>;

impl Trie {
    /// A trie with nothing but its root.
    pub(super) fn new() -> Self {
        let mut bases = Bits::default();
        bases.insert(0);
        let units = vec![EMPTY; ROOT_SLOTS];
        Self { units, taken: Bits::default(), bases, hints: [ROOT_SLOTS / 64; 8], largest_code: 0 }
    }

    /// The trie of `words`, which are sorted, unique and not empty, with their classes.
    pub(super) fn from_sorted(words: &[(&[u16], u32)]) -> Self {
        let mut trie = Self::new();
        let tree = Tree::from_sorted(words);
        // Large families first: they need much room, and the small ones fill the gaps.
        let mut parents: Vec<usize> = (1..tree.len()).filter(|&i| !tree.children[i].is_empty()).collect();
        parents.sort_by_key(|&i| Reverse(tree.children[i].len()));
        let mut bases = vec![0; tree.len()];
        for i in parents {
            bases[i] = trie.find_base(&tree.codes[tree.children[i].clone()]);
            trie.take(bases[i], &tree.codes[tree.children[i].clone()]);
        }
        trie.take(0, &tree.codes[tree.children[0].clone()]);
        for (children, &check) in tree.children.iter().zip(&bases) {
            for child in children.clone() {
                let filter =
                    tree.codes[tree.children[child].clone()].iter().fold(0, |all, &code| all | bit(code));
                let unit = Unit { base: bases[child], check, word: tree.words[child], filter };
                trie.units[check as usize + usize::from(tree.codes[child])] = unit;
            }
        }
        trie
    }

    /// The first step from the root.
    #[inline]
    pub(super) fn first(&self, code: u16) -> Option<Node> {
        self.child(0, code)
    }

    /// One character further, if a word goes on like that.
    #[inline]
    pub(super) fn step(&self, node: Node, code: u16) -> Option<Node> {
        if node.filter & bit(code) == 0 {
            return None;
        }
        self.child(node.base, code)
    }

    #[inline]
    fn child(&self, base: u32, code: u16) -> Option<Node> {
        let slot = base + u32::from(code);
        let Unit { base: below, check, word, filter } = self.units[slot as usize];
        (check == base).then_some(Node { base: below, filter, word, slot })
    }

    /// The node of a prefix that is not empty.
    pub(super) fn find(&self, codes: &[u16]) -> Option<Node> {
        let (&first, rest) = codes.split_first()?;
        rest.iter().try_fold(self.first(first)?, |node, &code| self.step(node, code))
    }

    /// Sets the class of the word that ends at a slot.
    pub(super) fn set_word(&mut self, slot: u32, class: u32) {
        self.units[slot as usize].word = class;
    }

    /// Number of slots, taken and free.
    pub(super) fn slots(&self) -> usize {
        self.units.len()
    }

    /// The slot of a prefix that is not empty; it and all its prefixes are made where missing. Appends to `moves`.
    pub(super) fn insert(&mut self, codes: &[u16], moves: &mut Moves) -> u32 {
        let mut node = match self.first(codes[0]) {
            Some(node) => node,
            None => self.place(0, codes[0]),
        };
        for &code in &codes[1..] {
            node = match self.step(node, code) {
                Some(child) => child,
                None => self.add_child(node, code, moves),
            };
        }
        node.slot
    }

    /// A child for a node other than the root.
    fn add_child(&mut self, parent: Node, code: u16, moves: &mut Moves) -> Node {
        let mut base = parent.base;
        if parent.filter == 0 || self.taken.contains(base as usize + usize::from(code)) {
            base = self.move_children(parent, code, moves);
        }
        let unit = &mut self.units[parent.slot as usize];
        unit.base = base;
        unit.filter |= bit(code);
        self.place(base, code)
    }

    /// A new node without children.
    fn place(&mut self, base: u32, code: u16) -> Node {
        self.take(base, &[code]);
        let slot = base + u32::from(code);
        self.units[slot as usize] = Unit { check: base, ..EMPTY };
        Node { base: 0, filter: 0, word: 0, slot }
    }

    /// Moves the children of a node to where there is also room for one with `code`; gives the new base.
    fn move_children(&mut self, parent: Node, code: u16, moves: &mut Moves) -> u32 {
        let present = |&code: &u16| self.step(parent, code).is_some();
        let old: Vec<u16> = (1..=self.largest_code).filter(present).collect();
        let wanted: Vec<u16> = old.iter().copied().chain([code]).collect();
        let base = self.find_base(&wanted);
        self.take(base, &old);
        for &code in &old {
            let (from, to) = (parent.base + u32::from(code), base + u32::from(code));
            self.units[to as usize] = Unit { check: base, ..self.units[from as usize] };
            self.units[from as usize] = EMPTY;
            self.taken.remove(from as usize);
            moves.push((from, to));
        }
        if !old.is_empty() {
            self.bases.remove(parent.base as usize);
        }
        base
    }

    /// A base that no node has, at which the slots of all `codes` are free.
    fn find_base(&mut self, codes: &[u16]) -> u32 {
        let size = codes.len().min(self.hints.len()) - 1;
        let mut block = self.hints[size];
        loop {
            let mut fits = !self.bases.window(block * 64);
            for &code in codes {
                fits &= !self.taken.window(block * 64 + usize::from(code));
            }
            if fits != 0 {
                self.hints[size] = block;
                return u32::try_from(block * 64).expect("slots are fewer than 2^32") + fits.trailing_zeros();
            }
            block += 1;
        }
    }

    /// Marks a base and the slots of the codes as taken.
    fn take(&mut self, base: u32, codes: &[u16]) {
        self.bases.insert(base as usize);
        for &code in codes {
            self.taken.insert(base as usize + usize::from(code));
            self.largest_code = self.largest_code.max(code);
        }
        // Any code may be tried at any base.
        let slots = base as usize + ROOT_SLOTS;
        if slots > self.units.len() {
            self.units.resize(slots.max(self.units.len() + self.units.len() / 8), EMPTY);
        }
    }
}

#[inline]
fn bit(code: u16) -> u32 {
    1 << (code & 31)
}

/// The nodes of a trie, level by level, so that the children of a node stand side by side. Node 0 is the root.
#[derive(Default)]
struct Tree {
    codes: Vec<u16>,
    words: Vec<u32>,
    children: Vec<Range<usize>>,
}

impl Tree {
    fn from_sorted(words: &[(&[u16], u32)]) -> Self {
        let mut tree = Self::default();
        tree.push(0);
        // The words that begin with each node of the level.
        let mut level: Vec<_> = std::iter::once(0..words.len()).collect();
        for depth in 0.. {
            let first = tree.len() - level.len();
            let mut next = Vec::new();
            for (i, mut range) in level.into_iter().enumerate() {
                // The shortest of them is the node itself.
                if words.get(range.start).is_some_and(|(word, _)| word.len() == depth) {
                    tree.words[first + i] = words[range.start].1;
                    range.start += 1;
                }
                let children = tree.len();
                for family in words[range.clone()].chunk_by(|(a, _), (b, _)| a[depth] == b[depth]) {
                    tree.push(family[0].0[depth]);
                    next.push(range.start..range.start + family.len());
                    range.start += family.len();
                }
                tree.children[first + i] = children..tree.len();
            }
            if next.is_empty() {
                break;
            }
            level = next;
        }
        tree
    }

    /// A node that is no word and has no children yet.
    fn push(&mut self, code: u16) {
        self.codes.push(code);
        self.words.push(0);
        self.children.push(0..0);
    }

    fn len(&self) -> usize {
        self.codes.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    /// Few codes near each other and few far ones, so that families collide.
    fn word() -> impl Strategy<Value = Vec<u16>> {
        vec(prop_oneof![1u16..9, 60u16..70, Just(20_000), Just(u16::MAX)], 1..6)
    }

    /// Every prefix of a word is a node with the class of the word that it is; nothing else is a node.
    fn check(trie: &Trie, words: &BTreeMap<Vec<u16>, u32>, probes: &[Vec<u16>]) {
        for word in words.keys().chain(probes) {
            for end in 1..=word.len() {
                let prefix = &word[..end];
                let expected = words
                    .keys()
                    .any(|word| word.starts_with(prefix))
                    .then(|| words.get(prefix).copied().unwrap_or(0));
                assert_eq!(trie.find(prefix).map(|node| node.word), expected, "{prefix:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn finds_exactly_the_prefixes_of_its_words(
            words in btree_map(word(), 1u32..100, 0..60),
            added in btree_map(word(), 1u32..100, 0..60),
            probes in vec(word(), 20),
        ) {
            let sorted: Vec<_> = words.iter().map(|(word, &class)| (&word[..], class)).collect();
            let mut trie = Trie::from_sorted(&sorted);
            check(&trie, &words, &probes);

            // Slots are followed through their moves.
            let mut slots: BTreeMap<_, _> =
                words.keys().map(|word| (word.clone(), trie.find(word).unwrap().slot)).collect();
            let mut all = words.clone();
            for (word, &class) in &added {
                let mut moves = Moves::new();
                let slot = trie.insert(word, &mut moves);
                for (from, to) in moves {
                    slots.values_mut().filter(|slot| **slot == from).for_each(|slot| *slot = to);
                }
                trie.set_word(slot, class);
                slots.insert(word.clone(), slot);
                all.insert(word.clone(), class);
            }
            check(&trie, &all, &probes);
            for (word, slot) in slots {
                prop_assert_eq!(trie.find(&word).unwrap().slot, slot);
            }
        }
    }
}
