//! `cargo xtask embed train`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use embed::corpus::Corpus;
use embed::io::Format;
use embed::word2vec::{Architecture, Decay, Mode, Objective, Trainer};
use embed::{Model, PhraseSettings, Phrases, Subwords, TextFiles, Vocab, Word2Vec};
use train::{Interrupt, Progress};

use crate::Failure;
use crate::args::on_threads;

/// Train word vectors on text files: a sentence a line, words between blanks
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask embed train my.txt --out my.bin
  cargo xtask embed train a.txt b.txt --arch skip-gram --dim 300 --phrases 1 --out my.safetensors
  cargo xtask embed train my.txt --subwords --out my.fasttext.bin
  cargo xtask embed train my.txt --out my.bin --resume     go on after Ctrl-C

The ending of --out says the format: .bin and .txt or .vec word2vec's, .glove, .npy, .safetensors; with --subwords, .bin is
fastText's. Ctrl-C saves the vectors as they are, and beside them what --resume needs.")]
pub(crate) struct Train {
    /// Texts in UTF-8
    #[arg(required = true)]
    texts: Vec<PathBuf>,
    /// The file to be written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What is predicted from what
    #[arg(long, value_enum, default_value = "cbow")]
    arch: Arch,
    /// How a word is told from others
    #[arg(long, value_enum, default_value = "negative")]
    loss: Loss,
    /// Words drawn against each
    #[arg(long, default_value_t = 5, value_name = "N")]
    negatives: usize,
    /// Skip-gram: context words that are trained in one step and share the words drawn, 1 to 6; more is faster
    #[arg(long, default_value_t = Word2Vec::cbow().shared, value_name = "N")]
    shared: usize,
    /// Length of a vector
    #[arg(long, default_value_t = 100, value_name = "N")]
    dim: usize,
    /// Words looked at on each side
    #[arg(long, default_value_t = 5, value_name = "N")]
    window: usize,
    /// Passages through the texts
    #[arg(long, default_value_t = 5, value_name = "N")]
    epochs: usize,
    /// Rarer words are left out
    #[arg(long, default_value_t = 5, value_name = "N")]
    min_count: u64,
    /// At most so many words, the most frequent
    #[arg(long, value_name = "N")]
    max_words: Option<usize>,
    /// Words above this share are thinned out; 0 keeps all
    #[arg(long, default_value_t = 1e-3, value_name = "X")]
    sample: f64,
    /// First learning rate
    #[arg(long, default_value_t = 0.025, value_name = "X")]
    rate: f32,
    /// The learning rate falls along half a cosine, not in a line
    #[arg(long)]
    cosine: bool,
    /// Passages that join words which belong together, such as New_York
    #[arg(long, default_value_t = 0, value_name = "N")]
    phrases: usize,
    /// Words are made up of their n-grams of 3 to 6 characters too, as in fastText
    #[arg(long)]
    subwords: bool,
    /// Vectors that n-grams share
    #[arg(long, default_value_t = 200_000, value_name = "N", requires = "subwords")]
    buckets: u32,
    /// The same bits from the same seed, whatever the number of threads; a little slower
    #[arg(long)]
    reproducible: bool,
    /// Share of sentences held out to measure the loss on
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    held_out: f64,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Threads to compute with [default: all processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Go on where Ctrl-C broke off, with the settings of then
    #[arg(long)]
    resume: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arch {
    /// The word from the mean of those around it: quick
    Cbow,
    /// The word from each around it: better on rare words
    SkipGram,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Loss {
    /// Negative sampling
    Negative,
    /// Hierarchical softmax
    Hierarchical,
}

impl Train {
    pub(super) fn run(self) -> Result<(), Failure> {
        if !self.subwords && Format::of(&self.out).is_none() {
            let out = self.out.display();
            return Err(format!(
                "--out {out}: expected an ending of .bin, .txt, .vec, .glove, .npy or .safetensors"
            )
            .into());
        }
        on_threads(self.threads, || self.join_and_train(&TextFiles::new(&self.texts), self.phrases))
    }

    /// Joins phrases, as often as is left to do, and trains on what comes out.
    fn join_and_train(&self, corpus: &dyn Corpus, passages: usize) -> Result<(), Failure> {
        if passages == 0 {
            return self.train(corpus);
        }
        let settings = PhraseSettings { min_count: self.min_count, ..PhraseSettings::default() };
        let phrases = Phrases::learn(corpus, &settings)?;
        println!("{} phrases", phrases.len());
        self.join_and_train(&phrases.over(corpus), passages - 1)
    }

    fn settings(&self) -> Word2Vec {
        let architecture = match self.arch {
            Arch::Cbow => Architecture::Cbow { mean: true },
            Arch::SkipGram => Architecture::SkipGram,
        };
        let objective = match self.loss {
            Loss::Negative => Objective::NegativeSampling { negatives: self.negatives, exponent: 0.75 },
            Loss::Hierarchical => Objective::HierarchicalSoftmax,
        };
        let mut settings = Word2Vec::cbow()
            .architecture(architecture)
            .objective(objective)
            .shared(self.shared)
            .dim(self.dim)
            .window(self.window)
            .epochs(self.epochs)
            .min_count(self.min_count)
            .sample(self.sample)
            .rate(self.rate)
            .min_rate(self.rate.min(1e-4))
            .decay(if self.cosine { Decay::Cosine } else { Decay::Linear })
            .subwords(self.subwords.then(|| Subwords { buckets: self.buckets, ..Subwords::default() }))
            .mode(if self.reproducible { Mode::Reproducible } else { Mode::Fast })
            .held_out(self.held_out)
            .seed(self.seed);
        settings.vocab.max_words = self.max_words;
        settings
    }

    /// Where a run that was broken off is kept.
    fn state(&self) -> PathBuf {
        let mut name = self.out.file_name().unwrap_or_default().to_owned();
        name.push(".state");
        self.out.with_file_name(name)
    }

    fn train(&self, corpus: &dyn Corpus) -> Result<(), Failure> {
        let state = self.state();
        let mut trainer = if self.resume {
            Trainer::resume(Model::load(&state)?)?
        } else {
            let settings = self.settings();
            settings.validate()?;
            let vocab = Vocab::count(corpus, &settings.vocab)?;
            println!("{} words of {} in the text", vocab.len(), vocab.corpus_words());
            Trainer::new(settings, vocab)?
        };
        let interrupt = Interrupt::on_ctrl_c()?;
        let mut is_whole = true;
        loop {
            let mut bar: Option<(Progress, u64)> = None;
            let report = trainer.epoch(corpus, &mut |now| {
                let (bar, before) = bar.get_or_insert_with(|| (Progress::new(now.total_words), now.words));
                bar.update(now.words, now.loss, (now.words - *before) as usize);
                *before = now.words;
                if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if let Some((bar, _)) = bar {
                bar.finish();
            }
            let Some(report) = report else { break };
            println!("{report}");
            if !report.is_complete || interrupt.is_set() {
                is_whole = trainer.settings().epochs == report.epoch + 1 && report.is_complete;
                break;
            }
        }
        self.save(trainer.into_model(), is_whole)
    }

    fn save(&self, model: Model, is_whole: bool) -> Result<(), Failure> {
        let state = self.state();
        if is_whole {
            // A file of an earlier run that was broken off is of no more use.
            if state.exists() {
                std::fs::remove_file(&state).map_err(|error| format!("{}: {error}", state.display()))?;
            }
        } else {
            model.save(&state)?;
            println!("broken off; the same command with --resume goes on from {}", state.display());
        }
        let words = model.vocab().len();
        match Format::of(&self.out) {
            Some(Format::Word2VecBinary) | None if model.settings().subwords.is_some() => {
                model.into_fasttext()?.save(&self.out)?;
            }
            format => model.into_vectors().save(&self.out, format.unwrap_or(Format::Word2VecBinary))?,
        }
        let out = self.out.display();
        println!("{words} vectors: {out}\nask them: cargo xtask embed query {out} --nearest WORD");
        Ok(())
    }
}
