//! `cargo xtask embed train`.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use embed::corpus::Corpus;
use embed::io::Format;
use embed::word2vec::{Architecture, Decay, Mode, Objective, Trainer};
use embed::{Model, PhraseScore, PhraseSettings, Phrases, Readers, Subwords, TextFiles, Vocab, Word2Vec};
use train::Progress;

use super::destination;
use super::words::{WordArgs, rewound};
use crate::Failure;
use crate::args::{interrupt, on_threads};

/// Train word vectors on text files: a sentence a line, words between blanks
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo xtask embed train my.txt --lower --letters --out my.bin
  cargo xtask embed train 三国.txt --zh --letters --out zh.bin     needs `cargo xtask data fetch jieba`
  cargo xtask embed train a.txt b.txt --arch skip-gram --dim 300 --phrases 1 --out my.safetensors
  cargo xtask embed train my.txt --subwords --out my.fasttext.bin
  cargo xtask embed train my.txt --lower --letters --out my.bin --resume     go on after Ctrl-C

The ending of --out says the format: .bin and .txt or .vec word2vec's, .glove, .npy, .safetensors; with --subwords, .bin is
fastText's. Ctrl-C saves the vectors as they are, and beside them what --resume needs; a second one abandons both.")]
pub(crate) struct Train {
    /// Texts in UTF-8
    #[arg(required = true)]
    texts: Vec<PathBuf>,
    /// The file to be written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    words: WordArgs,
    /// What is predicted from what
    #[arg(long, value_enum, default_value = "cbow")]
    arch: Arch,
    /// CBOW: from the sum of the words around in place of their mean
    #[arg(long)]
    sum: bool,
    /// How a word is told from others
    #[arg(long, value_enum, default_value = "negative")]
    loss: Loss,
    /// Words drawn against each
    #[arg(long, default_value_t = 5, value_name = "N")]
    negatives: usize,
    /// They are drawn by their counts to this power
    #[arg(long, default_value_t = 0.75, value_name = "X", allow_negative_numbers = true)]
    exponent: f64,
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
    /// How strongly words belong together
    #[arg(long, value_enum, default_value = "default", requires = "phrases")]
    phrase_score: Score,
    /// Words with a higher score are joined [default: 100, of npmi 0.5]
    #[arg(long, value_name = "X", requires = "phrases", allow_negative_numbers = true)]
    phrase_threshold: Option<f64>,
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
    /// Go on where Ctrl-C broke off, on the same texts with the same options
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
    /// Softmax over all words: slow
    Full,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Score {
    /// word2phrase's, from zero up
    Default,
    /// Normalised pointwise mutual information, -1 to 1
    Npmi,
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
        if self.sum && self.arch == Arch::SkipGram {
            return Err("--sum is of --arch cbow alone".into());
        }
        destination::check(&self.out, &self.texts)?;
        destination::check(&self.state(), &self.texts)?;
        if Format::of(&self.out) == Some(Format::Npy) {
            destination::check(&self.out.with_extension("vocab"), &self.texts)?;
        }
        on_threads(self.threads, || {
            match self.words.prepare(&self.texts, destination::folder(&self.out))? {
                Some(file) => self.join_and_train(&Readers::new(|| rewound(&file)), self.phrases),
                None => self.join_and_train(&TextFiles::new(&self.texts), self.phrases),
            }
        })
    }

    /// Joins phrases, as often as is left to do, and trains on what comes out.
    fn join_and_train(&self, corpus: &dyn Corpus, passages: usize) -> Result<(), Failure> {
        if passages == 0 {
            return self.train(corpus);
        }
        let (score, threshold) = match self.phrase_score {
            Score::Default => (PhraseScore::Word2Phrase, 100.0),
            Score::Npmi => (PhraseScore::Npmi, 0.5),
        };
        let settings = PhraseSettings {
            min_count: self.min_count,
            score,
            threshold: self.phrase_threshold.unwrap_or(threshold),
            ..PhraseSettings::default()
        };
        let phrases = Phrases::learn(corpus, &settings)?;
        println!("{} phrases", phrases.len());
        self.join_and_train(&phrases.over(corpus), passages - 1)
    }

    fn settings(&self) -> Word2Vec {
        let architecture = match self.arch {
            Arch::Cbow => Architecture::Cbow { mean: !self.sum },
            Arch::SkipGram => Architecture::SkipGram,
        };
        let objective = match self.loss {
            Loss::Negative => {
                Objective::NegativeSampling { negatives: self.negatives, exponent: self.exponent }
            }
            Loss::Hierarchical => Objective::HierarchicalSoftmax,
            Loss::Full => Objective::FullSoftmax,
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

    /// At the first word, or where training was broken off.
    fn trainer(&self, corpus: &dyn Corpus) -> Result<Trainer, Failure> {
        let settings = self.settings();
        settings.validate()?;
        let state = self.state();
        let (model, state) = (self.resume.then(|| Model::load(&state)).transpose()?, state.display());
        if let Some(model) = &model {
            let differences = differences(model.settings(), &settings)?;
            if !differences.is_empty() {
                let differences = differences.join("; ");
                return Err(format!("{state} was made with other settings: {differences}").into());
            }
        }
        let vocab = Vocab::count(corpus, &settings.vocab)?;
        println!("{} words of {} in the text", vocab.len(), vocab.corpus_words());
        let Some(model) = model else { return Ok(Trainer::new(settings, vocab)?) };
        if *model.vocab() != vocab {
            let what = "on other texts, or with other options for words and phrases";
            return Err(format!("{state} was made {what}: the words and their counts differ").into());
        }
        Ok(Trainer::resume(model)?)
    }

    fn train(&self, corpus: &dyn Corpus) -> Result<(), Failure> {
        let mut trainer = self.trainer(corpus)?;
        let interrupt = interrupt()?;
        let (mut told, all) = trainer.words();
        let mut bar = Progress::new(all).begun_at(told).units("word", "words");
        let mut is_whole = true;
        loop {
            let report = trainer.epoch(corpus, &mut |now| {
                // Before the first prediction there is no loss.
                if !now.loss.is_nan() {
                    bar.update(now.words, now.loss, (now.words - told) as usize);
                    told = now.words;
                }
                if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            let Some(report) = report else { break };
            let (done, _) = trainer.words();
            bar.update(done, report.loss, (done - told) as usize);
            told = done;
            bar.print(&report.to_string());
            if !report.is_complete || interrupt.is_set() {
                is_whole = trainer.settings().epochs == report.epoch + 1 && report.is_complete;
                break;
            }
        }
        bar.finish();
        if interrupt.is_set() {
            println!("saving; Ctrl-C again abandons what is not saved yet");
        }
        self.save(trainer.into_model(), is_whole)
    }

    fn save(&self, model: Model, is_whole: bool) -> Result<(), Failure> {
        let state = self.state();
        if !is_whole {
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
        // A file of an earlier run that was broken off is of no more use.
        if is_whole && state.exists() {
            std::fs::remove_file(&state).map_err(|error| format!("{}: {error}", state.display()))?;
        }
        let out = self.out.display();
        println!("{words} vectors: {out}\nask them: cargo xtask embed query {out} --nearest WORD");
        Ok(())
    }
}

/// Which settings differ: `dim 100, now 300`.
fn differences(then: &Word2Vec, now: &Word2Vec) -> Result<Vec<String>, Failure> {
    // Numbers as they are once they have been in a file.
    let now: Word2Vec = serde_json::from_str(&serde_json::to_string(now)?)?;
    let (then, now) = (serde_json::to_value(then)?, serde_json::to_value(now)?);
    let names = then.as_object().into_iter().flat_map(|fields| fields.keys());
    let differing = names.filter(|name| then[*name] != now[*name]);
    Ok(differing.map(|name| format!("{name} {}, now {}", then[name], now[name])).collect())
}
