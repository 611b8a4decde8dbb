//! From text to steps: which rows meet.

use crate::Word2Vec;
use crate::corpus::{Block, Token};
use crate::random::Random;
use crate::subwords::Lists;
use crate::vocab::{Huffman, Subsampling, Unigram, Vocab};
use crate::word2vec::{Architecture, Objective};

/// Decides by the settings what is predicted from what; the same for all threads.
pub(crate) struct Planner {
    subsampling: Subsampling,
    answer: Answer,
    is_cbow: bool,
    /// Rows of the input matrix that make up each word, if it is not its own alone.
    rows: Option<Lists>,
    /// Most inputs of a step.
    shared: usize,
    window: u32,
    dynamic_window: bool,
    max_sentence: usize,
    /// Sentences whose random number lies below are held out.
    held_out: f64,
    seed: u64,
    /// Pairs of a step that meet in the row met most often, on average.
    most_met: f64,
}

/// Rows of the output matrix that stand for a word.
enum Answer {
    /// The word itself, against others drawn.
    Sampled { unigram: Unigram, negatives: usize },
    /// The inner nodes on its path.
    Path(Huffman),
    /// The word itself, against all.
    Word,
}

/// Words of a block that are trained on, as ids.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// Kept occurrences of all sentences.
    pub(crate) words: Vec<u32>,
    /// Where each sentence ends in `words`.
    pub(crate) ends: Vec<usize>,
    /// Occurrences of words of the vocabulary, those thinned out too.
    pub(crate) read: u64,
    /// Sentences held out, as `words` and `ends`.
    pub(crate) held_words: Vec<u32>,
    pub(crate) held_ends: Vec<usize>,
}

impl Encoded {
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.ends.clear();
        self.held_words.clear();
        self.held_ends.clear();
        self.read = 0;
    }
}

/// Where planning has come to in an [`Encoded`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    sentence: usize,
    start: usize,
    /// The next word to be predicted.
    pub(crate) at: usize,
}

/// Steps, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Rows of the input matrix.
    pub(crate) inputs: Vec<u32>,
    /// Rows of the output matrix.
    pub(crate) targets: Vec<u32>,
    /// 1 or −1 for each target.
    pub(crate) signs: Vec<f32>,
    /// Where inputs and targets of each step end.
    ends: Vec<(u32, u32)>,
}

/// One step of a [`Plan`].
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) inputs: &'a [u32],
    pub(crate) targets: &'a [u32],
    pub(crate) signs: &'a [f32],
}

impl Plan {
    pub(crate) fn clear(&mut self) {
        self.inputs.clear();
        self.targets.clear();
        self.signs.clear();
        self.ends.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    pub(crate) fn step(&self, index: usize) -> Step<'_> {
        let (inputs, targets) = if index == 0 { (0, 0) } else { self.ends[index - 1] };
        let (inputs_end, targets_end) = self.ends[index];
        let targets = targets as usize..targets_end as usize;
        Step {
            inputs: &self.inputs[inputs as usize..inputs_end as usize],
            targets: &self.targets[targets.clone()],
            signs: &self.signs[targets],
        }
    }

    pub(crate) fn steps(&self) -> impl ExactSizeIterator<Item = Step<'_>> {
        (0..self.len()).map(|index| self.step(index))
    }

    #[inline]
    pub(crate) fn end_step(&mut self) {
        self.ends.push((self.inputs.len() as u32, self.targets.len() as u32));
    }
}

impl Planner {
    pub(crate) fn new(settings: &Word2Vec, vocab: &Vocab) -> Self {
        let answer = match settings.objective {
            Objective::NegativeSampling { negatives, exponent } => {
                Answer::Sampled { unigram: Unigram::new(vocab.counts(), exponent), negatives }
            }
            Objective::HierarchicalSoftmax => Answer::Path(Huffman::new(vocab.counts())),
            Objective::FullSoftmax => Answer::Word,
        };
        let subsampling = Subsampling::new(vocab, settings.sample);
        let rows = settings.subwords.map(|subwords| subwords.rows(vocab.words()));
        let most_met = most_met(settings, vocab, &subsampling, rows.as_ref());
        // However large the share, what is held out stays small enough to be kept in memory.
        let most_held_out = 200_000.0 / vocab.total() as f64;
        Self {
            subsampling,
            answer,
            is_cbow: settings.architecture != Architecture::SkipGram,
            rows,
            shared: settings.shared,
            window: settings.window as u32,
            dynamic_window: settings.dynamic_window,
            max_sentence: settings.max_sentence,
            held_out: settings.held_out.min(most_held_out),
            seed: settings.seed,
            most_met,
        }
    }

    /// See [`Planner::most_met`].
    pub(crate) fn most_met(&self) -> f64 {
        self.most_met
    }

    /// Looks up the words of a block, thins out frequent ones, and sets aside what is held out.
    ///
    /// Whether a sentence is held out depends on its place in the corpus alone, whatever the epoch.
    pub(crate) fn encode(
        &self,
        vocab: &Vocab,
        block: &Block,
        number: u64,
        random: &mut Random,
        encoded: &mut Encoded,
    ) {
        encoded.clear();
        let mut choice = Random::of(self.seed, u64::MAX, number);
        let mut is_held = self.holds_out(&mut choice);
        let mut start = 0;
        for token in block.tokens() {
            let is_end = match token {
                Token::Word(word) => {
                    let Some(id) = vocab.words().id(word) else { continue };
                    encoded.read += 1;
                    if self.subsampling.keeps(id, random.bits32()) {
                        encoded.words.push(id);
                    }
                    encoded.words.len() - start == self.max_sentence
                }
                Token::End => true,
            };
            if is_end {
                encoded.end_sentence(start, is_held);
                start = encoded.words.len();
                is_held = self.holds_out(&mut choice);
            }
        }
        encoded.end_sentence(start, is_held);
    }

    fn holds_out(&self, choice: &mut Random) -> bool {
        self.held_out > 0.0 && f64::from(choice.unit()) < self.held_out
    }

    /// Appends at most `limit` predicted words' steps to the plan; `false` if there were none left.
    pub(crate) fn plan(
        &self,
        words: &[u32],
        ends: &[usize],
        cursor: &mut Cursor,
        limit: usize,
        random: &mut Random,
        plan: &mut Plan,
    ) -> bool {
        for _ in 0..limit {
            while cursor.sentence < ends.len() && cursor.at == ends[cursor.sentence] {
                cursor.start = cursor.at;
                cursor.sentence += 1;
            }
            if cursor.sentence == ends.len() {
                return plan.len() > 0;
            }
            let sentence = &words[cursor.start..ends[cursor.sentence]];
            self.plan_word(sentence, cursor.at - cursor.start, random, plan);
            cursor.at += 1;
        }
        true
    }

    #[inline]
    fn plan_word(&self, sentence: &[u32], at: usize, random: &mut Random, plan: &mut Plan) {
        let window = if self.dynamic_window { random.below(self.window) + 1 } else { self.window } as usize;
        let before = &sentence[at.saturating_sub(window)..at];
        let after = &sentence[at + 1..(at + 1 + window).min(sentence.len())];
        let contexts = before.len() + after.len();
        if contexts == 0 {
            return;
        }
        let all = || before.iter().chain(after).copied();
        if let Some(rows) = &self.rows {
            return self.plan_subwords(rows, sentence[at], all(), random, plan);
        }
        if self.is_cbow || contexts <= self.shared {
            plan.inputs.extend_from_slice(before);
            plan.inputs.extend_from_slice(after);
            self.plan_answer(sentence[at], random, plan);
            plan.end_step();
            return;
        }
        // Steps of nearly equal size, each with its own negative samples.
        let steps = contexts.div_ceil(self.shared);
        for step in 0..steps {
            let (from, to) = (contexts * step / steps, contexts * (step + 1) / steps);
            plan.inputs.extend(all().skip(from).take(to - from));
            self.plan_answer(sentence[at], random, plan);
            plan.end_step();
        }
    }

    /// CBOW predicts the word from the rows of all context words; skip-gram each context word from the word's rows.
    fn plan_subwords(
        &self,
        rows: &Lists,
        word: u32,
        contexts: impl Iterator<Item = u32>,
        random: &mut Random,
        plan: &mut Plan,
    ) {
        if self.is_cbow {
            contexts.for_each(|context| plan.inputs.extend_from_slice(rows.get(context as usize)));
            self.plan_answer(word, random, plan);
            plan.end_step();
            return;
        }
        for context in contexts {
            plan.inputs.extend_from_slice(rows.get(word as usize));
            self.plan_answer(context, random, plan);
            plan.end_step();
        }
    }

    #[inline]
    fn plan_answer(&self, word: u32, random: &mut Random, plan: &mut Plan) {
        match &self.answer {
            Answer::Sampled { unigram, negatives } => {
                plan.targets.push(word);
                plan.signs.push(1.0);
                for _ in 0..*negatives {
                    let other = unigram.draw(random.next());
                    // A word is no sample against itself.
                    if other != word {
                        plan.targets.push(other);
                        plan.signs.push(-1.0);
                    }
                }
            }
            Answer::Path(tree) => {
                plan.targets.extend_from_slice(tree.path(word as usize));
                plan.signs.extend(tree.code(word as usize).iter().map(|&turn| 1.0 - 2.0 * f32::from(turn)));
            }
            Answer::Word => {
                plan.targets.push(word);
                plan.signs.push(1.0);
            }
        }
    }
}

/// How many pairs of a step meet, on average, in the row of either matrix that is met most often.
///
/// A word that is a share `p` of what is kept is predicted in a share `p` of steps, is a negative sample in a share
/// `k q` of them, and is an input of `c p`, for `c` inputs to a step; the root of the tree is met in every step. An
/// n-gram is an input as often as all words that have it.
pub(crate) fn most_met(
    settings: &Word2Vec,
    vocab: &Vocab,
    subsampling: &Subsampling,
    rows: Option<&Lists>,
) -> f64 {
    let window = settings.window as f64;
    let contexts = if settings.dynamic_window { window + 1.0 } else { 2.0 * window };
    let shared = contexts.min(settings.shared as f64);
    // Inputs that meet in a target's row, and times that a row is an input where its share is 1.
    let (inputs, times) = match settings.architecture {
        Architecture::SkipGram if rows.is_some() => (1.0, 1.0),
        Architecture::SkipGram => (shared, shared),
        Architecture::Cbow { mean: true } => (1.0, contexts),
        // A sum is that much longer than a mean.
        Architecture::Cbow { mean: false } => (contexts, contexts * contexts),
    };
    let largest_share = |weights: &mut dyn Iterator<Item = f64>| {
        let (largest, total) =
            weights.fold((0.0, 0.0), |(largest, total), x| (f64::max(largest, x), total + x));
        largest / total
    };
    let kept = || vocab.counts().iter().enumerate().map(|(i, &count)| count as f64 * subsampling.keep(i));
    let p = largest_share(&mut kept());
    let p_input = rows.map_or(p, |rows| {
        let most = rows.items.iter().max().map_or(0, |&row| row as usize + 1);
        let (mut weights, mut total) = (vec![0.0; most], 0.0);
        for (word, weight) in kept().enumerate() {
            rows.get(word).iter().for_each(|&row| weights[row as usize] += weight);
            total += weight;
        }
        weights.into_iter().fold(0.0, f64::max) / total
    });
    let (targets, met_as_target) = match settings.objective {
        Objective::NegativeSampling { negatives, exponent } => {
            let weights = &mut vocab.counts().iter().map(|&count| (count.max(1) as f64).powf(exponent));
            (1.0 + negatives as f64, p + negatives as f64 * largest_share(weights))
        }
        Objective::HierarchicalSoftmax => ((vocab.len() as f64).log2(), 1.0),
        Objective::FullSoftmax => (vocab.len() as f64, 1.0),
    };
    (inputs * met_as_target).max(times * p_input * targets)
}

impl Encoded {
    /// Ends the sentence that began at `start`, among those trained or those held out. One word predicts nothing.
    fn end_sentence(&mut self, start: usize, is_held: bool) {
        if self.words.len() < start + 2 {
            self.words.truncate(start);
        } else if is_held {
            self.held_words.extend(self.words.drain(start..));
            self.held_ends.push(self.held_words.len());
        } else {
            self.ends.push(self.words.len());
        }
    }
}
