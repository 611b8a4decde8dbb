//! The passage through the corpus.

use crate::corpus::{Block, Corpus, Token};
use crate::random::Random;
use crate::vocab::{Subsampling, Unigram, Vocab};
use crate::word2vec::{Architecture, Model, Objective, Word2Vec};
use crate::{Error, Result};

impl Word2Vec {
    /// Counts the corpus and trains on it.
    ///
    /// # Errors
    /// If a setting is out of range, the corpus cannot be read or leaves no vocabulary, or training diverges.
    pub fn train(&self, corpus: &(impl Corpus + ?Sized)) -> Result<Model> {
        self.validate()?;
        let vocab = Vocab::count(corpus, &self.vocab)?;
        let (negatives, exponent) = match self.objective {
            Objective::NegativeSampling { negatives, exponent } => (negatives, exponent),
            other => {
                let found = format!("{other:?}");
                return Err(Error::Setting { setting: "objective", expected: "negative sampling", found });
            }
        };
        if self.architecture != Architecture::SkipGram {
            let found = format!("{:?}", self.architecture);
            return Err(Error::Setting { setting: "architecture", expected: "skip-gram", found });
        }
        let mut random = Random::new(self.seed);
        let input = (0..vocab.len() * self.dim).map(|_| (random.unit() - 0.5) / self.dim as f32).collect();
        let output = vec![0.0; vocab.len() * self.dim];
        let mut trainer = Trainer {
            subsampling: Subsampling::new(&vocab, self.sample),
            unigram: Unigram::new(vocab.counts(), exponent),
            model: Model { settings: self.clone(), vocab, input, output },
            random,
            negatives,
        };
        trainer.run(corpus)?;
        Ok(trainer.model)
    }
}

struct Trainer {
    subsampling: Subsampling,
    unigram: Unigram,
    model: Model,
    random: Random,
    negatives: usize,
}

impl Trainer {
    fn run(&mut self, corpus: &(impl Corpus + ?Sized)) -> Result<()> {
        let all = self.model.vocab.total() as f64 * self.model.settings.epochs as f64;
        let (mut block, mut sentence, mut words) = (Block::default(), Vec::new(), 0u64);
        for epoch in 0..self.model.settings.epochs {
            let (mut source, mut number) = (corpus.open()?, 0);
            while source.read(&mut block)? {
                self.random = Random::of(self.model.settings.seed, epoch as u64, number);
                number += 1;
                let rate = self.model.settings.rate_at(words as f64 / all);
                sentence.clear();
                for token in block.tokens() {
                    match token {
                        Token::Word(word) => {
                            if let Some(id) = self.model.vocab.words().id(word) {
                                words += 1;
                                if self.subsampling.keeps(id, self.random.bits32()) {
                                    sentence.push(id);
                                }
                            }
                        }
                        Token::End => {
                            self.sentence(&sentence, rate);
                            sentence.clear();
                        }
                    }
                }
                self.sentence(&sentence, rate);
            }
        }
        Ok(())
    }

    fn sentence(&mut self, words: &[u32], rate: f32) {
        for (at, &word) in words.iter().enumerate() {
            let window = self.random.below(self.model.settings.window as u32) as usize + 1;
            let (from, to) = (at.saturating_sub(window), (at + window + 1).min(words.len()));
            for context in (from..to).filter(|&context| context != at) {
                self.pair(words[context], word, rate);
            }
        }
    }

    fn pair(&mut self, input: u32, word: u32, rate: f32) {
        let dim = self.model.settings.dim;
        let input = &mut self.model.input[input as usize * dim..][..dim];
        let mut change = vec![0.0; dim];
        for negative in 0..=self.negatives {
            let (target, label) =
                if negative == 0 { (word, 1.0) } else { (self.unigram.draw(self.random.next()), 0.0) };
            if negative > 0 && target == word {
                continue;
            }
            let output = &mut self.model.output[target as usize * dim..][..dim];
            let logit: f32 = input.iter().zip(&*output).map(|(a, b)| a * b).sum();
            let step = rate * (label - 1.0 / (1.0 + (-logit).exp()));
            for ((change, output), input) in change.iter_mut().zip(output).zip(&*input) {
                *change += step * *output;
                *output += step * input;
            }
        }
        input.iter_mut().zip(change).for_each(|(input, change)| *input += change);
    }
}
