//! Which pieces begin at a place of the text.

use super::text::{END, Span, Text};

/// The pieces as a trie. The children of a node stand side by side, so that a step down touches little memory.
pub(super) struct Trie {
    /// The node of each code below the root; 0 for none.
    root: Vec<u32>,
    /// The code that leads to a node.
    codes: Vec<u32>,
    /// Where the children of a node start; those of the next follow.
    children: Vec<u32>,
    /// The piece that ends at a node; [`NO_PIECE`] for none.
    pieces: Vec<u32>,
}

/// The id that no piece of the trie has: that of the unknown.
const NO_PIECE: u32 = 0;

impl Trie {
    /// A trie of all pieces but the first, which is not one.
    pub(super) fn new(text: &Text, pieces: &[Span]) -> Self {
        let mut order: Vec<u32> = (1..pieces.len() as u32).collect();
        let piece = |id: u32| text.span(pieces[id as usize]);
        order.sort_unstable_by(|&a, &b| piece(a).cmp(piece(b)));
        let mut trie = Self {
            root: vec![0; text.characters.len() + 1],
            codes: vec![END],
            children: Vec::new(),
            pieces: vec![NO_PIECE],
        };
        // The pieces below each node, by their places in the order, and the depth of the node.
        let mut below = std::collections::VecDeque::from([(0, order.len(), 0)]);
        while let Some((mut from, to, depth)) = below.pop_front() {
            trie.children.push(trie.codes.len() as u32);
            while from < to {
                let code = piece(order[from])[depth];
                let until = from + order[from..to].partition_point(|&id| piece(id)[depth] == code);
                if depth == 0 {
                    trie.root[code as usize] = trie.codes.len() as u32;
                }
                trie.codes.push(code);
                let ends_here = piece(order[from]).len() == depth + 1;
                trie.pieces.push(if ends_here { order[from] } else { NO_PIECE });
                below.push_back((from + usize::from(ends_here), until, depth + 1));
                from = until;
            }
        }
        trie.children.push(trie.codes.len() as u32);
        trie
    }

    /// Calls `visit` with the id and the length of every piece that `codes` begin with, the shortest first.
    #[inline]
    pub(super) fn for_each_prefix(&self, codes: &[u32], mut visit: impl FnMut(u32, usize)) {
        let Some(&first) = codes.first() else { return };
        let mut node = self.root[first as usize];
        let mut length = 1;
        while node != 0 {
            let piece = self.pieces[node as usize];
            if piece != NO_PIECE {
                visit(piece, length);
            }
            let Some(&code) = codes.get(length) else { return };
            node = self.child(node, code);
            length += 1;
        }
    }

    #[inline]
    fn child(&self, node: u32, code: u32) -> u32 {
        let (from, to) = (self.children[node as usize], self.children[node as usize + 1]);
        let codes = &self.codes[from as usize..to as usize];
        let place = if codes.len() <= 8 {
            codes.iter().position(|&other| other == code)
        } else {
            codes.binary_search(&code).ok()
        };
        place.map_or(0, |place| from + place as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::WordCounts;

    #[test]
    fn all_prefixes_are_found() {
        let words: WordCounts = [("abcdefghijklm", 1), ("abde", 1)].into_iter().collect();
        let (text, _) = Text::new(&words, None).unwrap();
        let span = |string: &str| {
            let codes: Vec<u32> = string.bytes().map(|byte| u32::from(byte - b'a') + 1).collect();
            let start = text.codes.windows(codes.len()).position(|window| window == codes).unwrap();
            Span { start: start as u32, len: codes.len() as u32 }
        };
        let mut strings = vec!["", "a", "abc", "abd", "bc", "abcdefghijklm"];
        strings.extend(["b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]);
        let spans: Vec<Span> = strings
            .iter()
            .map(|string| if string.is_empty() { Span { start: 0, len: 0 } } else { span(string) })
            .collect();
        let trie = Trie::new(&text, &spans);
        let prefixes = |string: &str| {
            let mut found = Vec::new();
            trie.for_each_prefix(text.span(span(string)), |id, length| {
                assert_eq!(strings[id as usize].len(), length);
                found.push(strings[id as usize]);
            });
            found
        };
        assert_eq!(prefixes("abcdefghijklm"), ["a", "abc", "abcdefghijklm"]);
        assert_eq!(prefixes("abde"), ["a", "abd"]);
        assert_eq!(prefixes("bcde"), ["b", "bc"]);
        assert_eq!(prefixes("klm"), ["k"]);
        assert!(prefixes("lm").is_empty());
    }
}
