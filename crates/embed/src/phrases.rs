//! Words that belong together: *New York* as one word.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::corpus::{Block, Corpus, Source, Token};
use crate::vocab::{Vocab, VocabSettings};
use crate::{Error, Result};

/// How strongly two neighbouring words belong together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum PhraseScore {
    /// `(n(ab) − m) / (n(a) n(b)) · N` for counts `n`, the minimum count `m` and `N` words in all (Mikolov et al.
    /// 2013, as word2phrase computes it). From zero up without bound; 100 is a usual threshold.
    Word2Phrase,
    /// Normalised pointwise mutual information `ln(p(ab) / (p(a) p(b))) / −ln p(ab)` (Bouma 2009): −1 never together,
    /// 0 by chance, 1 only together.
    ///
    /// ```
    /// use embed::{PhraseScore, PhraseSettings, Phrases, Text};
    ///
    /// let text = "New York and New York\nthe old and the new\n";
    /// let settings =
    ///     PhraseSettings { min_count: 2, score: PhraseScore::Npmi, threshold: 0.9, ..PhraseSettings::default() };
    /// let phrases = Phrases::learn(&Text(text), &settings)?;
    /// assert_eq!(phrases.pairs(), [("New", "York", 1.0)]);
    /// # Ok::<(), embed::Error>(())
    /// ```
    Npmi,
}

/// Which pairs become phrases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhraseSettings {
    /// Words and pairs that occur fewer times are left alone.
    pub min_count: u64,
    /// The score.
    pub score: PhraseScore,
    /// Pairs with a larger score are joined.
    pub threshold: f64,
    /// What stands between the words of a phrase.
    pub delimiter: String,
    /// While counting, whenever there are more distinct pairs, those seen least often are forgotten, to bound memory.
    pub prune_above: usize,
}

impl Default for PhraseSettings {
    /// word2phrase's: five occurrences, its score above 100, joined by `_`.
    fn default() -> Self {
        Self {
            min_count: 5,
            score: PhraseScore::Word2Phrase,
            threshold: 100.0,
            delimiter: "_".to_owned(),
            prune_above: 40_000_000,
        }
    }
}

/// Pairs of words that are joined, with their scores.
///
/// Going through a corpus with phrases, and learning phrases again from that, finds those of three and four words.
///
/// ```
/// use embed::{PhraseSettings, Phrases, Text, Vocab, VocabSettings};
///
/// let text = "I like New York\nold York is not New York\nthe New York times\nNew York is new\n";
/// let settings = PhraseSettings { min_count: 2, threshold: 1.0, ..PhraseSettings::default() };
/// let phrases = Phrases::learn(&Text(text), &settings)?;
/// assert_eq!(phrases.join(["in", "New", "York", "York"]), ["in", "New_York", "York"]);
/// let vocab = Vocab::count(&phrases.over(&Text(text)), &VocabSettings::min_count(1))?;
/// assert_eq!(vocab.count_of("New_York"), Some(4));
/// # Ok::<(), embed::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Phrases {
    vocab: Vocab,
    scores: HashMap<(u32, u32), f64>,
    delimiter: String,
}

impl Phrases {
    /// Finds the phrases of a corpus, in two passages: words, then pairs.
    ///
    /// # Errors
    /// If a setting is out of range, or the corpus cannot be read or has no words frequent enough.
    pub fn learn(corpus: &(impl Corpus + ?Sized), settings: &PhraseSettings) -> Result<Self> {
        if settings.threshold.is_nan() {
            let found = settings.threshold.to_string();
            return Err(Error::Setting { setting: "threshold", expected: "a number", found });
        }
        let vocab = Vocab::count(corpus, &VocabSettings::min_count(settings.min_count))?;
        let pairs = count_pairs(corpus, &vocab, settings.prune_above)?;
        let score = |(a, b): (u32, u32), count: u64| {
            let (a, b) = (vocab.counts()[a as usize] as f64, vocab.counts()[b as usize] as f64);
            let (ab, all) = (count as f64, vocab.corpus_words() as f64);
            match settings.score {
                PhraseScore::Word2Phrase => (ab - settings.min_count as f64) / a / b * all,
                // A pair that is the whole corpus is certain, and belongs together.
                PhraseScore::Npmi if ab >= all => 1.0,
                PhraseScore::Npmi => (ab * all / (a * b)).ln() / -(ab / all).ln(),
            }
        };
        let scores = pairs
            .into_iter()
            .filter(|&(_, count)| count >= settings.min_count)
            .map(|(pair, count)| (pair, score(pair, count)))
            .filter(|&(_, score)| score > settings.threshold)
            .collect();
        Ok(Self { vocab, scores, delimiter: settings.delimiter.clone() })
    }

    /// Number of phrases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The pairs with their scores, the highest first.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&str, &str, f64)> {
        let word = |id: u32| self.vocab.words().word(id as usize);
        let mut pairs: Vec<_> = self.scores.iter().map(|(&pair, &score)| (pair, score)).collect();
        pairs.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        pairs.into_iter().map(|((a, b), score)| (word(a), word(b), score)).collect()
    }

    /// The score of a pair, if it is a phrase.
    #[must_use]
    pub fn score(&self, first: &str, second: &str) -> Option<f64> {
        let id = |word| self.vocab.words().index(word).map(|index| index as u32);
        self.scores.get(&(id(first)?, id(second)?)).copied()
    }

    /// The words of a sentence with phrases joined, from left to right; a word is part of one phrase at most.
    pub fn join<'w>(&self, sentence: impl IntoIterator<Item = &'w str>) -> Vec<String> {
        let mut joined: Vec<String> = Vec::new();
        // The word before, unless it ends a phrase.
        let mut before = None;
        for word in sentence {
            match joined.last_mut() {
                Some(last) if before.is_some_and(|before| self.score(before, word).is_some()) => {
                    last.push_str(&self.delimiter);
                    last.push_str(word);
                    before = None;
                }
                _ => {
                    joined.push(word.to_owned());
                    before = Some(word);
                }
            }
        }
        joined
    }

    /// A corpus with phrases joined.
    pub fn over<'a, C: Corpus + ?Sized>(&'a self, corpus: &'a C) -> Phrased<'a, C> {
        Phrased { phrases: self, corpus }
    }
}

/// Counts neighbouring words of a vocabulary.
fn count_pairs(
    corpus: &(impl Corpus + ?Sized),
    vocab: &Vocab,
    prune_above: usize,
) -> Result<HashMap<(u32, u32), u64>> {
    let (mut source, mut block) = (corpus.open()?, Block::default());
    let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
    let mut pruned = 0;
    while source.read(&mut block)? {
        let mut before = None;
        for token in block.tokens() {
            let word = match token {
                Token::Word(word) => vocab.words().id(word),
                Token::End => None,
            };
            if let (Some(first), Some(second)) = (before, word) {
                *pairs.entry((first, second)).or_default() += 1;
            }
            before = word;
        }
        while pairs.len() > prune_above.max(1) {
            pruned += 1;
            pairs.retain(|_, count| *count > pruned);
        }
    }
    Ok(pairs)
}

/// A [`Corpus`] whose phrases are joined; see [`Phrases::over`].
pub struct Phrased<'a, C: ?Sized> {
    phrases: &'a Phrases,
    corpus: &'a C,
}

impl<C: Corpus + ?Sized> Corpus for Phrased<'_, C> {
    fn open(&self) -> Result<Box<dyn Source + '_>> {
        Ok(Box::new(Joining { phrases: self.phrases, source: self.corpus.open()?, block: Block::default() }))
    }
}

struct Joining<'a> {
    phrases: &'a Phrases,
    source: Box<dyn Source + 'a>,
    block: Block,
}

impl Source for Joining<'_> {
    fn read(&mut self, block: &mut Block) -> Result<bool> {
        block.clear();
        if !self.source.read(&mut self.block)? {
            return Ok(false);
        }
        let mut sentence = Vec::new();
        let mut end = |sentence: &mut Vec<&str>| {
            self.phrases.join(sentence.drain(..)).iter().for_each(|word| block.word(word));
            block.end_sentence();
        };
        for token in self.block.tokens() {
            match token {
                Token::Word(word) => sentence.push(str::from_utf8(word).unwrap_or("\u{fffd}")),
                Token::End => end(&mut sentence),
            }
        }
        if !sentence.is_empty() {
            end(&mut sentence);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Text;

    const TEXT: &str = "a b c a b d a b\nb a c d\na b";

    fn learn(score: PhraseScore, threshold: f64, min_count: u64) -> Phrases {
        let settings = PhraseSettings { min_count, score, threshold, ..PhraseSettings::default() };
        Phrases::learn(&Text(TEXT), &settings).unwrap()
    }

    #[test]
    fn scores_are_by_their_formulas() {
        // a 5 times, b 5, c 2, d 2, of 14; ab 4 times.
        let phrases = learn(PhraseScore::Word2Phrase, 0.1, 1);
        assert!((phrases.score("a", "b").unwrap() - (4.0 - 1.0) / 25.0 * 14.0).abs() < 1e-12);
        assert_eq!(phrases.score("b", "a"), None, "once is not more than the minimum");
        let phrases = learn(PhraseScore::Npmi, 0.0, 1);
        let p = |n: f64| n / 14.0;
        let expected = (p(4.0) / (p(5.0) * p(5.0))).ln() / -p(4.0).ln();
        assert!((phrases.score("a", "b").unwrap() - expected).abs() < 1e-12);
        assert!(phrases.pairs().is_sorted_by(|a, b| a.2 >= b.2));
    }

    #[test]
    fn pairs_do_not_cross_sentences_nor_share_words() {
        let phrases = learn(PhraseScore::Npmi, -0.9, 1);
        assert_eq!(phrases.score("b", "b"), None);
        assert_eq!(phrases.join(["a", "b", "a", "b", "x"]), ["a_b", "a_b", "x"]);
        let vocab = Vocab::count(&phrases.over(&Text(TEXT)), &VocabSettings::min_count(1)).unwrap();
        assert_eq!(vocab.count_of("a_b"), Some(3));
        // a_b c_a b_d a_b, b_a c_d, a_b.
        assert_eq!(vocab.corpus_words(), 7);
    }

    #[test]
    fn pruning_keeps_what_is_frequent() {
        let text: String = (0..30_000).map(|i| format!("x y w{} ", i % 3000)).collect();
        let settings = PhraseSettings { prune_above: 100, threshold: 1.0, ..PhraseSettings::default() };
        let phrases = Phrases::learn(&Text(&text), &settings).unwrap();
        assert!(phrases.score("x", "y").is_some());
        assert_eq!(phrases.len(), 1);
    }
}
