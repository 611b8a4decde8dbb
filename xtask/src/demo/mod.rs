//! Demos: each file is a program you could have written with these crates.

mod fasttext;
mod g2p;
mod gpt;
mod lm;
mod memory;
mod mlp;
mod tokenize;
mod translate;
mod word2vec;

use clap::Args;

use crate::Failure;
use crate::args::{RunArgs, Size, interrupt, on_threads};

/// Show what the crates can do, on real data; with no name, the story so far
#[derive(Args, Clone)]
#[command(after_help = "\
Demos:
  mlp       a fully connected net: every value and gradient, activations, L1, L2, dropout, early stopping
  tokenize  byte pairs, WordPiece and Unigram on English and Chinese, side by side
  word2vec  word vectors of English and Chinese: neighbours, analogies, maps
  fasttext  vectors of words never seen, and the language of a sentence
  memory    how far back RNN, LSTM, GRU and attention remember: adding and copying, gradients by step
  g2p       from spelling to pronunciation: RNN, GRU, LSTM, two attentions and the Transformer in one table
  translate Chinese to English manuals, English to Spanish verses; the attention's links against the words they render
  lm        the same text under RNN, GRU, LSTM and GPT: perplexity against time; the long run is WikiText-2
  gpt       a tokenizer and a GPT, trained on text that ships with the source

Examples:
  cargo xtask demo                  the story in two minutes: all but memory, g2p, translate and lm
  cargo xtask demo --quick          all, as short as can be
  cargo xtask demo gpt --lang zh    on the Chinese novel
  cargo xtask demo gpt --chars      character by character, in nanoGPT's setting
  cargo xtask demo gpt --full       the long run
  cargo xtask demo g2p --full --model transformer --minutes 120
                                    one model, on the whole dictionary, for two hours of processor time")]
pub(crate) struct Demo {
    /// Which one
    name: Option<String>,
    /// Language of the text the GPT is trained on: en (plays of Shakespeare) or zh (三国演义)
    #[arg(long, default_value = "en", value_parser = ["en", "zh"])]
    lang: String,
    /// Characters instead of byte pairs
    #[arg(long)]
    chars: bool,
    /// Go on from the last checkpoint of the same demo
    #[arg(long)]
    resume: bool,
    /// Only this model: rnn, gru, lstm; of g2p and translate also lstm-attention, lstm-luong, transformer; of lm also gpt
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Processor time for each model, all threads together, instead of a number of epochs
    #[arg(long, value_name = "M", value_parser = minutes, allow_negative_numbers = true)]
    minutes: Option<f64>,
    /// Units of recurrent models; the Transformer is half as wide
    #[arg(long, value_name = "N", value_parser = hidden, allow_negative_numbers = true)]
    hidden: Option<usize>,
    /// Only this pair of languages
    #[arg(long, value_parser = ["zh-en", "en-es"])]
    pair: Option<String>,
    /// Chinese in the words of jieba's dictionary instead of characters
    #[arg(long)]
    words: bool,
    /// Train the LSTM with attention in PyTorch too, in as many steps
    #[arg(long)]
    peers: bool,
    /// Sounds without the stress of vowels
    #[arg(long)]
    no_stress: bool,
    #[command(flatten)]
    run: RunArgs,
}

/// The four heads of the Transformer need as many parts of its width.
fn hidden(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|hidden: &usize| *hidden > 0 && hidden.is_multiple_of(8) && *hidden <= 4096)
        .ok_or_else(|| "expected a multiple of 8, at most 4096".to_owned())
}

fn minutes(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|minutes: &f64| minutes.is_finite() && *minutes > 0.0)
        .ok_or_else(|| "expected a number above 0".to_owned())
}

/// A demo, and the options that it takes beside those of all.
struct Entry {
    name: &'static str,
    options: &'static [&'static str],
    run: fn(&Demo) -> Result<(), Failure>,
}

const ENTRIES: [Entry; 9] = [
    Entry { name: "mlp", options: &[], run: |demo| mlp::run(&demo.run) },
    Entry { name: "tokenize", options: &[], run: |demo| tokenize::run(&demo.run) },
    Entry { name: "word2vec", options: &[], run: |demo| word2vec::run(&demo.run) },
    Entry { name: "fasttext", options: &[], run: |demo| fasttext::run(&demo.run) },
    Entry { name: "memory", options: &[], run: |demo| memory::run(&demo.run) },
    Entry { name: "g2p", options: &["--model", "--minutes", "--hidden", "--no-stress"], run: g2p::run },
    Entry {
        name: "translate",
        options: &["--model", "--minutes", "--hidden", "--pair", "--words", "--peers"],
        run: translate::run,
    },
    Entry { name: "lm", options: &["--model", "--minutes", "--hidden"], run: lm::run },
    Entry { name: "gpt", options: &["--lang", "--chars", "--resume"], run: gpt::run },
];

/// Those that take two minutes and more each: the story tells of them, and runs them only when it is quick or full.
const LONG: [&str; 4] = ["memory", "g2p", "translate", "lm"];

impl Demo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let chosen: Vec<&Entry> = match self.name.as_deref() {
            None if self.run.size() == Size::Normal => {
                ENTRIES.iter().filter(|entry| !LONG.contains(&entry.name)).collect()
            }
            None => ENTRIES.iter().collect(),
            Some(name) => {
                let names = ENTRIES.map(|entry| entry.name).join(", ");
                let found = ENTRIES.iter().find(|entry| entry.name == name);
                vec![found.ok_or_else(|| format!("no demo `{name}`; there are {names}"))?]
            }
        };
        // Several demos that take an option would mean other things by it.
        let takes = |option: &&str| matches!(chosen[..], [entry] if entry.options.contains(option));
        if let Some(option) = self.options().into_iter().find(|option| !takes(option)) {
            let takers = ENTRIES.iter().filter(|entry| entry.options.contains(&option));
            let takers = takers.map(|entry| format!("`demo {}`", entry.name)).collect::<Vec<_>>().join(", ");
            return Err(match self.name.as_deref() {
                Some(name) => format!("demo {name} does not take {option}; it is for {takers}").into(),
                None => format!("{option} is for {takers}: name the demo").into(),
            });
        }
        on_threads(self.run.threads, || {
            if let [only] = chosen[..] {
                return (only.run)(&self);
            }
            for (i, entry) in chosen.into_iter().enumerate() {
                if i > 0 {
                    println!();
                }
                (entry.run)(&Self { run: self.run.inside(entry.name), ..self.clone() })?;
                if interrupt()?.is_set() {
                    return Ok(());
                }
            }
            if self.run.size() == Size::Normal {
                println!("\nmore, a few minutes each: cargo xtask demo {}", LONG.join(" | "));
            }
            Ok(())
        })
    }

    /// The options given that only some demos take.
    fn options(&self) -> Vec<&'static str> {
        let all = [
            ("--lang", self.lang != "en"),
            ("--chars", self.chars),
            ("--resume", self.resume),
            ("--model", self.model.is_some()),
            ("--minutes", self.minutes.is_some()),
            ("--hidden", self.hidden.is_some()),
            ("--no-stress", self.no_stress),
            ("--pair", self.pair.is_some()),
            ("--words", self.words),
            ("--peers", self.peers),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(option, _)| option).collect()
    }
}
