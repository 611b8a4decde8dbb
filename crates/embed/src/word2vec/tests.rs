//! Training as a whole, in every architecture, objective and mode.

use std::ops::ControlFlow;

use super::plan::{Cursor, Encoded, Planner, Step};
use super::*;
use crate::corpus::{Block, Corpus, Source, Text};
use crate::random::Random;
use crate::vocab::{Vocab, VocabSettings};
use crate::{Error, Subwords, Vectors};

/// Sentences of words of one of three topics, `t0w0` to `t2w9`.
fn topics(sentences: usize) -> String {
    let mut random = Random::new(3);
    let mut text = String::new();
    for _ in 0..sentences {
        let topic = random.below(3);
        for _ in 0..8 {
            text += &format!("t{topic}w{} ", random.below(10));
        }
        text.push('\n');
    }
    text
}

fn all_settings() -> Vec<Word2Vec> {
    let base = Word2Vec::cbow().dim(20).sample(0.0).epochs(3).rate(0.1).window(4);
    let mut list = Vec::new();
    for architecture in
        [Architecture::SkipGram, Architecture::Cbow { mean: true }, Architecture::Cbow { mean: false }]
    {
        let rate = if architecture == (Architecture::Cbow { mean: false }) { 0.03 } else { 0.1 };
        let base = base.clone().architecture(architecture).rate(rate);
        for objective in [
            Objective::NegativeSampling { negatives: 5, exponent: 0.75 },
            Objective::HierarchicalSoftmax,
            Objective::FullSoftmax,
        ] {
            list.push(base.clone().objective(objective));
        }
    }
    list
}

/// Loss of a prediction that knows nothing.
fn chance(settings: &Word2Vec) -> f64 {
    match settings.objective {
        Objective::NegativeSampling { .. } => 6.0 * std::f64::consts::LN_2,
        _ => 30f64.ln(),
    }
}

fn cosine(vectors: &Vectors, a: &str, b: &str) -> f32 {
    let (a, b) = (vectors.get(a).unwrap(), vectors.get(b).unwrap());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Asserts that words are nearer to all of their own topic than to any of another.
fn assert_topics(vectors: &Vectors, what: &str) {
    for i in 1..10 {
        let inside = cosine(vectors, "t0w0", &format!("t0w{i}"));
        let outside = cosine(vectors, "t0w0", &format!("t1w{i}"));
        assert!(inside > outside + 0.3, "{what}: {inside} inside, {outside} outside");
    }
}

fn train(trainer: &mut Trainer, text: &str) -> Vec<Report> {
    let mut reports = Vec::new();
    let settings = trainer.settings().clone();
    let mut next = || trainer.epoch(&Text(text), &mut |_| ControlFlow::Continue(()));
    while let Some(report) = next().unwrap_or_else(|error| panic!("{error}: {settings:?}")) {
        reports.push(report);
    }
    reports
}

fn trainer(settings: &Word2Vec, text: &str) -> Trainer {
    Trainer::new(settings.clone(), Vocab::count(&Text(text), &settings.vocab).unwrap()).unwrap()
}

#[test]
fn topics_are_learned_in_every_way() {
    let text = topics(2000);
    for settings in all_settings() {
        for mode in [Mode::Fast, Mode::Reproducible] {
            let settings = settings.clone().mode(mode).threads(2);
            let mut trainer = trainer(&settings, &text);
            let reports = train(&mut trainer, &text);
            let what = format!("{settings:?}");
            assert!(reports.iter().all(|report| report.is_complete && report.words == 16_000));
            assert!(reports[2].loss < 0.9 * chance(&settings), "{what}: {reports:?}");
            assert_topics(&trainer.into_model().into_vectors(), &what);
        }
    }
}

/// The rows of both matrices in exact arithmetic.
struct Exact {
    input: Vec<Vec<f64>>,
    output: Vec<Vec<f64>>,
    rate: f64,
}

impl Exact {
    /// Trains on all that is planned for a text; rates do not fall.
    fn run(&mut self, settings: &Word2Vec, vocab: &Vocab, text: &str) {
        let planner = Planner::new(settings, vocab);
        let (mut block, mut encoded, mut plan) = (Block::default(), Encoded::default(), Plan::default());
        let (text, mut number) = (Text(text), 0);
        let mut source = text.open().unwrap();
        while source.read(&mut block).unwrap() {
            let mut random = Random::of(settings.seed, 0, number);
            planner.encode(vocab, &block, number, &mut random, &mut encoded);
            let (words, ends) = (&encoded.words, &encoded.ends);
            plan.clear();
            planner.plan(words, ends, &mut Cursor::default(), usize::MAX, &mut random, &mut plan);
            plan.steps().for_each(|step| self.step(step, settings.bag()));
            number += 1;
        }
    }

    /// `vᵢ ← vᵢ + α Σₜ sₜ σ(−sₜ hᵢ·uₜ) uₜ`, `uₜ ← uₜ + α Σᵢ sₜ σ(−sₜ hᵢ·uₜ) hᵢ`: `hᵢ` is `vᵢ`, or of all inputs their
    /// mean or sum.
    fn step(&mut self, step: Step<'_>, bag: Option<bool>) {
        let inputs: Vec<Vec<f64>> = step.inputs.iter().map(|&row| self.input[row as usize].clone()).collect();
        let hidden = match bag {
            None => inputs,
            Some(is_mean) => {
                let scale = if is_mean { 1.0 / inputs.len() as f64 } else { 1.0 };
                let sum = |column: usize| inputs.iter().map(|v| v[column]).sum::<f64>() * scale;
                vec![(0..inputs[0].len()).map(sum).collect()]
            }
        };
        let margin = |sign: f32, h: &[f64], u: &[f64]| {
            f64::from(sign) * h.iter().zip(u).map(|(h, u)| h * u).sum::<f64>()
        };
        let score = |(&row, &sign): (&u32, &f32)| -> Vec<f64> {
            let u = &self.output[row as usize];
            let wrong = |h: &Vec<f64>| 1.0 / (1.0 + margin(sign, h, u).exp());
            hidden.iter().map(|h| self.rate * f64::from(sign) * wrong(h)).collect()
        };
        let g: Vec<Vec<f64>> = step.targets.iter().zip(step.signs).map(score).collect();
        let mut changes = vec![vec![0.0; hidden[0].len()]; hidden.len()];
        for (g, &row) in g.iter().zip(step.targets) {
            // A word drawn twice has its first change by then.
            let u = self.output[row as usize].clone();
            for ((g, h), change) in g.iter().zip(&hidden).zip(&mut changes) {
                change.iter_mut().zip(&u).for_each(|(change, u)| *change += g * u);
                self.output[row as usize].iter_mut().zip(h).for_each(|(u, h)| *u += g * h);
            }
        }
        for (i, &row) in step.inputs.iter().enumerate() {
            let change = &changes[if bag.is_some() { 0 } else { i }];
            self.input[row as usize].iter_mut().zip(change).for_each(|(v, change)| *v += change);
        }
    }
}

/// What is shipped (the planner, the kernels and the loop over blocks) comes to the vectors of exact arithmetic.
#[test]
fn an_epoch_is_the_exact_sum_of_its_steps() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/text/tiny-shakespeare.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let text = &text[..text[..150_000].rfind('\n').unwrap()];
    let subwords = Subwords { buckets: 500, ..Subwords::default() };
    let list = all_settings().into_iter().filter(|s| s.objective != Objective::FullSoftmax);
    for settings in list.chain([Word2Vec::skip_gram().subwords(Some(subwords))]) {
        let settings = settings.dim(20).epochs(1).sample(1e-3).rate(0.03).min_rate(0.03).threads(1);
        let mut trainer = trainer(&settings, text);
        let rows = |matrix: &crate::matrix::Matrix| -> Vec<Vec<f64>> {
            (0..matrix.rows()).map(|row| matrix.row(row).iter().map(|&x| f64::from(x)).collect()).collect()
        };
        let (input, output) = trainer.matrices();
        let mut exact = Exact { input: rows(input), output: rows(output), rate: f64::from(settings.rate) };
        exact.run(&settings, &trainer.vocab().clone(), text);
        train(&mut trainer, text);
        let (input, output) = trainer.matrices();
        for (found, expected) in [(rows(input), exact.input), (rows(output), exact.output)] {
            let largest = expected.iter().flatten().fold(0.0, |largest, x| f64::max(largest, x.abs()));
            let differences =
                found.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| (a - b).abs());
            let difference = differences.fold(0.0, f64::max) / largest;
            assert!(difference < 1e-5, "{difference}: {settings:?}");
        }
    }
}

#[test]
fn losses_are_those_of_the_predictions() {
    let text = topics(2000);
    // With hardly any learning: chance. The words are equally frequent, so a path has about log₂ 30 turns.
    for settings in all_settings() {
        let settings = settings.rate(1e-6).min_rate(0.0).epochs(1);
        let chance = chance(&settings);
        let loss = train(&mut trainer(&settings, &text), &text)[0].loss;
        assert!((loss - chance).abs() < 0.05 * chance, "{settings:?}: {loss}, chance is {chance}");
    }
}

#[test]
fn softmax_learns_the_probability_of_a_topic() {
    let text = topics(2000);
    let settings = Word2Vec::skip_gram().objective(Objective::FullSoftmax).dim(20).sample(0.0).rate(0.1);
    let reports = train(&mut trainer(&settings.held_out(0.1), &text), &text);
    // A word says which ten of thirty words its neighbours are.
    assert!((reports[4].loss - 10f64.ln()).abs() < 0.02, "{}", reports[4]);
    assert!((reports[4].held_out.unwrap() - 10f64.ln()).abs() < 0.05, "{}", reports[4]);
}

#[test]
fn reproducible_training_gives_the_same_bits_on_any_number_of_threads() {
    let text = topics(4000);
    for settings in all_settings() {
        if settings.objective == Objective::FullSoftmax {
            continue;
        }
        let on = |threads| {
            let settings =
                settings.clone().mode(Mode::Reproducible).threads(threads).held_out(0.02).epochs(2).dim(70);
            let mut trainer = trainer(&settings, &text);
            let losses: Vec<_> = train(&mut trainer, &text).iter().map(|r| (r.loss, r.held_out)).collect();
            let Model { input, output, .. } = trainer.into_model();
            (losses, input, output)
        };
        let one = on(1);
        for threads in [1, 2, 4] {
            assert!(on(threads) == one, "{threads} threads: {settings:?}");
        }
    }
}

#[test]
fn a_run_broken_off_goes_on_as_if_it_had_not_been() {
    let text = topics(16_000);
    for mode in [Mode::Reproducible, Mode::Fast] {
        let settings = Word2Vec::skip_gram().dim(5).epochs(2).mode(mode).threads(1).held_out(0.01);
        // A slow source: progress is asked about many times in an epoch.
        let slow = Slow(Text(&text));
        let run = |progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>| {
            let mut trainer = trainer(&settings, &text);
            let (mut broken_off, mut losses) = (0, Vec::new());
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("state");
            while let Some(report) = trainer.epoch(&slow, progress).unwrap() {
                broken_off += usize::from(!report.is_complete);
                losses.extend(report.is_complete.then_some((report.loss, report.held_out)));
                trainer.into_model().save(&path).unwrap();
                trainer = Trainer::resume(Model::load(&path).unwrap()).unwrap();
            }
            (trainer.into_model(), losses, broken_off)
        };
        let (whole, losses, _) = run(&mut |_| ControlFlow::Continue(()));
        let (parts, losses_of_parts, broken_off) = run(&mut |_| ControlFlow::Break(()));
        assert!(parts == whole, "{mode:?}");
        assert_eq!(losses_of_parts, losses, "{mode:?}");
        assert!(broken_off > 0 && !parts.is_unfinished(), "{mode:?}: broken off {broken_off} times");
    }
}

#[test]
fn short_epochs_do_not_wait() {
    let text = topics(50);
    let settings = Word2Vec::cbow().dim(8).epochs(400).threads(1).sample(0.0);
    let start = std::time::Instant::now();
    train(&mut trainer(&settings, &text), &text);
    // An end that goes unseen is noticed up to a tenth of a second later.
    assert!(start.elapsed().as_secs_f64() < 3.0, "{:?}", start.elapsed());
}

/// Text of which each block takes its time to come.
struct Slow<'a>(Text<'a>);

struct Delayed<'a>(Box<dyn Source + 'a>);

impl Corpus for Slow<'_> {
    fn open(&self) -> crate::Result<Box<dyn Source + '_>> {
        Ok(Box::new(Delayed(self.0.open()?)))
    }
}

impl Source for Delayed<'_> {
    fn read(&mut self, block: &mut Block) -> crate::Result<bool> {
        std::thread::sleep(std::time::Duration::from_millis(25));
        self.0.read(block)
    }
}

#[test]
fn new_words_are_learned_and_old_ones_kept() {
    let settings = Word2Vec::skip_gram().dim(20).sample(0.0).epochs(3).rate(0.1).min_count(1);
    let (old, new) = (topics(1000), topics(2000).replace("t2", "new"));
    for objective in [settings.objective, Objective::HierarchicalSoftmax] {
        let settings = settings.clone().objective(objective);
        let mut model = settings.train(&Text(&old)).unwrap();
        let before = model.vectors();
        model.learn_words(&Vocab::count(&Text(&new), &VocabSettings::min_count(1)).unwrap()).unwrap();
        assert_eq!((model.vocab().len(), model.vectors().word(5)), (40, before.word(5)));
        assert_eq!(model.vectors().row(7), before.row(7));
        let mut trainer = Trainer::further(model, settings).unwrap();
        train(&mut trainer, &new);
        let after = trainer.into_model().into_vectors();
        assert!(cosine(&after, "neww0", "neww5") > cosine(&after, "neww0", "t0w5") + 0.3);
        // Words that the new corpus lacks stay near each other.
        assert!(cosine(&after, "t2w0", "t2w5") > cosine(&after, "t2w0", "t0w5") + 0.3);
    }
    let model = settings.train(&Text(&old)).unwrap();
    let error = Trainer::further(model, settings.dim(21)).err().unwrap();
    assert_eq!(error.to_string(), "dim is 21: expected that of the model");
}

#[test]
fn faults_are_errors() {
    let error = |text: &str| Word2Vec::cbow().train(&Text(text)).unwrap_err();
    assert!(matches!(error(""), Error::EmptyCorpus));
    assert!(matches!(error("a b c"), Error::EmptyVocabulary { min_count: 5, .. }));
    let text = topics(500);
    let diverging = Word2Vec::skip_gram().rate(1e30).min_rate(1e30).sample(0.0);
    assert!(matches!(diverging.train(&Text(&text)).unwrap_err(), Error::NotFinite { .. }));
    let missing = Word2Vec::cbow().train(&crate::TextFiles::one("no/such/file")).unwrap_err();
    assert!(missing.to_string().starts_with("no/such/file: "));
    // A single word may predict itself; thinned out, it predicts nothing.
    let settings = Word2Vec::cbow().objective(Objective::HierarchicalSoftmax);
    let model = settings.clone().sample(0.0).train(&Text("a a a a a a")).unwrap();
    assert_eq!(model.vocab().len(), 1);
    for mode in [Mode::Fast, Mode::Reproducible] {
        let error = settings.clone().mode(mode).train(&Text(&"a\n".repeat(20))).unwrap_err();
        assert!(matches!(error, Error::NothingToPredict { words: 100 }), "{error}");
    }
}
