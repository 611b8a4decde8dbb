//! How good vectors are: analogies, and judgements of similarity.
//!
//! Rules for case, unknown words and rare words are gensim's (`evaluate_word_analogies`, `evaluate_word_pairs`), so
//! that the scores can be compared: [`Rules`].
//!
//! ```
//! use embed::evaluate::{Analogies, Rules, WordPairs};
//! use embed::{Vectors, Words};
//!
//! let words = Words::from_words(["man", "woman", "king", "queen", "bread"])?;
//! let data = vec![1.0, 0.0, 0.1, 1.0, 1.0, 0.1, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, -1.0, 0.0];
//! let vectors = Vectors::new(words, 3, data)?;
//! let analogies = Analogies::parse(": family\nman woman king queen\nking queen man woman\n")?;
//! let score = analogies.evaluate(&vectors, &Rules::default());
//! println!("{score}"); // a line for each section, then the total
//! assert_eq!(score.total().accuracy(), Some(1.0));
//!
//! let pairs = WordPairs::parse("king\tqueen\t9.1\nman\tbread\t0.4\nking\tman\t5\nking\tyeti\t3\n")?;
//! let score = pairs.evaluate(&vectors, &Rules::default())?;
//! assert_eq!((score.pairs, score.unknown), (3, 1));
//! assert_eq!(score.spearman, 1.0);
//! # Ok::<(), embed::Error>(())
//! ```

mod analogies;
mod pairs;

use std::collections::HashMap;

pub use analogies::{Analogies, AnalogyScore, SectionScore};
pub use pairs::{PairScore, WordPairs};

use crate::Vectors;

/// Which words count, and what becomes of those that are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Only this many words, the first, are known and can be answers. Default 300,000.
    pub most_words: usize,
    /// Whether case is of no account: words are compared in upper case, and of several words that differ in case
    /// alone the first (most frequent) counts. Default true.
    pub ignore_case: bool,
    /// Whether questions with unknown words count as wrong, and pairs with them as similarity 0, in place of being
    /// left out. Default false.
    pub count_unknown: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { most_words: 300_000, ignore_case: true, count_unknown: false }
    }
}

impl Rules {
    fn fold(&self, word: &str) -> String {
        if self.ignore_case { word.to_uppercase() } else { word.to_owned() }
    }

    /// Rows by folded word.
    fn known(&self, vectors: &Vectors) -> HashMap<String, usize> {
        let mut known = HashMap::new();
        for (row, word) in vectors.words().iter().take(self.most_words).enumerate() {
            known.entry(self.fold(word)).or_insert(row);
        }
        known
    }
}
